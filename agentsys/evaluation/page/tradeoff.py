"""The plot that the measure is named for: what a success costs against how many succeed."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from agentsys.evaluation.page import charts
from agentsys.evaluation.page.axes import along, amount_axis, labels, share_axis
from agentsys.evaluation.page.curves import front
from agentsys.evaluation.page.labels import Label, placed
from agentsys.evaluation.page.plots import Panel, Plot
from agentsys.evaluation.reports.numbers import money, percent, span
from agentsys.evaluation.reports.report import Row

_LAYOUTS = (
    (900, (820, 980, 1_160), 32),
    (560, (460, 640, 850), 24),
    (400, (310, 400, 510), 18),
    (0, (225, 270, 350), 16),
)
"""The least width of the card, widths of the plot's ground in it, and characters of a name."""

_NAME = 60

_IN_LEGEND = 18

_NUMBERED = 20
"""Of more points the names find no room beside them: they are numbers, and a legend says whose."""

_NAMED = 40
"""Of more points those on the front alone are named."""

_CAPTION = (
    "Each point is a {by}: what a success cost against how many tasks succeeded, with 95 %"
    " intervals. The dashed line is the Pareto front: nothing lies to the left of it, or above it."
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
    if len(shown) > _NAMED:
        caption += " Of so many points, only those on it are named; the table has all names."
    return replace(
        plot,
        caption=caption
        + (f" Without a success there is no cost per success: {left_out}." if missing else ""),
        panels=(
            Panel(
                "tradeoff",
                tuple((least, drawn(shown, widths, cut)) for least, widths, cut in _LAYOUTS),
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


def drawn(rows: Sequence[Row], widths: Sequence[float], cut: int) -> charts.Spec:
    """The plot of rows that have a success.

    Args:
        rows: The rows.
        widths: Of the plot's ground in pixels, for which names are placed.
        cut: Most characters of a name.
    """
    values = _values(rows, cut)
    amounts = [v[key] for v in values for key in ("cost", "low", "high") if v[key] is not None]
    logarithmic, cost = amount_axis(amounts)
    success = share_axis(value["least"] for value in values)
    for value in values:
        value["high"] = cost[1] if value["high"] is None else value["high"]
    numbered = _name(values, widths, cost, success, logarithmic=logarithmic)
    best = _front(rows)
    kept = [value for value, row in zip(values, rows, strict=True) if row.graph in best]
    edge = [{"cost": v["cost"], "success": v["success"]} for v in kept]
    edge.sort(key=lambda point: point["cost"])
    return charts.cost_and_success(
        values, edge, logarithmic=logarithmic, cost=cost, success=success, legend=numbered
    )


def _name(
    values: list[dict[str, Any]],
    widths: Sequence[float],
    cost: Sequence[float],
    success: Sequence[float],
    *,
    logarithmic: bool,
) -> bool:
    """Give each value's label its place; gives whether labels are numbers that a legend names."""

    def across(amount: float) -> float:
        return along(amount, cost, logarithmic=logarithmic)

    def down(share: float) -> float:
        return charts.TALL * (1 - along(share, success, logarithmic=False))

    points = [(across(v["cost"]), down(v["success"])) for v in values]
    spans = [
        (across(v["low"]), across(v["high"]), down(v["most"]), down(v["least"])) for v in values
    ]
    many = len(values) > _NAMED
    names = [value["label"] if value["best"] or not many else "" for value in values]
    few = len(values) <= _NUMBERED
    places = placed(points, spans, names, widths, charts.TALL) if few or many else [None]
    numbered = not many and None in places
    if numbered:
        names = [str(number) for number in range(1, len(values) + 1)]
        places = placed(points, spans, names, widths, charts.TALL)
        for value, number in zip(values, names, strict=True):
            value["group"] = f"{number}  {value['group']}"
    for value, name, place in zip(values, names, places, strict=True):
        value["label"] = name if place else ""
        at = place or Label(0, 0, "left")
        value |= {"dx": at.dx, "dy": at.dy, "align": at.align, "led": at.leader is not None}
        value["lead_x"], value["lead_y"] = at.leader or (0, 0)
    return numbered


def _values(rows: Sequence[Row], cut: int) -> list[dict[str, Any]]:
    best = _front(rows)
    written = labels([row.graph for row in rows], cut)
    names = labels([row.graph for row in rows], _NAME)
    groups = labels([row.graph for row in rows], _IN_LEGEND)
    values: list[dict[str, Any]] = []
    for row, label, name, group in zip(rows, written, names, groups, strict=True):
        least, most = row.success_ci or (row.success_rate, row.success_rate)
        low, high = row.cps_ci or (row.cps_usd, row.cps_usd)
        values.append(
            {
                "name": name,
                "label": label,
                "group": group,
                "best": row.graph in best,
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
