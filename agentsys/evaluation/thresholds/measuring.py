"""What thresholds came to on tasks that they were not chosen on."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from agentsys.evaluation.reports.account import Account
from agentsys.evaluation.reports.accounts import accounts
from agentsys.evaluation.resampling import over_items
from agentsys.evaluation.statistics import (
    Interval,
    paired_ratio,
    paired_success,
    ratio_interval,
    upper_bound,
    wilson,
)
from agentsys.ledger import Ledger
from agentsys.money import NANO_PER_USD


class Row(BaseModel):
    """What one way of running the graph came to, on the same tasks as the others."""

    model_config = ConfigDict(frozen=True)

    graph: str
    """How the bench calls it."""
    tasks: int
    escalation_rate: float
    escalation_ci: tuple[float, float] | None
    success_rate: float
    success_ci: tuple[float, float] | None
    cps_usd: float | None
    cps_ci: tuple[float, float] | None
    loaded_cps_usd: float | None
    loaded_cps_ci: tuple[float, float] | None
    nano_usd: int
    delta_ibc: float | None = None
    """AutoMix's gain per dollar over the straight line from the small tier to the large one, in
    per cent of the line's own (Aggarwal, Madaan et al. 2023, ΔIBC): 0 is no better than escalating
    at random."""
    delta_ibc_ci: tuple[float, float] | None = None


class Against(BaseModel):
    """The thresholds beside those that the definitions have, on the same tasks."""

    model_config = ConfigDict(frozen=True)

    success: float | None
    success_ci: tuple[float, float] | None
    cps_usd: float | None
    cps_ci: tuple[float, float] | None
    loaded_cps_usd: float | None
    loaded_cps_ci: tuple[float, float] | None


class Accepted(BaseModel):
    """The answers of the first tier that were taken."""

    model_config = ConfigDict(frozen=True)

    answers: int
    errors: int
    bound: float
    """What the share of errors is at most, as sure as the promise."""


Solved = Mapping[str, Sequence[Account]]
"""The tasks of a bench by graph, in the same order for all."""


def solved(ledger: Ledger, bench: str, graphs: Sequence[str]) -> Solved:
    """The tasks of a bench that every graph has finished."""
    found: dict[str, dict[str, Account]] = {graph: {} for graph in graphs}
    for account in accounts(ledger, bench=bench):
        if account.finished and account.graph in found:
            found[account.graph][account.task_id] = account
    first, *others = (found[graph] for graph in graphs)
    ids = [task_id for task_id in first if all(task_id in each for each in others)]
    return {graph: [found[graph][task_id] for task_id in ids] for graph in graphs}


def row(tasks: Solved, graph: str, failure_nano: int, ends: tuple[str, str] | None = None) -> Row:
    """What a graph came to.

    Args:
        tasks: Of all graphs.
        graph: Which one.
        failure_nano: What a failed task costs beyond its calls.
        ends: The small tier alone and the large one alone, between which its gain is measured.
    """
    own = tasks[graph]
    right, up = sum(a.success for a in own), sum(a.escalated for a in own)
    cost = sum(a.nano_usd for a in own)
    loaded = cost + failure_nano * (len(own) - right)
    gain = None if ends is None else _gain(tasks, graph, *ends)
    return Row(
        graph=graph,
        tasks=len(own),
        escalation_rate=up / len(own),
        escalation_ci=wilson(up, len(own)),
        success_rate=right / len(own),
        success_ci=wilson(right, len(own)),
        cps_usd=cost / right / NANO_PER_USD if right else None,
        cps_ci=ratio_interval(*_costs(own)),
        loaded_cps_usd=loaded / right / NANO_PER_USD if right else None,
        loaded_cps_ci=ratio_interval(*_costs(own), failure=failure_nano / NANO_PER_USD),
        nano_usd=cost,
        delta_ibc=None if gain is None else gain[0],
        delta_ibc_ci=None if gain is None else gain[1],
    )


def against(tasks: Solved, graph: str, other: str, failure_nano: int) -> Against:
    """A graph minus another one on the same tasks."""
    first, second = tasks[graph], tasks[other]
    pair = _costs(first), _costs(second)
    success, cps = paired_success(pair[0][1], pair[1][1]), paired_ratio(*pair)
    loaded = paired_ratio(*pair, failure=failure_nano / NANO_PER_USD)
    return Against(
        success=success.value,
        success_ci=success.interval,
        cps_usd=cps.value,
        cps_ci=cps.interval,
        loaded_cps_usd=loaded.value,
        loaded_cps_ci=loaded.interval,
    )


def accepted(tasks: Solved, graph: str, level: float) -> Accepted:
    """The tasks that a graph answered without escalating, and how many of them wrongly."""
    taken = [a for a in tasks[graph] if not a.escalated and a.status in ("ok", "low_confidence")]
    errors = sum(not a.success for a in taken)
    return Accepted(
        answers=len(taken), errors=errors, bound=upper_bound(errors, len(taken), level=level)
    )


def why_no_gain(small: Row, large: Row) -> str:
    """Why AutoMix's gain is not defined; empty where it is."""
    if large.success_rate <= small.success_rate:
        return f"{large.graph} succeeds no more often than {small.graph}"
    if large.nano_usd <= small.nano_usd:
        return f"{large.graph} is no dearer than {small.graph}"
    return ""


def _costs(own: Sequence[Account]) -> tuple[list[float], list[bool]]:
    return [a.nano_usd / NANO_PER_USD for a in own], [a.success for a in own]


def _gain(
    tasks: Solved, graph: str, small: str, large: str
) -> tuple[float | None, Interval | None]:
    """AutoMix's ΔIBC, with an interval by resampling the tasks."""
    three = zip(tasks[graph], tasks[small], tasks[large], strict=True)
    parts = np.asarray([[(a.success, a.nano_usd) for a in each] for each in three], dtype=float)

    def finish(sums: NDArray[np.float64]) -> NDArray[np.float64]:
        right, cost = sums[:, :, 0], sums[:, :, 1]
        better, dearer = right - right[:, 1:2], cost - cost[:, 1:2]
        better, dearer = better[:, [0, 2]], np.where(dearer > 0, dearer, np.nan)[:, [0, 2]]
        slope = better / dearer
        line = np.where(slope[:, 1:] > 0, slope[:, 1:], np.nan)
        return 100 * (slope[:, :1] - line) / line

    [found] = over_items(parts, finish)
    return found.value, found.interval
