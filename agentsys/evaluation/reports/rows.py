"""The figures of some tasks; the formulas are in `agentsys.evaluation.reports.report`."""

from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Sequence

from pydantic import BaseModel, ConfigDict

from agentsys.evaluation.reports.account import Account, Calls
from agentsys.evaluation.statistics import (
    pass_at_k,
    pass_hat_k,
    percentile,
    ratio_interval,
    share_interval,
    wilson,
)
from agentsys.money import NANO_PER_USD

CHECKS = "checks"
"""What decided where no scorer did: the graph's own checks."""

AS_DEFINED = "as defined"
"""Thresholds of runs that took none of a version, beside others that did."""


class Row(BaseModel):
    """The figures of one graph or group."""

    model_config = ConfigDict(frozen=True)

    graph: str
    """The graph, or what else the rows are by."""
    tasks: int
    success_rate: float | None
    success_ci: tuple[float, float] | None
    cps_usd: float | None
    cps_ci: tuple[float, float | None] | None
    loaded_cps_usd: float | None
    escalation_rate: float | None
    schema_validity_rate: float | None
    executable_call_rate: float | None
    p50_s: float | None
    p95_s: float | None
    tokens_per_success: float | None
    energy_j: float | None = None
    statuses: dict[str, int]
    nano_usd: int
    scorer: str = ""
    thresholds: str = ""
    repeats: int = 1
    pass_hat: tuple[float | None, ...] | None = None
    pass_at: tuple[float | None, ...] | None = None


class Tally:
    """Tasks of a group, added one by one."""

    def __init__(self) -> None:
        self._tasks: list[Account] = []
        self._nano = array("q")
        self._seconds = array("d")
        self._total = Calls()
        self._structured = self._valid = self._escalated = self._reached = 0

    def add(
        self, task: Account, calls: Calls | None = None, *, seconds: float | None = None
    ) -> None:
        """Take in a task, or, given a part of its calls, that part and the time it took."""
        part, took = (task.calls, task.seconds) if calls is None else (calls, seconds)
        replies, total = part.replies, self._total
        self._tasks.append(task)
        self._nano.append(part.nano_usd)
        if task.finished:
            self._escalated += replies.escalated
            if took is not None:
                self._seconds.append(took)
        self._structured += replies.structured
        self._valid += replies.valid
        self._reached += replies.reached
        total.nano_usd += part.nano_usd
        total.tokens += part.tokens
        total.tool_calls += part.tool_calls
        total.executable += part.executable
        if part.energy_j is None or total.energy_j is None:
            total.energy_j = None
        else:
            total.energy_j += part.energy_j

    def row(self, name: str, failure_nano: int) -> Row:
        """The figures; `failure_nano` is what a failed task costs beyond its calls."""
        finished = [task for task in self._tasks if task.finished]
        successes = sum(task.success for task in finished)
        total, tasks = self._total, len(finished)
        loaded = total.nano_usd + failure_nano * (tasks - successes)
        repeats = 1 + max((task.repeat for task in self._tasks), default=0)
        tries = _tries(finished) if repeats > 1 else []
        measured = total.energy_j is not None and self._reached and tasks
        return Row(
            graph=name,
            tasks=tasks,
            success_rate=_per(successes, tasks),
            success_ci=share_interval(tries) if tries else wilson(successes, tasks),
            cps_usd=_per(total.nano_usd, successes * NANO_PER_USD),
            cps_ci=self._interval(together=repeats > 1) if successes else None,
            loaded_cps_usd=_per(loaded, successes * NANO_PER_USD),
            escalation_rate=_per(self._escalated, tasks),
            schema_validity_rate=_per(self._valid, self._structured),
            executable_call_rate=_per(total.executable, total.tool_calls),
            p50_s=percentile(self._seconds, 50),
            p95_s=percentile(self._seconds, 95),
            tokens_per_success=_per(total.tokens, successes),
            energy_j=_per(total.energy_j or 0.0, tasks) if measured else None,
            statuses=dict(sorted(Counter(task.end for task in self._tasks).items())),
            nano_usd=total.nano_usd,
            scorer=_joined(task.scorer or CHECKS for task in finished),
            thresholds=_versions(self._tasks),
            repeats=repeats,
            pass_hat=_over_tasks(pass_hat_k, tries, repeats),
            pass_at=_over_tasks(pass_at_k, tries, repeats),
        )

    def _interval(self, *, together: bool) -> tuple[float, float] | None:
        """Of the cost per success; `together`: a task's repeats are one, for they are alike."""
        costs = [nano / NANO_PER_USD for nano in self._nano]
        wins: list[float] = [task.finished and task.success for task in self._tasks]
        if not together:
            return ratio_interval(costs, wins)
        once = [1.0] * len(costs)
        return ratio_interval(*(_by_task(self._tasks, each) for each in (costs, wins, once)))


Tries = list[tuple[int, int]]
"""Of each task: how often it was tried, and how often that was a success."""


def _tries(finished: Iterable[Account]) -> Tries:
    found: dict[tuple[str, str, str], tuple[int, int]] = {}
    for task in finished:
        tried, won = found.get(_key(task), (0, 0))
        found[_key(task)] = tried + 1, won + task.success
    return [*found.values()]


def _by_task(tasks: Sequence[Account], values: Sequence[float]) -> list[float]:
    sums: dict[tuple[str, str, str], float] = {}
    for task, value in zip(tasks, values, strict=True):
        sums[_key(task)] = sums.get(_key(task), 0.0) + value
    return [*sums.values()]


def _key(task: Account) -> tuple[str, str, str]:
    """The same for all repeats of a task; a run outside a bench is a task of its own."""
    return (task.bench, task.graph, task.task_id) if task.bench else ("", "", task.run_id)


def _over_tasks(
    estimate: Callable[[int, int, int], float], tries: Tries, repeats: int
) -> tuple[float | None, ...] | None:
    """The mean over tasks for j = 1, 2, … draws, of those that were tried that often."""
    if repeats == 1:
        return None
    means = list[float | None]()
    for draws in range(1, repeats + 1):
        every = [estimate(tried, won, draws) for tried, won in tries if tried >= draws]
        means.append(_per(sum(every), len(every)))
    return tuple(means)


def _versions(tasks: Iterable[Account]) -> str:
    """All that were in force; empty where every run took the definitions' own."""
    # What was cut off, or never began, had no thresholds in force to speak of unless it says so.
    names = {task.thresholds or AS_DEFINED for task in tasks if task.thresholds or task.status}
    return "" if names == {AS_DEFINED} else _joined(names)


def _joined(names: Iterable[str]) -> str:
    return ", ".join(sorted(set(names)))


def _per(total: float, count: float) -> float | None:
    return total / count if count else None
