"""Intervals, percentiles and fits. The one importer of SciPy.

How often the intervals cover the truth is measured by `benchmarks/coverage.py`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import comb
from typing import TYPE_CHECKING, Any, cast

from agentsys.evaluation.resampling import LEVEL, Interval, Measured, mean, over_items

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = [
    "Difference",
    "Interval",
    "Measured",
    "lowest",
    "mean",
    "over_items",
    "paired_ratio",
    "paired_success",
    "pass_at_k",
    "pass_hat_k",
    "percentile",
    "ratio_interval",
    "rising",
    "share_interval",
    "upper_bound",
    "wilson",
]

_UNEQUAL = 1e-12
"""A relative spread below this is rounding."""


def wilson(successes: int, tasks: int) -> Interval | None:
    """Wilson's score interval of a success rate; `None` without tasks."""
    return _score(successes / tasks, tasks) if tasks else None


def share_interval(tries: Sequence[tuple[int, int]]) -> Interval | None:
    """Wilson's interval of the success rate of tasks that were tried several times.

    The repeats of a task are alike, so that they tell less than as many tasks: the interval is that
    of as many independent tries as have the variance which the tasks show among each other (Kish's
    effective sample size), and where they show none, of the number of tasks.

    Args:
        tries: How often each task was tried, and how often that was a success.
    """
    if not tries:
        return None
    import numpy as np

    tried, won = np.asarray(tries, dtype=float).T
    share, tasks = float(won.sum() / tried.sum()), len(tried)
    # The variance of a ratio of sums over tasks (Cochran 1977, section 6.3).
    off = (won - share * tried) / tried.mean()
    variance = float((off**2).sum()) / (tasks - 1) / tasks if tasks > 1 else 0.0
    worth = share * (1 - share) / variance if variance else tasks
    return _score(share, min(worth, float(tried.sum())))


def percentile(values: Sequence[float], percent: float) -> float | None:
    """With linear interpolation between neighbours; `None` of nothing."""
    if len(values) < 2:
        return float(values[0]) if values else None
    import numpy as np

    return float(np.percentile(np.asarray(values, dtype=float), percent))


def ratio_interval(
    costs: Sequence[float], successes: Sequence[float], tries: Sequence[float] | None = None
) -> Interval | None:
    """Interval of Σ costs / Σ successes; `None` without a success, and of a single task.

    On the log scale, Student's interval of the mean cost and Wilson's of the success rate make one
    as variances add up (MOVER: Zou and Donner 2008, Donner and Zou 2012), less what the sample's
    correlation of cost and success takes away. Wilson's knows of failures that the sample happens
    not to have, of which no resampling can; `benchmarks/coverage.py` compares them.

    Args:
        costs: Of each task, of all its tries together.
        successes: How many of its tries were one; or the share, with the cost of a try.
        tries: How often it was solved; default: once. Tries of one task are alike: each task is
            one piece of evidence.
    """
    import numpy as np
    from scipy import special

    cost, won = np.asarray(costs, dtype=float), np.asarray(successes, dtype=float)
    tasks, tried = len(cost), np.ones(len(cost)) if tries is None else np.asarray(tries, float)
    if tasks < 2 or not won.any():
        return None
    mean, share = float(cost.sum() / tried.sum()), float(won.sum() / tried.sum())
    if not mean > 0:
        return 0.0, 0.0
    dear, good = (cost - mean * tried) / tried.mean(), (won - share * tried) / tried.mean()
    error = math.sqrt(float((dear**2).sum()) / (tasks - 1) / tasks)
    about = float(special.stdtrit(tasks - 1, (1 + LEVEL) / 2)) * error / mean
    (low, high), alike = _rate(share, good), _correlation(dear, good, mean)
    below, above = math.log(high / share), math.log(share / low)
    return (
        mean / share * math.exp(-_joined(about, below, alike)),
        mean / share * math.exp(_joined(about, above, alike)),
    )


@dataclass(frozen=True, slots=True)
class Difference:
    """A statistic of one graph minus that of another on the same tasks."""

    value: float | None
    interval: Interval | None

    @property
    def clear(self) -> bool:
        """Whether the interval excludes zero."""
        return self.interval is not None and not self.interval[0] <= 0 <= self.interval[1]


def paired_success(first: Sequence[float], second: Sequence[float]) -> Difference:
    """Difference of the success rates; both have the same tasks in order.

    Wilson's intervals of both make one, less what their correlation takes away (Newcombe 1998,
    "Improved confidence intervals for the difference between binomial proportions based on paired
    data"). Where few tasks differ, resampling knows too little of those that might.

    Args:
        first: 1 or 0 a task; of one that was solved several times, the share.
        second: The same of the other graph.
    """
    import numpy as np

    mine, theirs = np.asarray(first, dtype=float), np.asarray(second, dtype=float)
    _refuse_unequal(len(mine), len(theirs))
    if not len(mine):
        return Difference(None, None)
    one, other = float(mine.mean()), float(theirs.mean())
    first_ci, second_ci = _rate(one, mine - one), _rate(other, theirs - other)
    return _difference((one, first_ci), (other, second_ci), _correlation(mine, theirs))


