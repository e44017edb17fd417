"""Thresholds as people read them: what was fitted, the curve, and what was measured."""

from collections.abc import Callable, Sequence
from typing import Any

from agentsys.cli.output import dollars, print_blocks, print_json, say
from agentsys.evaluation.reports.numbers import NONE, coefficient, count, money, percent, span
from agentsys.evaluation.thresholds.curve import Point
from agentsys.evaluation.thresholds.drift import Drift
from agentsys.evaluation.thresholds.measuring import Accepted, Row
from agentsys.evaluation.thresholds.result import Calibrated
from agentsys.money import usd
from agentsys.thresholds import Kept

FEW = 10
"""Wrong answers below which a line says how few they are."""

SHOWN = 12
"""Points of a curve that a terminal shows; JSON has them all."""


def print_calibrated(found: Calibrated, *, in_use: bool, as_json: bool) -> None:
    """What was fitted and measured."""
    if as_json:
        print_json(found.to_json())
        return
    _print(found)
    if found.threshold is None:
        say(f"Nothing is kept: {found.why_not}")
        return
    if in_use:
        say(
            f"Kept as {found.version}, and in use for {found.graph}: "
            f"'agentsys calibrate off --graph {found.graph}' ends that."
        )
    else:
        why = _why_not_used(found)
        say(
            f"Kept as {found.version}, and not in use{why}: "
            f"'agentsys calibrate use {found.version}' changes that."
        )


def _why_not_used(found: Calibrated) -> str:
    if found.worse:
        return ", since it is worse"
    return ", since a success costs clearly more and no gain is clear" if found.dearer else ""


def print_shown(found: Calibrated, moved: Sequence[Drift], *, in_use: bool, as_json: bool) -> None:
    """A version, and how far confidences have moved since."""
    if as_json:
        drift = [each.model_dump(mode="json") for each in moved]
        print_json({**found.to_json(), "in_use": in_use, "drift": drift})
        return
    _print(found)
    say(f"{found.version} is {'' if in_use else 'not '}in use for {found.graph}.")
    for each in moved:
        say(_moved(each))


def line(kept: Kept, *, in_use: bool) -> dict[str, Any]:
    """A version in a list, as JSON data."""
    about = Calibrated.model_validate(kept.about)
    return {
        "version": kept.thresholds.version,
        "graph": kept.graph,
        "in_use": in_use,
        "objective": about.objective,
        "suite": about.plan["suite"],
        "tasks": about.tasks,
        "threshold": about.threshold,
        "written": None if kept.written is None else kept.written.isoformat(timespec="seconds"),
    }


def print_lines(lines: Sequence[dict[str, Any]]) -> None:
    """Versions, one a line."""
    if not lines:
        say("There are no fitted thresholds. Begin with 'agentsys calibrate --graph G --suite S'.")
        return
    columns = ("version", "graph", "in use", "objective", "suite", "tasks", "threshold")
    print_blocks(
        columns,
        [
            [
                each["version"],
                each["graph"],
                "yes" if each["in_use"] else "",
                each["objective"],
                each["suite"],
                count(each["tasks"]),
                coefficient(each["threshold"]),
            ]
            for each in lines
        ],
    )


def _print(found: Calibrated) -> None:
    say(f"{found.graph}, {found.objective}: {count(found.tasks)} tasks, each tier asked.")
    _print_fits(found)
    for fit in found.fits:
        if (wrong := round(fit.labels * (1 - fit.right))) < FEW:
            say(
                f"Of {count(fit.labels)} answers of {fit.node}@{fit.tier} that pass the checks, "
                f"{wrong} wrong: where a threshold is best rests on so few. More tasks would tell."
            )
    say()
    _print_curve(found)
    if found.certificate is not None:
        tested = found.certificate
        say(
            f"Certified on {count(tested.accepted)} answers that nothing was fitted on: "
            f"{tested.errors} wrong, {percent(tested.bound)} at most."
        )
    if found.rows:
        say()
        _print_rows(found)
    say(f"The calibration's tasks cost {dollars(usd(found.fit_nano_usd))}.")
    for told in found.scoring:
        say(told)


def _print_fits(found: Calibrated) -> None:
    own = ", ".join(f"{each:g}" for each in dict.fromkeys(found.own))
    columns = ("agent", "model", "labels", "right", "AUROC", "calibration", f"from (was {own})")
    print_blocks(
        columns,
        [
            [
                f"{fit.node}@{fit.tier}",
                fit.deployment,
                count(fit.labels),
                percent(fit.right),
                coefficient(fit.auroc) + span(fit.auroc_ci, coefficient),
                fit.method,
                NONE if found.threshold is None else _least(fit.least_confidence),
            ]
            for fit in found.fits
        ],
    )


