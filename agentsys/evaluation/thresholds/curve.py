"""What every threshold would have come to on tasks that each tier has answered."""

import math
from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict

from agentsys.evaluation.thresholds.answers import Task, Tried
from agentsys.evaluation.thresholds.fitting import Fits, score
from agentsys.evaluation.thresholds.objective import LoadedCps, SuccessFloor
from agentsys.money import NANO_PER_USD

NOTHING, EVERYTHING = 0.0, 1.0
"""Thresholds that every answer reaches, and none: no calibrated probability is 0 or 1."""


class Point(BaseModel):
    """A threshold, and what it would have come to."""

    model_config = ConfigDict(frozen=True)

    threshold: float
    """On the calibrated scale: the probability of being right from which on answers are taken."""
    escalation_rate: float
    success_rate: float
    cps_usd: float | None
    loaded_cps_usd: float | None
    nano_usd: int


def curve(tasks: Sequence[Task], fits: Fits, failure_nano: int) -> list[Point]:
    """A point for every threshold that makes a difference, from the loosest on.

    As the graph would have run: a task is as it was as far as the first tier whose answer reaches
    the threshold. Where several agents of a graph can escalate, it is taken for escalated as a
    whole, which a run does agent by agent.
    """
    scores = [[score(tried.said, fits) for tried in task.tried[:-1]] for task in tasks]
    finite = {each for row in scores for each in row if math.isfinite(each)}
    return [
        _point(
            threshold,
            [_taken(*each, threshold) for each in zip(tasks, scores, strict=True)],
            failure_nano,
        )
        for threshold in sorted({NOTHING, *finite, EVERYTHING})
    ]


def cheapest(points: Sequence[Point], objective: LoadedCps | SuccessFloor) -> Point | None:
    """The best point, and of equals the loosest; `None` where none will do."""
    if isinstance(objective, LoadedCps):
        return min(
            (point for point in points if point.loaded_cps_usd is not None),
            key=lambda point: point.loaded_cps_usd or 0.0,
            default=None,
        )
    enough = [point for point in points if point.success_rate >= objective.least]
    return min(enough, key=lambda point: point.nano_usd, default=None)


def _taken(task: Task, scores: Sequence[float], threshold: float) -> Tried:
    reached = (tried for tried, s in zip(task.tried, scores, strict=False) if s >= threshold)
    return next(reached, task.tried[-1])


def _point(threshold: float, taken: Sequence[Tried], failure_nano: int) -> Point:
    cost, right = sum(tried.nano_usd for tried in taken), sum(tried.success for tried in taken)
    loaded = cost + failure_nano * (len(taken) - right)
    return Point(
        threshold=threshold,
        escalation_rate=sum(tried.escalated for tried in taken) / len(taken),
        success_rate=right / len(taken),
        cps_usd=cost / right / NANO_PER_USD if right else None,
        loaded_cps_usd=loaded / right / NANO_PER_USD if right else None,
        nano_usd=cost,
    )