def paired_ratio(
    first: tuple[Sequence[float], Sequence[float]],
    second: tuple[Sequence[float], Sequence[float]],
) -> Difference:
    """Difference of Σ costs / Σ successes, on the same tasks in order.

    Made of both intervals as that of the success rates is. Each has costs and successes.
    """
    import numpy as np

    (cost, won), (dear, lost) = (
        [np.asarray(part, dtype=float) for part in of] for of in (first, second)
    )
    _refuse_unequal(len(cost), len(won), len(dear), len(lost))
    if not (won.any() and lost.any()):
        return Difference(None, None)
    one, other = float(cost.sum() / won.sum()), float(dear.sum() / lost.sum())
    mine, theirs = ratio_interval(*first), ratio_interval(*second)
    if mine is None or theirs is None:
        return Difference(one - other, None)
    alike = _correlation((cost - one * won) / (one or 1), (dear - other * lost) / (other or 1))
    return _difference((one, mine), (other, theirs), alike)


def exact_sign(first: int, second: int) -> float:
    """The two-sided p of so many against so many, were either as likely: McNemar's exact test.

    Of pairs that differ, `first` do so one way and `second` the other; 1 where none does.
    """
    if not first + second:
        return 1.0
    from scipy.stats import binomtest  # pyright: ignore[reportUnknownVariableType]

    test: Any = binomtest(first, first + second)
    return float(test.pvalue)


def rising(values: Sequence[float], weights: Sequence[float]) -> list[float]:
    """The nearest values, by weighted squares, that never fall (isotonic regression)."""
    from scipy import optimize

    regression: Any = optimize.isotonic_regression
    found = regression(values, weights=weights)
    return [float(value) for value in found.x]


def lowest(loss: Callable[[Sequence[float]], float], start: Sequence[float]) -> list[float]:
    """Where a smooth loss is lowest, looked for from a start (BFGS)."""
    from scipy.optimize import minimize  # pyright: ignore[reportUnknownVariableType]

    found = cast("Any", minimize(loss, start, method="BFGS"))
    return [float(value) for value in found.x]


def _rate(share: float, off: NDArray[Any]) -> Interval:
    """Wilson's interval of a success rate, from how far each task is off it.

    Shares of several tries vary less than one try each, and tell more.
    """
    tasks, variance = len(off), float((off**2).mean())
    return _score(share, tasks * share * (1 - share) / variance if variance > _UNEQUAL else tasks)


def _difference(
    one: tuple[float, Interval], other: tuple[float, Interval], correlation: float
) -> Difference:
    """Of two values with their intervals (MOVER: Zou and Donner 2008)."""
    (value, (low, high)), (less, (least, most)) = one, other
    return Difference(
        value - less,
        (
            value - less - _joined(value - low, most - less, correlation),
            value - less + _joined(high - value, less - least, correlation),
        ),
    )


def _correlation(first: NDArray[Any], second: NDArray[Any], scale: float = 1.0) -> float:
    """Pearson's; 0 where one of them does not vary, the first beyond rounding at its scale."""
    import numpy as np

    if float(first.std()) <= _UNEQUAL * scale or float(second.std()) <= _UNEQUAL:
        return 0.0
    return float(np.corrcoef(first, second)[0, 1])


def _refuse_unequal(*lengths: int) -> None:
    if len(set(lengths)) > 1:
        raise ValueError("paired samples have the same length")


def _score(share: float, tasks: float) -> Interval:
    """Wilson's interval; both ends of nothing and of all are exact."""
    from scipy import special

    z = float(special.ndtri((1 + LEVEL) / 2))
    middle = share + z * z / (2 * tasks)
    half = z * math.sqrt(share * (1 - share) / tasks + (z / (2 * tasks)) ** 2)
    whole = 1 + z * z / tasks
    low, high = (middle - half) / whole, (middle + half) / whole
    return 0.0 if share == 0 else low, 1.0 if share == 1 else high


def _joined(first: float, second: float, correlation: float) -> float:
    """The half of an interval of a difference, from those of its parts."""
    return math.sqrt(max(0.0, first**2 + second**2 - 2 * correlation * first * second))


def pass_at_k(draws: int, passed: int, k: int) -> float:
    """Chance that at least one of `k` draws passes, from `draws` of which `passed` did.

    The unbiased estimator of Chen et al. 2021, "Evaluating Large Language Models Trained on Code",
    section 2.1.

    Raises:
        ValueError: `k` is not between 1 and `draws`, or more passed than were drawn.
    """
    if not 1 <= k <= draws or not 0 <= passed <= draws:
        raise ValueError(f"pass@{k} cannot be told from {passed} of {draws} draws")
    return 1 - comb(draws - passed, k) / comb(draws, k)


def pass_hat_k(draws: int, passed: int, k: int) -> float:
    """Chance that all of `k` draws pass, from `draws` of which `passed` did.

    The unbiased estimator of Yao et al. 2024, "τ-bench: A Benchmark for Tool-Agent-User Interaction
    in Real-World Domains", section 3.

    Raises:
        ValueError: `k` is not between 1 and `draws`, or more passed than were drawn.
    """
    if not 1 <= k <= draws or not 0 <= passed <= draws:
        raise ValueError(f"pass^{k} cannot be told from {passed} of {draws} draws")
    return comb(passed, k) / comb(draws, k)


def upper_bound(errors: float, trials: float, *, level: float = LEVEL) -> float:
    """Clopper and Pearson's one-sided upper bound of an error rate; 1 of nothing.

    The largest rate at which so few errors are no less likely than `1 - level`; exact at any size.
    """
    if errors >= trials:
        return 1.0
    from scipy.special import betaincinv  # pyright: ignore[reportUnknownVariableType]

    bound: Any = betaincinv(errors + 1, trials - errors, level)
    return float(bound)
