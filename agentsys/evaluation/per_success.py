"""The interval of a cost per success.

On the log scale, Student's interval of the mean cost and Wilson's of the success rate make one as
variances add up (MOVER: Zou and Donner 2008, Donner and Zou 2012), less what the sample's
correlation of cost and success takes away. Wilson's knows of failures that the sample happens not
to have, of which no resampling can; `benchmarks/coverage.py` compares them.

What failures cost beyond, F each, is no matter of chance once it is known how many there are. So it
is not added to the costs of those that the sample has: with it, a success costs
(mean + F) / rate - F, and the interval is that of costs to each of which F is added, less F.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from agentsys.evaluation.distributions import student
from agentsys.evaluation.rates import UNEQUAL, clustered
from agentsys.evaluation.resampling import Interval

if TYPE_CHECKING:
    from numpy.typing import NDArray


def ratio_interval(
    costs: Sequence[float],
    successes: Sequence[float],
    tries: Sequence[float] | None = None,
    *,
    failure: float = 0.0,
) -> Interval | None:
    """Interval of Σ costs / Σ successes; `None` without a success, and of a single task.

    Args:
        costs: Of each task, of all its tries together.
        successes: How many of its tries were one.
        tries: How often it was solved; default: once.
        failure: What each try that is no success costs beyond.
    """
    if len(costs) < 2 or not any(successes):
        return None
    return PerSuccess.of(costs, successes, tries, failure=failure).interval


@dataclass(frozen=True, slots=True)
class PerSuccess:
    """A cost per success, and what its interval is made of, all relative to `value + failure`."""

    value: float
    failure: float
    spent: float
    """Half of the interval of the logarithm of the mean cost."""
    won: Interval
    """How far the logarithm of the success rate reaches up and down: the cost does down and up."""
    dear: NDArray[Any]
    """How far each task is off the mean cost."""
    good: NDArray[Any]
    """How far each is off the success rate."""
    least: float
    """What it costs at least: the low end without what failures cost beyond."""

    @classmethod
    def of(
        cls,
        costs: Sequence[float],
        successes: Sequence[float],
        tries: Sequence[float] | None = None,
        *,
        failure: float = 0.0,
        averaged: bool = False,
    ) -> PerSuccess:
        """Of tasks with a success among them; of a single one, only the value is good.

        With `averaged`, a task counts once, however often it was tried; else each try does.
        """
        import numpy as np

        cost, won = np.asarray(costs, dtype=float), np.asarray(successes, dtype=float)
        tried = np.ones(len(cost)) if tries is None else np.asarray(tries, dtype=float)
        total = float(tried.sum())
        if averaged:
            cost, won, total = cost / tried, won / tried, len(cost) ** 2 / float((1 / tried).sum())
            tried = np.ones(len(cost))
        mean, share = float(cost.sum() / tried.sum()), float(won.sum() / tried.sum())
        with_failure, value = mean + failure, (mean + failure * (1 - share)) / share
        scale = with_failure * float(tried.mean()) or 1.0
        dear, good = (cost - mean * tried) / scale, (won - share * tried) / float(tried.mean())
        freedom = max(1, len(cost) - 1)
        error = math.sqrt(float((dear**2).sum()) / freedom / len(cost))
        low, high = clustered(share, good, total)
        without = failure and cls.of(costs, successes, tries, averaged=averaged).interval[0]
        return cls(
            value=value,
            failure=failure,
            spent=student(freedom) * error,
            won=(math.log(high / share), math.log(share / low)),
            dear=dear,
            good=good,
            least=without,
        )

    @property
    def interval(self) -> Interval:
        """Both ends; of what is free, nothing."""
        whole = self.value + self.failure
        low, high = (math.expm1(half) * whole for half in (-self.half(0), self.half(1)))
        return max(self.least, self.value + low), self.value + high

    def half(self, end: int) -> float:
        """How far the logarithm reaches down (0) or up (1)."""
        return joined(self.spent, self.won[end], correlation(self.dear, self.good))

    def alike(self, other: PerSuccess, end: int) -> float:
        """The correlation of this one's end with the opposite one of another on the same tasks.

        Of what costs share and what successes share, each as far as it matters; where one has no
        failure, it shares none.
        """
        both = self.half(end) * other.half(1 - end)
        if not both:
            return 0.0
        mine, theirs = self.won[end], other.won[1 - end]
        shared = (
            self.spent * other.spent * correlation(self.dear, other.dear)
            - self.spent * theirs * correlation(self.dear, other.good)
            - mine * other.spent * correlation(self.good, other.dear)
            + mine * theirs * correlation(self.good, other.good)
        )
        return min(1.0, max(-1.0, shared / both))


def correlation(first: NDArray[Any], second: NDArray[Any]) -> float:
    """Pearson's; 0 where one of them does not vary beyond rounding."""
    import numpy as np

    if float(first.std()) <= UNEQUAL or float(second.std()) <= UNEQUAL:
        return 0.0
    return float(np.corrcoef(first, second)[0, 1])


def joined(first: float, second: float, correlation: float) -> float:
    """The half of an interval of a difference, from those of its parts."""
    return math.sqrt(max(0.0, first**2 + second**2 - 2 * correlation * first * second))
