"""The plots of a page: each with its caption and, for who cannot see it, a table."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from agentsys.evaluation.page import charts
from agentsys.evaluation.page.axes import (
    PROBABILITIES,
    amount_axis,
    labels,
    log_odds,
    odds_axis,
    share_axis,
    thinned,
)
from agentsys.evaluation.page.curves import Answer, calibration, distribution, escalation
from agentsys.evaluation.reports.numbers import count, money, percent, seconds, span
from agentsys.evaluation.reports.report import Row

_NAME = 36
_IDEAL = sorted({*PROBABILITIES, *(1 / (1 + 10 ** (-step / 10)) for step in range(-30, 61))})
"""Where the line of calibration is drawn from: it is straight only on an axis of shares."""

_IN_LEGEND = 22
"""Characters of a name in a legend: of more, it would be cut off."""

_TIMED = 10
"""Most curves of latency."""

_CALIBRATED = 3
"""Most curves of calibration: their intervals lie over each other."""

_TABLED = 12
"""Most rows of a table for each curve."""


@dataclass(frozen=True, slots=True)
class Panel:
    """One drawing; which of its layouts is taken, the width decides."""

    name: str
    layouts: tuple[tuple[int, charts.Spec], ...]
    """The least width in pixels, and the plot; the widest first."""


@dataclass(frozen=True, slots=True)
class Plot:
    """A card of the page."""

    name: str
    title: str
    caption: str
    panels: tuple[Panel, ...] = ()
    """None: the caption says why."""
    columns: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    wide: bool = False


def costs(rows: Sequence[Row], loaded: str, by: str = "graph") -> Plot:
    """What a success cost, one line a row.

    Args:
        rows: Of the report.
        loaded: What a failure costs, in words, or empty.
        by: What a row is.
    """
    plot = Plot("costs", "Cost per success", _COSTS)
    shown = sorted((r for r in rows if r.cps_usd is not None), key=lambda row: row.cps_usd or 0)
    if not shown:
        return replace(plot, caption="Nothing succeeded, so there is no cost per success.")
    written = labels([row.graph for row in shown], 17)
    names = labels([row.graph for row in shown], _NAME)
    values: list[dict[str, Any]] = []
    for row, label, name in zip(shown, written, names, strict=True):
        low, high = row.cps_ci or (None, None)
        text = money(row.cps_usd) + span(row.cps_ci, money)
        values.append(
            {"label": label, "name": name, "measure": "cost per success", "cost": row.cps_usd}
            | {"low": low, "high": high, "cost_text": text}
        )
        if loaded:
            values.append(
                {"label": label, "name": name, "measure": "loaded", "cost": row.loaded_cps_usd}
                | {"cost_text": money(row.loaded_cps_usd)}
            )
    amounts = [v[key] for v in values for key in ("cost", "low", "high") if v.get(key) is not None]
    logarithmic, ends = amount_axis(amounts)
    for value in values:
        if value.get("low") is not None and value["high"] is None:
            value["high"] = ends[1]
    spec = charts.costs(values, written, logarithmic=logarithmic, ends=ends)
    return replace(
        plot,
        caption=_COSTS + (f" Loaded: with {loaded} more for each failure." if loaded else ""),
        panels=(Panel("costs", ((0, spec),)),),
        columns=(by, "measure", "cost (95 % interval)"),
        rows=tuple((v["name"], v["measure"], v["cost_text"]) for v in values),
    )


_COSTS = "All spend, failures included, divided by the successes; 95 % intervals."


def thresholds(groups: Mapping[str, Sequence[Answer]]) -> Plot:
    """What a threshold would have done with the replies of the tier that is asked first."""
    plot = Plot("thresholds", "Escalation", _THRESHOLDS)
    if not groups:
        return replace(plot, caption=_NO_THRESHOLDS)
    shown = dict(list(groups.items())[: charts.SERIES])
    series = labels(list(shown), _IN_LEGEND)
    values: list[dict[str, Any]] = []
    table: list[tuple[str, ...]] = []
    for name, answers in zip(series, shown.values(), strict=True):
        gates = escalation(answers)
        low_high = [gate.interval or (None, None) for gate in gates]
        own: list[dict[str, Any]] = [
            {
                "name": name,
                "place": log_odds(gate.threshold),
                "escalated": gate.escalated,
                "right": gate.right,
                "low": low,
                "high": high,
                "threshold_text": f"{gate.threshold:.4f}",
                "escalated_text": percent(gate.escalated),
                "right_text": _known(gate.right, gate.interval),
                "kept": count(gate.kept),
            }
            for gate, (low, high) in zip(gates, low_high, strict=True)
        ]
        values += own
        keys = ("name", "threshold_text", "escalated_text", "kept", "right_text")
        table += [tuple(own[at][key] for key in keys) for at in thinned(len(own), _TABLED)]
    ends = odds_axis(value["place"] for value in values)
    right = charts.thresholds(
        values,
        series,
        ends=ends,
        share="right",
        title="right among the kept",
        band=len(series) <= 2,
        legend=len(series) > 1,
    )
    known = any(value["right"] is not None for value in values)
    gone = charts.thresholds(
        values,
        series,
        ends=ends,
        share="escalated",
        title="escalated",
        band=False,
        legend=len(series) > 1 and not known,
    )
    panels = (Panel("right", ((0, right),)),) if known else ()
    return replace(
        plot,
        caption=_THRESHOLDS + _left_out(len(groups), charts.SERIES),
        panels=(*panels, Panel("escalated", ((0, gone),))),
        columns=("of", "threshold", "escalated", "kept", "right among the kept"),
        rows=tuple(table),
    )


_THRESHOLDS = (
    "What a threshold would do with the replies of the tier that is asked first: those below it go"
    " on to the next tier, and those that a check or the schema refused go on at any threshold."
    " Right means that the task succeeded. Whether a reply that was handed on had been right,"
    " nobody has seen: the curve begins where the ledger knows it of all that are kept. Nodes that"
    " never went on to another tier are left out."
)
_NO_THRESHOLDS = (
    "No escalation curve: no node that went on to another tier has replies that show how sure"
    " their model was (log-probabilities)."
)


def _known(right: float | None, interval: tuple[float, float] | None) -> str:
    return "not known" if right is None else percent(right) + span(interval, percent)


def reliability(groups: Mapping[str, Sequence[Answer]]) -> Plot:
    """Whether confidence means what it says, for each node and model."""
    plot = Plot("reliability", "Calibration", _RELIABILITY)
    if not groups:
        none = "No calibration curve: no accepted answer has both a confidence and a verdict."
        return replace(plot, caption=none)
    series = labels(list(groups), _IN_LEGEND)
    every: list[dict[str, Any]] = [
        {
            "name": name,
            "place": log_odds(each.confidence),
            "right": each.right,
            "low": each.interval[0],
            "high": each.interval[1],
            "confidence_text": f"{each.confidence:.4f}",
            "right_text": percent(each.right) + span(each.interval, percent),
            "answers": count(each.answers),
        }
        for name, answers in zip(series, groups.values(), strict=True)
        for each in calibration(answers)
    ]
    series = series[:_CALIBRATED]
    values = [value for value in every if value["name"] in series]
    ends = share_axis(max(value["low"], value["right"] - 0.15) for value in values)
    odds = odds_axis(value["place"] for value in values)
    ideal = [
        {"place": log_odds(each), "right": each}
        for each in _IDEAL
        if odds[0] <= log_odds(each) <= odds[1]
    ]
    keys = ("name", "confidence_text", "right_text", "answers")
    return replace(
        plot,
        caption=_RELIABILITY + (_LARGEST.format(len(groups)) if len(groups) > _CALIBRATED else ""),
        panels=(
            Panel(
                "reliability",
                ((0, charts.reliability(values, ideal, series, odds=odds, ends=ends)),),
            ),
        ),
        columns=("node · model", "mean confidence", "right (95 % interval)", "answers"),
        rows=tuple(tuple(value[key] for key in keys) for value in every),
    )


_RELIABILITY = (
    "Accepted answers with a scorer's verdict, in groups of about equal size: their mean confidence"
    " (the probability of the least certain token of the values, as it was recorded) and how many"
    " of their tasks succeeded. Below the dashed line a model is surer than it should be."
)
_LARGEST = f" Drawn are the {_CALIBRATED} with the most answers; the table has all {{}}."


def latencies(groups: Mapping[str, Sequence[float]], *, replayed: bool) -> Plot:
    """How long tasks took, for each graph; `replayed` ones took no model any time."""
    plot = Plot("latencies", "Latency", _LATENCIES)
    timed = {name: values for name, values in groups.items() if values}
    if not timed:
        return replace(plot, caption="No task has come to its end, so none has a time.")
    shown = dict(list(timed.items())[:_TIMED])
    series = labels(list(shown), _IN_LEGEND)
    values: list[dict[str, Any]] = [
        {
            "name": name,
            "seconds": each,
            "share": share,
            "seconds_text": seconds(each),
            "share_text": percent(share),
        }
        for name, every in zip(series, shown.values(), strict=True)
        for each, share in distribution(every)
    ]
    logarithmic, ends = amount_axis(value["seconds"] for value in values)
    keys = ("name", "share_text", "seconds_text")
    places = thinned(len(values), _TABLED * len(shown))
    return replace(
        plot,
        caption=_LATENCIES + _REPLAYED * replayed + _left_out(len(timed), _TIMED),
        panels=(
            Panel(
                "latencies",
                ((0, charts.latencies(values, series, logarithmic=logarithmic, ends=ends)),),
            ),
        ),
        columns=("graph", "share of tasks", "took no longer than"),
        rows=tuple(tuple(values[place][key] for key in keys) for place in places),
    )


_LATENCIES = "Share of the tasks whose run took no longer than so many seconds, wall clock."
_REPLAYED = " Where records answered in place of models, that is the clock of the replay."


def _left_out(groups: int, most: int) -> str:
    return f" Drawn are the first {most} of {groups}." if groups > most else ""
