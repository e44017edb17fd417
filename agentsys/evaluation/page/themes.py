"""How plots look on light and on dark ground.

The colours keep apart for people who do not see red, green or blue (simulated after Machado et
al. 2009), and stand out from their ground by 3 to 1 or more (WCAG 2.2, 1.4.11).
"""

from typing import Any

FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Noto Sans', 'Liberation Sans', sans-serif"

_LIGHT = ("#1f6fb5", "#c47d04", "#b83255", "#04a3aa", "#313072", "#671f00", "#9078ee")
_DARK = ("#6cb2eb", "#f7e36d", "#ed8b51", "#7ef8fe", "#8f78e0", "#d3581f", "#c58aa8")


def _theme(
    ink: str, quiet: str, line: str, ground: str, colours: tuple[str, ...]
) -> dict[str, Any]:
    return {
        "background": "transparent",
        "font": FONT,
        "view": {"stroke": None},
        "axis": {
            "labelColor": quiet,
            "titleColor": quiet,
            "labelFontSize": 12,
            "titleFontSize": 12,
            "titleFontWeight": "normal",
            "titlePadding": 8,
            "gridColor": line,
            "domainColor": line,
            "tickColor": line,
        },
        "legend": {
            "orient": "top",
            "columns": 3,
            "labelColor": ink,
            "labelFontSize": 12,
            "labelLimit": 170,
            "symbolType": "circle",
            "symbolSize": 90,
            "symbolStrokeWidth": 2,
            "symbolOpacity": 1,
            "columnPadding": 22,
            "offset": 10,
        },
        "range": {"category": list(colours)},
        "style": {
            "label": {"color": ink},
            "halo": {"color": ground, "stroke": ground, "strokeWidth": 3.5, "strokeJoin": "round"},
            "front": {"color": quiet, "strokeWidth": 1.4, "strokeDash": [5, 4]},
            "whisker": {"color": ink, "opacity": 0.75},
        },
    }


LIGHT = _theme("#1c2127", "#57606a", "#dfe3e8", "#ffffff", _LIGHT)
DARK = _theme("#e6e9ed", "#a0a9b4", "#363c45", "#181b20", _DARK)
