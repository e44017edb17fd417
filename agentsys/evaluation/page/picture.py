"""The main plot as a picture that stands alone, as in a README."""

from collections.abc import Sequence

from agentsys.evaluation.page import themes, vega
from agentsys.evaluation.page.tradeoff import drawn
from agentsys.evaluation.reports.report import Row

_PADDING = {"left": 20, "top": 22, "right": 28, "bottom": 16}
_GROUND = 610
"""Width of the plot's ground in it, in pixels; axes and padding come to it."""


def picture(rows: Sequence[Row]) -> str:
    """Cost per success against success as SVG, on a ground of its own: for light and dark pages.

    There is at least one row with a success.
    """
    shown = [row for row in rows if row.cps_usd is not None and row.success_rate is not None]
    spec = drawn(shown, (_GROUND,), 30) | {"width": _GROUND, "padding": _PADDING}
    spec["autosize"] = {"type": "pad"}
    return vega.svg(spec, {**themes.LIGHT, "background": "#ffffff"})
