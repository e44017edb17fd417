"""Plots as Vega-Lite, from plain values. The one importer of Altair.

Colours, fonts and what else differs between light and dark are in `themes`; a plot names only the
styles. Every value that a plot shows of its own accord is in its data already, as text.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from agentsys.evaluation.page.axes import PROBABILITIES, log_odds, ticks

if TYPE_CHECKING:
    import altair as alt

Spec = dict[str, Any]
Values = Sequence[dict[str, Any]]

SHARES = ".0%"
DOLLARS = "$~r"
SERIES = 7
"""Most series that colours tell apart; more are told apart by shapes or dashes, too."""

NEUTRAL = "#737d88"
"""What is no series; it stands out from light ground and dark by 3.5 to 1 or more."""

TALL = 340
"""Height in pixels of the largest plot's ground."""

_LINE = 2.2
_SHAPES = ("circle", "diamond", "square", "triangle-up", "cross", "triangle-down")
_DASHES: tuple[list[int], ...] = ([1, 0], [6, 3])
_PROBABILITY = "format(1 / (1 + pow(10, -datum.value)), '~r')"


def cost_and_success(
    points: Values,
    edge: Values,
    *,
    logarithmic: bool,
    cost: list[float],
    success: list[float],
    legend: bool,
) -> Spec:
    """Cost per success against success, with intervals, labels, and the Pareto front.

    Args:
        points: `name`, `label`, `cost`, `low`, `high`, `success`, `least`, `most`, `group` (what
            colour and shape tell), `dx`, `dy`, `align` of the label, `led`, `lead_x`, `lead_y` of
            the line to it, and texts `cost_text`, `success_text`.
        edge: The front: `cost` and `success`, by rising cost.
        logarithmic: Whether cost is on a logarithmic axis.
        cost: The ends of its axis.
        success: The ends of the other.
        legend: Whether the groups are named besides the labels.
    """
    import altair as alt

    x = _amounts("cost", "cost per success", cost, DOLLARS, logarithmic=logarithmic)
    y = alt.Y(
        "success:Q",
        title="success",
        scale=alt.Scale(domain=success, nice=False),
        axis=alt.Axis(format=SHARES, tickCount=6),
    )
    tip = _tip(graph="name", success="success_text", cost_per_success="cost_text")
    groups = list(dict.fromkeys(p["group"] for p in points))
    colour = _colour("group", groups, legend=legend)
    shape = alt.Shape(
        "group:N",
        scale=alt.Scale(domain=groups, range=_turns(_SHAPES, len(groups))),
        legend=alt.Legend(title=None) if legend else None,
    )
    base = alt.Chart(_data(points))
    whisker = base.mark_rule(strokeWidth=1.6, opacity=0.75)
    return _finished(
        _layers(
            *(_front(edge).encode(x=x, y=y) for _ in edge[1:2]),
            whisker.encode(x=alt.X("low:Q"), x2="high:Q", y=y, color=colour, tooltip=tip),
            whisker.encode(x=x, y=alt.Y("least:Q"), y2="most:Q", color=colour, tooltip=tip),
            base.mark_point(filled=True, size=110, opacity=1).encode(
                x=x, y=y, color=colour, shape=shape, tooltip=tip
            ),
            _leaders(base).encode(x=x, y=y, x2="cost:Q", y2="success:Q", color=colour),
            _names(base, "halo").encode(x=x, y=y, text="label:N"),
            _names(base, "label").encode(x=x, y=y, text="label:N"),
        ),
        "A point for each graph: its cost per success and its success rate, with intervals.",
        TALL,
    )


