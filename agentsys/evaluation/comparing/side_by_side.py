"""Two graphs, or two benches of one, on the tasks that both have finished.

| metric | of a side |
|---|---|
| `success` | mean share of successes |
| `cps`, `loaded-cps` | cost / successes; loaded: with what a failure costs for each one |
| `p50`, `p95` | percentiles of the seconds of a task's run |
| `tokens` | tokens / successes |

The repeats of a task are averaged first. A difference is B minus A. Those of success, costs and
tokens, and their relative changes, have the intervals of `agentsys.evaluation.paired`; those of
percentiles, a paired bootstrap over tasks. The test of success is McNemar's exact one; with
repeats, a task counts for the side that solved it more often.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args

from agentsys.evaluation.reports.account import Account
from agentsys.evaluation.resampling import RESAMPLES, Measured, measured, samples
from agentsys.evaluation.statistics import (
    Difference,
    exact_sign,
    paired_change,
    paired_ratio,
    paired_success,
)
from agentsys.money import NANO_PER_USD

if TYPE_CHECKING:
    from numpy.typing import NDArray

Metric = Literal["success", "cps", "loaded-cps", "p50", "p95", "tokens"]
METRICS: tuple[Metric, ...] = get_args(Metric)

FEWEST = 200
"""Resamples where there are very many tasks."""

_DRAWN = 40_000_000
"""Tasks that are drawn in all resamples, where those are not fewer."""


@dataclass(frozen=True, slots=True)
class Change:
    """A metric of both sides, and how far B is from A."""

    metric: Metric
    a: float | None
    """`None`: undefined, as a cost per success is without a success."""
    b: float | None
    difference: Measured
    relative: Measured
    """B / A - 1."""

    @property
    def verdict(self) -> str:
        """`better` or `worse` where the interval of the difference excludes zero."""
        if self.difference.interval is None:
            return "not known"
        low, high = self.difference.interval
        if low <= 0 <= high:
            return "not clear"
        return "better" if (low > 0) == (self.metric == "success") else "worse"


@dataclass(frozen=True, slots=True)
class Comparison:
    """What became of the tasks that both sides have."""

    tasks: int
    only_a: int
    """Tasks that B has not finished."""
    only_b: int
    a_alone: int
    """Tasks that A solved, or solved more often than B."""
    b_alone: int
    p: float
    """Of the exact test: how likely so one-sided a result is between equals."""
    changes: tuple[Change, ...]


@dataclass(slots=True)
class _Task:
    """A task with all its repeats."""

    times: int = 0
    successes: float = 0.0
    nano_usd: float = 0.0
    tokens: float = 0.0
    seconds: float = 0.0
    timed: int = 0

    def add(self, account: Account) -> None:
        self.times += 1
        self.successes += account.success
        self.nano_usd += account.nano_usd
        self.tokens += account.tokens
        if account.seconds is not None:
            self.seconds += account.seconds
            self.timed += 1


@dataclass(frozen=True, slots=True)
class _Side:
    """A number a task of each kind, the tasks in the same order on both sides."""

    times: list[int]
    won: list[float]
    cost: list[float]
    tokens: list[float]
    seconds: NDArray[Any]
    """NaN where no run of the task came to an end."""

    @property
    def shares(self) -> list[float]:
        """How often each task was a success."""
        return [won / times for won, times in zip(self.won, self.times, strict=True)]

    def per_success(self, amounts: Sequence[float], failure: float) -> float | None:
        """What a success took; `None` without one."""
        if not any(self.won):
            return None
        won = sum(self.shares)
        spent = sum(amount / times for amount, times in zip(amounts, self.times, strict=True))
        return (spent + failure * (len(self.won) - won)) / won


def compare(a: Iterable[Account], b: Iterable[Account], *, failure_nano: int = 0) -> Comparison:
    """The accounts of B against those of A; `failure_nano` is what a failed task costs more."""
    mine, theirs = _by_task(a), _by_task(b)
    shared = [task for task in mine if task in theirs]
    one, other = (_side([of[task] for task in shared]) for of in (mine, theirs))
    pairs = list(zip(one.shares, other.shares, strict=True))
    a_alone, b_alone = sum(a > b for a, b in pairs), sum(b > a for a, b in pairs)
    return Comparison(
        tasks=len(shared),
        only_a=len(mine) - len(shared),
        only_b=len(theirs) - len(shared),
        a_alone=a_alone,
        b_alone=b_alone,
        p=exact_sign(a_alone, b_alone),
        changes=_changes(one, other, failure_nano / NANO_PER_USD) if shared else (),
    )


def _by_task(accounts: Iterable[Account]) -> dict[str, _Task]:
    tasks: dict[str, _Task] = {}
    for account in accounts:
        if account.finished:
            tasks.setdefault(account.task_id, _Task()).add(account)
    return tasks


def _side(tasks: Sequence[_Task]) -> _Side:
    import numpy as np

    seconds = [task.seconds / task.timed if task.timed else float("nan") for task in tasks]
    return _Side(
        times=[task.times for task in tasks],
        won=[task.successes for task in tasks],
        cost=[task.nano_usd / NANO_PER_USD for task in tasks],
        tokens=[task.tokens for task in tasks],
        seconds=np.array(seconds, dtype=float),
    )


def _changes(a: _Side, b: _Side, failure: float) -> tuple[Change, ...]:
    tries, tasks = (b.times, a.times), len(a.won)
    rates = [sum(side.shares) / tasks for side in (a, b)]
    success = _measured(paired_success(b.won, a.won, tries))
    changes = [Change("success", rates[0], rates[1], success, Measured(None, None))]
    costs: tuple[tuple[Metric, list[float], list[float], float], ...] = (
        ("cps", a.cost, b.cost, 0.0),
        ("loaded-cps", a.cost, b.cost, failure),
        ("tokens", a.tokens, b.tokens, 0.0),
    )
    for metric, was, now, more in costs:
        pair = (now, b.won), (was, a.won)
        changes.append(
            Change(
                metric,
                a.per_success(was, more),
                b.per_success(now, more),
                _measured(paired_ratio(*pair, tries, failure=more)),
                _measured(paired_change(*pair, tries, failure=more)),
            )
        )
    changes += _percentiles(a.seconds, b.seconds)
    return tuple(sorted(changes, key=lambda change: METRICS.index(change.metric)))


def _measured(difference: Difference) -> Measured:
    return Measured(difference.value, difference.interval)


def _percentiles(a: NDArray[Any], b: NDArray[Any]) -> list[Change]:
    """Of the tasks that have a time on both sides."""
    import numpy as np

    timed = ~(np.isnan(a) | np.isnan(b))
    one, other = a[timed], b[timed]
    if not len(one):
        return [_unknown("p50"), _unknown("p95")]
    percents = (50, 95)
    pairs = [
        (np.percentile(one[i], percents, axis=1), np.percentile(other[i], percents, axis=1))
        for i in samples(len(one), resamples=_resamples(len(one)))
    ]
    drawn_a, drawn_b = (np.concatenate([pair[side] for pair in pairs], axis=1) for side in (0, 1))
    changes: list[Change] = []
    names: tuple[Metric, Metric] = ("p50", "p95")
    for at, metric in enumerate(names):
        value_a = float(np.percentile(one, percents[at]))
        value_b = float(np.percentile(other, percents[at]))
        difference = measured(value_b - value_a, drawn_b[at] - drawn_a[at])
        relative = _relative(value_a, value_b, drawn_a[at], drawn_b[at])
        changes.append(Change(metric, value_a, value_b, difference, relative))
    return changes


def _resamples(tasks: int) -> int:
    return max(FEWEST, min(RESAMPLES, _DRAWN // tasks))


def _unknown(metric: Metric) -> Change:
    return Change(metric, None, None, Measured(None, None), Measured(None, None))


def _relative(a: float, b: float, drawn_a: NDArray[Any], drawn_b: NDArray[Any]) -> Measured:
    import numpy as np

    if not a:
        return Measured(None, None)
    with np.errstate(invalid="ignore", divide="ignore"):
        return measured(b / a - 1, drawn_b / drawn_a - 1)