def _print_curve(found: Calibrated) -> None:
    columns = ("", "threshold", "escalated", "success", "cost per success", _loaded(found))
    print_blocks(columns, [_on_curve(point, found) for point in thinned(found)])


def _on_curve(point: Point, found: Calibrated) -> list[str]:
    return [
        "chosen" if point == found.expected else "",
        f"{point.threshold:.4f}",
        percent(point.escalation_rate),
        percent(point.success_rate),
        money(point.cps_usd),
        money(point.loaded_cps_usd),
    ]


def thinned(found: Calibrated) -> list[Point]:
    """Points of the curve by how much they escalate, the chosen one among them."""
    points = list(found.curve)
    if len(points) <= SHOWN:
        return points
    last = len(points) - 1
    places = {round(at * last / (SHOWN - 1)) for at in range(SHOWN)}
    if found.expected is not None:
        places.add(points.index(found.expected))
    return [points[place] for place in sorted(places)]


def _print_rows(found: Calibrated) -> None:
    columns: dict[str, Callable[[Row], str]] = {
        "tasks": lambda row: count(row.tasks),
        "escalated": lambda row: percent(row.escalation_rate) + span(row.escalation_ci, percent),
        "success": lambda row: percent(row.success_rate) + span(row.success_ci, percent),
        "cost per success": lambda row: money(row.cps_usd) + span(row.cps_ci, money),
        _loaded(found): lambda row: money(row.loaded_cps_usd) + span(row.loaded_cps_ci, money),
        "ΔIBC (AutoMix)": lambda row: _gain(row.delta_ibc) + span(row.delta_ibc_ci, _gain),
        "spent": lambda row: dollars(usd(row.nano_usd)),
    }
    names = [row.graph.removeprefix(f"{found.graph} ") for row in found.rows]
    cells = [[text(row) for text in columns.values()] for row in found.rows]
    print_blocks(["held out", *names], [list(each) for each in zip(columns, *cells, strict=True)])
    if found.no_delta_ibc:
        say(f"ΔIBC is not defined: {found.no_delta_ibc}.")
    if found.against is not None:
        say(_against(found))
    if found.accepted is not None:
        say(_accepted(found.accepted, found.tiers[0]))


def _against(found: Calibrated) -> str:
    """What the thresholds changed, with what can be said of it."""
    beside = found.against
    assert beside is not None
    loaded = f"{_signed(beside.loaded_cps_usd)}{span(beside.loaded_cps_ci, _signed)}"
    success = f"{_points(beside.success)}{span(beside.success_ci, _points)}"
    told = "Against the definitions' own threshold, on the same tasks: success "
    return f"{told}{success}, loaded cost per success {loaded}{_verdict(beside.loaded_cps_ci)}."


def _verdict(ends: tuple[float, float] | None) -> str:
    if ends is None or ends[0] <= 0 <= ends[1]:
        return ": no clear difference"
    return ": better" if ends[1] < 0 else ": worse"


def _accepted(accepted: Accepted, tier: str) -> str:
    if not accepted.answers:
        return f"No answer of {tier} was taken."
    share = percent(accepted.errors / accepted.answers)
    return (
        f"{count(accepted.answers)} answers of {tier} were taken, {accepted.errors} of them wrong: "
        f"{share}, {percent(accepted.bound)} at most."
    )


def _moved(each: Drift) -> str:
    place = f"{each.node}@{each.tier} on {each.deployment}"
    if each.psi is None:
        return f"{place}: {count(each.confidences)} confidences since, too few to compare."
    verdict = "they have moved: fit new thresholds" if each.moved else "as they were"
    return f"{place}: {count(each.confidences)} confidences since, index {each.psi:.3f}: {verdict}."


def _loaded(found: Calibrated) -> str:
    return f"loaded, ${found.usd_per_failure:g} a failure"


def _least(confidence: float | None) -> str:
    return "none" if confidence is None else coefficient(confidence)


def _gain(value: float | None) -> str:
    return NONE if value is None else f"{value:+,.0f}%"


def _signed(amount: float | None) -> str:
    if amount is None:
        return NONE
    return f"{'-' if amount < 0 else '+'}{money(abs(amount))}"


def _points(share: float | None) -> str:
    return NONE if share is None else f"{100 * share:+.1f} points"