def costs(rows: Values, names: list[str], *, logarithmic: bool, ends: list[float]) -> Spec:
    """Cost per success of each name, by rising cost: bars from zero, or points on a log axis.

    Args:
        rows: `label`, `measure`, `cost`, `low`, `high`, and texts `name`, `cost_text`.
        names: The labels, the cheapest first.
        logarithmic: Whether the axis is logarithmic.
        ends: Of the axis.
    """
    import altair as alt

    x = _amounts("cost", "cost per success", ends, DOLLARS, logarithmic=logarithmic)
    y = alt.Y("label:N", title=None, sort=names, axis=alt.Axis(labelLimit=130, grid=False))
    measures = list(dict.fromkeys(row["measure"] for row in rows))
    legend = alt.Legend(title=None) if len(measures) > 1 else None
    tones = alt.Scale(domain=measures, range=[NEUTRAL, f"{NEUTRAL}26"])
    tone = alt.Fill("measure:N", scale=tones, legend=legend)
    shapes = alt.Scale(domain=measures, range=["circle", "diamond"])
    shape = alt.Shape("measure:N", scale=shapes, legend=legend)
    tip = _tip(graph="name", measure="measure", cost="cost_text")
    base = alt.Chart(_data(rows))
    if logarithmic:
        mark = base.mark_point(stroke=NEUTRAL, size=95, opacity=1)
        shown = mark.encode(x=x, y=y, fill=tone, shape=shape, tooltip=tip)
    else:
        offset = alt.YOffset("measure:N", scale=alt.Scale(domain=measures))
        mark = base.mark_bar(stroke=NEUTRAL)
        shown = mark.encode(x=x, y=y, yOffset=offset, fill=tone, tooltip=tip)
    rule = base.transform_filter("isValid(datum.high)").mark_rule(style="whisker", strokeWidth=1.8)
    spans = rule.encode(x=alt.X("low:Q"), x2="high:Q", y=y, tooltip=tip)
    if not logarithmic:
        spans = spans.encode(yOffset=alt.YOffset("measure:N", scale=alt.Scale(domain=measures)))
    per_name = min(100, 300 / len(names)) if len(names) < 8 else 22 + 8 * len(measures)
    text = "What a success cost with each graph, the cheapest first, with intervals."
    return _finished(_layers(shown, spans), text, max(90, round(per_name * len(names))))


def thresholds(
    rows: Values,
    series: list[str],
    *,
    ends: list[float],
    share: str,
    title: str,
    band: bool,
    legend: bool,
) -> Spec:
    """A share against the threshold, on an axis of log-odds.

    Args:
        rows: `name`, `place` (its log-odds), the share, `low` and `high`, and
            texts `threshold_text`, `escalated_text`, `right_text`.
        series: The names.
        ends: Of the axis of thresholds.
        share: Which of the fields is drawn.
        title: What it is called.
        band: Whether there are intervals.
        legend: Whether the series are named.
    """
    import altair as alt

    x = alt.X(
        "place:Q",
        title="threshold of confidence",
        axis=_odds_axis(),
        scale=alt.Scale(domain=ends, nice=False),
    )
    y = alt.Y(
        f"{share}:Q",
        title=title,
        axis=alt.Axis(format=SHARES, tickCount=5),
        scale=alt.Scale(domainMax=1, zero=share == "escalated", nice=True),
    )
    colour = _colour("name", series, legend=legend)
    tip = _tip(
        of="name", threshold="threshold_text", escalated="escalated_text", right="right_text"
    )
    base = alt.Chart(_data(rows)).transform_filter(f"isValid(datum.{share})")
    line = base.mark_line(strokeWidth=_LINE, interpolate="step-before").encode(
        x=x, y=y, color=colour
    )
    dots = base.mark_point(filled=True, size=60, opacity=0).encode(x=x, y=y, tooltip=tip)
    area = base.mark_area(opacity=0.16, interpolate="step-before").encode(
        x=x, y=alt.Y("low:Q"), y2="high:Q", color=colour
    )
    layers = (area, line, dots) if band else (line, dots)
    return _finished(_layers(*layers), f"{title.capitalize()} against the threshold.", 170)


def reliability(
    rows: Values, ideal: Values, series: list[str], *, odds: list[float], ends: list[float]
) -> Spec:
    """Confidence of accepted answers against the share that is right, with the ideal line.

    Args:
        rows: `name`, `place` (log-odds of the confidence), `right`, `low`, `high`, and texts
            `confidence_text`, `right_text`, `answers`.
        ideal: `place` and `right` where confidence means what it says.
        series: The names.
        odds: The ends of the axis of confidence.
        ends: Of the axis of shares.
    """
    import altair as alt

    x = alt.X(
        "place:Q", title="confidence", axis=_odds_axis(), scale=alt.Scale(domain=odds, nice=False)
    )
    y = alt.Y(
        "right:Q",
        title="share right",
        scale=alt.Scale(domain=ends, nice=False),
        axis=alt.Axis(format=SHARES, tickCount=6),
    )
    colour = _colour("name", series, legend=True)
    tip = _tip(of="name", confidence="confidence_text", right="right_text", answers="answers")
    base = alt.Chart(_data(rows))
    return _finished(
        _layers(
            alt.Chart(_data(ideal)).mark_line(style="front", clip=True).encode(x=x, y=y),
            base.mark_rule(strokeWidth=1.5, opacity=0.6, clip=True).encode(
                x=x, y=alt.Y("low:Q"), y2="high:Q", color=colour, tooltip=tip
            ),
            base.mark_line(strokeWidth=1.2, opacity=0.6, clip=True).encode(x=x, y=y, color=colour),
            base.mark_point(filled=True, size=70, opacity=1).encode(
                x=x, y=y, color=colour, tooltip=tip
            ),
        ),
        "Confidence of accepted answers against the share that was right; ideal is dashed.",
        390,
    )


