"""Two graphs on the same tasks in order: differences and relative changes, with intervals.

Each is made of both intervals, less what their correlation takes away (MOVER: Zou and Donner 2008),
so that it knows of failures that few tasks show on neither side. Costs and successes are of all
tries of a task together; each task counts once, however often it was tried.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from agentsys.evaluation.per_success import PerSuccess, correlation, joined
from agentsys.evaluation.rates import clustered
from agentsys.evaluation.resampling import Interval

Counts = Sequence[float]
"""A number of each task."""


@dataclass(frozen=True, slots=True)
class Difference:
    """A statistic of one graph minus that of another on the same tasks."""

    value: float | None
    interval: Interval | None

    @property
    def clear(self) -> bool:
        """Whether the interval excludes zero."""
        return self.interval is not None and not self.interval[0] <= 0 <= self.interval[1]


def paired_success(
    first: Counts, second: Counts, tries: tuple[Counts, Counts] | None = None
) -> Difference:
    """Difference of the success rates.

    Made of Wilson's intervals (Newcombe 1998, "Improved confidence intervals for the difference
    between binomial proportions based on paired data").

    Args:
        first: How often each task was a success.
        second: The same of the other graph.
        tries: How often each was tried, of both graphs; default: once.
    """
    import numpy as np

    _refuse_unequal(first, second, *(tries or ()))
    if not len(first):
        return Difference(None, None)
    tried = np.ones((2, len(first))) if tries is None else np.asarray(tries, dtype=float)
    shares = np.asarray((first, second), dtype=float) / tried
    rates = [float(each.mean()) for each in shares]
    total = [len(each) ** 2 / float((1 / each).sum()) for each in tried]
    one, other = (
        (rate, clustered(rate, each - rate, worth))
        for rate, each, worth in zip(rates, shares, total, strict=True)
    )
    alike = correlation(*shares)
    return _difference(one, other, (alike, alike))


def paired_ratio(
    first: tuple[Counts, Counts],
    second: tuple[Counts, Counts],
    tries: tuple[Counts, Counts] | None = None,
    *,
    failure: float = 0.0,
) -> Difference:
    """Difference of the costs per success; without a value where one has no success.

    Args:
        first: Costs and successes.
        second: The same of the other graph.
        tries: How often each task was tried, of both graphs; default: once.
        failure: What each try that is no success costs beyond.
    """
    both = _both(first, second, tries, failure)
    if both is None:
        return Difference(None, None)
    one, other = both
    if len(first[0]) < 2:
        return Difference(one.value - other.value, None)
    return _difference((one.value, one.interval), (other.value, other.interval), _alike(*both))


def paired_change(
    first: tuple[Counts, Counts],
    second: tuple[Counts, Counts],
    tries: tuple[Counts, Counts] | None = None,
    *,
    failure: float = 0.0,
) -> Difference:
    """By what share the first costs more per success than the second, as `paired_ratio`.

    Without a value where the second is free, and without an interval where the first is.
    """
    both = _both(first, second, tries, failure)
    if both is None or not both[1].value:
        return Difference(None, None)
    one, other = both
    value, intervals = one.value / other.value - 1, (one.interval, other.interval)
    if len(first[0]) < 2 or not all(low > 0 for low, _ in intervals):
        return Difference(value, None)
    logs = [
        (math.log(each.value), (math.log(low), math.log(high)))
        for each, (low, high) in zip(both, intervals, strict=True)
    ]
    low, high = _difference(logs[0], logs[1], _alike(*both)).interval or (0.0, 0.0)
    return Difference(value, (math.expm1(low), math.expm1(high)))


def _both(
    first: tuple[Counts, Counts],
    second: tuple[Counts, Counts],
    tries: tuple[Counts, Counts] | None,
    failure: float,
) -> tuple[PerSuccess, PerSuccess] | None:
    _refuse_unequal(*first, *second, *(tries or ()))
    if not (any(first[1]) and any(second[1])):
        return None
    mine, theirs = tries or (None, None)
    return (
        PerSuccess.of(*first, mine, failure=failure, averaged=True),
        PerSuccess.of(*second, theirs, failure=failure, averaged=True),
    )


def _alike(one: PerSuccess, other: PerSuccess) -> Interval:
    return one.alike(other, 0), one.alike(other, 1)


def _difference(
    one: tuple[float, Interval], other: tuple[float, Interval], alike: Interval
) -> Difference:
    """Of two values with their intervals, by the correlation of the ends that meet."""
    (value, (low, high)), (less, (least, most)) = one, other
    return Difference(
        value - less,
        (
            value - less - joined(value - low, most - less, alike[0]),
            value - less + joined(high - value, less - least, alike[1]),
        ),
    )


def _refuse_unequal(*parts: Counts) -> None:
    if len({len(each) for each in parts}) > 1:
        raise ValueError("paired samples have the same length")
