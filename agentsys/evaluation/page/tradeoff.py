"""The plot that the measure is named for: what a success costs against how many succeed."""

from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any

from agentsys.evaluation.page import charts
from agentsys.evaluation.page.axes import along, amount_axis, labels, share_axis
from agentsys.evaluation.page.curves import front
from agentsys.evaluation.page.labels import placed
from agentsys.evaluation.page.plots import Panel, Plot
from agentsys.evaluation.reports.numbers import money, percent, span
from agentsys.evaluation.reports.report import Row

_LAYOUTS = ((900, 820, 32), (560, 460, 24), (0, 250, 16))
"""The least width of the card, of the plot's ground in it, and characters of a name."""

_NAME = 60

_CAPTION = (
    "Each point is a {by}: what a success cost against how many tasks succeeded, with 95 %"
    " intervals. Nothing lies to the left of the dashed front, or above it."
)

_PART = " A task counts for each one that it asked, with the cost of its calls to that one."


def tradeoff(rows: Sequence[Row], by: str = "graph") -> Plot:
    """Cost per success against success, with intervals, names and the Pareto front."""
    caption = _CAPTION.format(by=by) + (_PART if by in ("model", "node") else "")
    plot = Plot("tradeoff", "Cost against success", caption, wide=True)
    shown = [row for row in rows if row.cps_usd is not None and row.success_rate is not None]
    missing = [row.graph for row in rows if row not in shown]
    left_out = ", ".join(labels(missing, 40))
    if not shown:
        return replace(plot, caption="Nothing succeeded, so nothing has a cost per success.")
    return replace(
        plot,
        caption=caption
        + (f" Without a success there is no cost per success: {left_out}." if missing else ""),
        panels=(
            Panel(
                "tradeoff",
                tuple((least, drawn(shown, width, cut)) for least, width, cut in _LAYOUTS),
            ),
        ),
        columns=(by, "success (95 % interval)", "cost per success", "on the front"),
        rows=tuple(
            (
                value["name"],
                value["success_text"],
                value["cost_text"],
                "yes" if row.graph in _front(shown) else "no",
            )
            for value, row in zip(_values(shown, _NAME), shown, strict=True)
        ),
    )


def drawn(rows: Sequence[Row], width: float, cut: int) -> charts.Spec:
    """The plot of rows that have a success.

    Args:
        rows: The rows.
        width: Least width of the plot's ground in pixels, for which names are placed.
        cut: Most characters of a name.
    """
    values = _values(rows, cut)
    amounts = [v[key] for v in values for key in ("cost", "low", "high") if v[key] is not None]
    logarithmic, cost = amount_axis(amounts)
    success = share_axis(value["least"] for value in values)
    for value in values:
        value["high"] = cost[1] if value["high"] is None else value["high"]
    names = [value["label"] for value in values]

    def across(amount: float) -> float:
        return width * along(amount, cost, logarithmic=logarithmic)

    def down(share: float) -> float:
        return charts.TALL * (1 - along(share, success, logarithmic=False))

    points = [(across(v["cost"]), down(v["success"])) for v in values]
    spans = [
        (across(v["low"]), across(v["high"]), down(v["most"]), down(v["least"])) for v in values
    ]
    places = placed(points, spans, names, width, charts.TALL)
    for value, place in zip(values, places, strict=True):
        value |= asdict(place) if place else {"dx": 0, "dy": 0, "align": "left", "label": ""}
    best = _front(rows)
    kept = [value for value, row in zip(values, rows, strict=True) if row.graph in best]
    edge = [{"cost": v["cost"], "success": v["success"]} for v in kept]
    edge.sort(key=lambda point: point["cost"])
    return charts.cost_and_success(
        values,
        edge,
        logarithmic=logarithmic,
        cost=cost,
        success=success,
        legend=None in places and len(rows) <= charts.SERIES,
    )


def _values(rows: Sequence[Row], cut: int) -> list[dict[str, Any]]:
    best, few = _front(rows), len(rows) <= charts.SERIES
    written = labels([row.graph for row in rows], cut)
    names = labels([row.graph for row in rows], _NAME)
    values: list[dict[str, Any]] = []
    for row, label, name in zip(rows, written, names, strict=True):
        least, most = row.success_ci or (row.success_rate, row.success_rate)
        low, high = row.cps_ci or (row.cps_usd, row.cps_usd)
        place = "on the front" if row.graph in best else "behind it"
        values.append(
            {
                "name": name,
                "label": label,
                "group": name if few else place,
                "cost": row.cps_usd,
                "low": low,
                "high": high,
                "success": row.success_rate,
                "least": least,
                "most": most,
                "cost_text": money(row.cps_usd) + span(row.cps_ci, money),
                "success_text": percent(row.success_rate) + span(row.success_ci, percent),
            }
        )
    return values


def _front(rows: Sequence[Row]) -> list[str]:
    return front({row.graph: (row.cps_usd or 0.0, row.success_rate or 0.0) for row in rows})