def latencies(rows: Values, series: list[str], *, logarithmic: bool, ends: list[float]) -> Spec:
    """Share of tasks that took no longer than so many seconds.

    Args:
        rows: `name`, `seconds`, `share`, and texts `seconds_text`, `share_text`.
        series: The names.
        logarithmic: Whether seconds are on a logarithmic axis.
        ends: Of that axis.
    """
    import altair as alt

    x = _amounts("seconds", "seconds", ends, "~r", logarithmic=logarithmic)
    y = alt.Y(
        "share:Q",
        title="share of tasks",
        scale=alt.Scale(domain=[0, 1]),
        axis=alt.Axis(format=SHARES, tickCount=5),
    )
    drawn_as = alt.Legend(title=None, symbolType="stroke", symbolSize=350)
    colour = alt.Color("name:N", scale=alt.Scale(domain=series), legend=drawn_as)
    dashes = alt.Scale(domain=series, range=_turns(_DASHES, len(series)))
    dash = alt.StrokeDash("name:N", scale=dashes, legend=drawn_as)
    base = alt.Chart(_data(rows))
    line = base.mark_line(strokeWidth=_LINE).encode(x=x, y=y, color=colour, strokeDash=dash)
    tip = _tip(graph="name", seconds="seconds_text", share="share_text")
    dots = base.mark_point(filled=True, size=60, opacity=0).encode(x=x, y=y, tooltip=tip)
    text = "Share of tasks that took no longer than so many seconds, for each graph."
    return _finished(_layers(line, dots), text, 300)


def _amounts(field: str, title: str, ends: list[float], text: str, *, logarithmic: bool) -> alt.X:
    import altair as alt

    axis = alt.Axis(format=text, tickCount=5, labelOverlap="greedy", labelFlush=True)
    if logarithmic:
        axis.values = ticks(ends)
    kind = "log" if logarithmic else "linear"
    scale = alt.Scale(type=kind, domain=ends, nice=False)
    return alt.X(f"{field}:Q", title=title, scale=scale, axis=axis)


def _odds_axis() -> alt.Axis:
    import altair as alt

    places = [log_odds(probability) for probability in PROBABILITIES]
    return alt.Axis(labelExpr=_PROBABILITY, values=places, labelOverlap="greedy")


def _front(edge: Values) -> alt.Chart:
    import altair as alt

    named = [{**point, "line": "Pareto front"} for point in edge]
    line = alt.Chart(_data(named)).mark_line(interpolate="step-after", style="front", color=NEUTRAL)
    return line.encode(
        strokeDash=alt.StrokeDash(
            "line:N",
            scale=alt.Scale(range=[[5, 4]]),
            legend=alt.Legend(title=None, symbolType="stroke", symbolSize=700, orient="bottom"),
        )
    )


def _leaders(base: alt.Chart) -> alt.Chart:
    import altair as alt

    away_x, away_y = (alt.expr(f"datum.{field}") for field in ("lead_x", "lead_y"))
    led = base.transform_filter("datum.led")
    return led.mark_rule(x2Offset=away_x, y2Offset=away_y, strokeWidth=1, opacity=0.9)


def _turns(kinds: Sequence[Any], count: int) -> list[Any]:
    """A kind for each of so many series: the first for as many as there are colours."""
    return [kinds[at // SERIES % len(kinds)] for at in range(count)]


def _names(base: alt.Chart, style: str) -> alt.Chart:
    import altair as alt

    dx, dy, align = (alt.expr(f"datum.{field}") for field in ("dx", "dy", "align"))
    return base.mark_text(dx=dx, dy=dy, align=align, fontSize=12, style=style)


def _layers(*charts: alt.Chart) -> alt.LayerChart:
    import altair as alt

    return alt.LayerChart(layer=list(charts))


def _finished(chart: alt.LayerChart, description: str, height: int) -> Spec:
    spec: Spec = chart.properties(
        width="container", height=height, description=description
    ).to_dict()
    spec.pop("config", None)  # the theme's takes its place
    spec["autosize"] = {"type": "fit-x", "contains": "padding"}
    return spec


def _data(values: Values) -> alt.Data:
    import altair as alt

    return alt.Data(values=[dict(value) for value in values])


def _colour(field: str, names: list[str], *, legend: bool) -> alt.Color:
    import altair as alt

    scale = alt.Scale(domain=names)
    return alt.Color(f"{field}:N", scale=scale, legend=alt.Legend(title=None) if legend else None)


def _tip(**texts: str) -> list[alt.Tooltip]:
    import altair as alt

    return [
        alt.Tooltip(f"{field}:N", title=title.replace("_", " ")) for title, field in texts.items()
    ]
