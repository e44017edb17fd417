"""The threshold that an objective asks for."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from random import Random

from agentsys.errors import UserError
from agentsys.evaluation.thresholds.answers import Task
from agentsys.evaluation.thresholds.certificate import (
    FITTED_ON,
    Certificate,
    Scored,
    certify,
    fewest,
)
from agentsys.evaluation.thresholds.curve import Point, cheapest, curve
from agentsys.evaluation.thresholds.fitting import FEWEST, Fits, fitted, score
from agentsys.evaluation.thresholds.objective import Certified, Objective, SuccessFloor
from agentsys.evaluation.thresholds.route import Route


@dataclass(frozen=True)
class Choice:
    """A threshold, or why there is none."""

    fits: Fits
    fitted_on: Sequence[Task]
    """The tasks that what confidence means was fitted on."""
    points: Sequence[Point]
    chosen: Point | None
    certificate: Certificate | None = None
    why_not: str = ""
    """Why there is none, and what would help."""


def choose(
    tasks: Sequence[Task], route: Route, objective: Objective, failure_nano: int, seed: int
) -> Choice:
    """The threshold that tasks speak for which each tier has answered.

    Raises:
        UserError: too few answers tell how sure they are.
    """
    if isinstance(objective, Certified):
        return _certified(tasks, route, objective, failure_nano, seed)
    fits = _fits(tasks, route)
    points = curve(tasks, fits, failure_nano)
    best = cheapest(points, objective)
    why = "" if best else _unmet(points, objective)
    return Choice(fits, tasks, points, best, why_not=why)


def _certified(
    tasks: Sequence[Task], route: Route, objective: Certified, failure_nano: int, seed: int
) -> Choice:
    first, second = parted(tasks, seed)
    fits = _fits(first, route)
    points = curve(tasks, fits, failure_nano)
    found = certify(
        _scored(first, fits), _scored(second, fits), alpha=objective.alpha, delta=objective.delta
    )
    if found is None:
        return Choice(fits, first, points, None, why_not=_uncertain(objective, len(second)))
    point = next(point for point in points if point.threshold >= found.threshold)
    return Choice(fits, first, points, point, found)


def require_certifiable(route: Route, objective: Certified, tasks: int) -> None:
    """Make sure that what is accepted can be certified.

    Raises:
        UserError: it cannot: what a tier in the middle answers, it answers after a failed attempt;
            or there are too few tasks, even if no answer is wrong.
    """
    if len(route.tiers) > 2:
        raise UserError(
            f"Only escalation from one tier to another can be certified, not along "
            f"{' -> '.join(route.tiers)}.",
            hint="Give --fail-cost or --success-floor, or a graph of two tiers.",
        )
    least = max(FEWEST / FITTED_ON, fewest(objective.alpha, objective.delta) / (1 - FITTED_ON))
    if tasks < least:
        raise UserError(
            f"{tasks} tasks to calibrate on are too few to promise that, even if no answer is "
            "wrong.",
            hint=f"Give {2 * ceil(least)} or more in all, or allow more errors.",
        )


def parted(tasks: Sequence[Task], seed: int) -> tuple[list[Task], list[Task]]:
    """A third of the tasks at random, and the rest."""
    drawn = sorted(tasks, key=lambda task: task.id)
    Random(f"parted {seed}").shuffle(drawn)
    some = round(len(drawn) * FITTED_ON)
    return drawn[:some], drawn[some:]


def _scored(tasks: Sequence[Task], fits: Fits) -> Scored:
    """What the first tier's answers score, where nothing but a threshold would escalate them."""
    found = [
        (score(task.tried[0].said, fits), task.tried[0].success)
        for task in tasks
        if not task.tried[0].escalated
    ]
    return [(each, right) for each, right in found if each > float("-inf")]


def _fits(tasks: Sequence[Task], route: Route) -> Fits:
    fits = fitted(tasks, route)
    if not fits:
        told = any(
            said.confidence is not None
            for task in tasks
            for tried in task.tried[:-1]
            for said in tried.said
        )
        raise UserError(
            f"Too few answers of {', '.join(route.nodes)} pass their checks to fit anything."
            if told
            else f"{', '.join(route.tiers[:-1])} gives no log-probabilities: there is no "
            "confidence to calibrate.",
            hint="Give more tasks." if told else "Use a deployment that gives them.",
        )
    return fits


def _unmet(points: Sequence[Point], objective: Objective) -> str:
    if not isinstance(objective, SuccessFloor):
        return "no task succeeds, whatever is escalated."
    best = max(points, key=lambda point: point.success_rate)
    return (
        f"no threshold comes to {objective.least:.1%} success: {best.success_rate:.1%} at most, "
        f"with {best.escalation_rate:.1%} escalated. Lower the floor, or have a larger model."
    )


def _uncertain(objective: Certified, tests: int) -> str:
    least = fewest(objective.alpha, objective.delta)
    return (
        f"no threshold passes on {tests} tasks that test it: at least {least} answers must reach "
        f"one, with no error among them, for a bound of {objective.alpha:.1%}. Give more tasks or "
        "allow more errors; or confidence does not tell right from wrong well enough."
    )
