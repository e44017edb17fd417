"""Intervals, percentiles and fits. The one importer of SciPy.

All resampling is over tasks, with a fixed seed: the same data give the same interval. How often
the intervals cover the truth is measured by `benchmarks/coverage.py`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from math import comb
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from numpy.typing import NDArray

RESAMPLES = 2_000
"""Bootstrap samples of each interval."""

LEVEL = 0.95
"""Confidence of every interval."""

_CELLS = 2_000_000
"""Most indices drawn at once, to bound memory on large suites."""

_UNEQUAL = 1e-12
"""A relative spread below this is rounding."""

_UNDEFINED = 0.025
"""An interval whose statistic is undefined in a larger share of samples is not given."""

Interval = tuple[float, float]


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
    return _score(share, share * (1 - share) / variance if variance else tasks)


def percentile(values: Sequence[float], percent: float) -> float | None:
    """With linear interpolation between neighbours; `None` of nothing."""
    if not values:
        return None
    import numpy as np

    return float(np.percentile(np.asarray(values, dtype=float), percent))


def ratio_interval(costs: Sequence[float], successes: Sequence[float]) -> Interval | None:
    """Interval of Σ costs / Σ successes; `None` without a success, and of a single task.

    On the log scale, Student's interval of the mean cost and Wilson's of the success rate make one
    as variances add up (MOVER: Zou and Donner 2008, Donner and Zou 2012), less what the sample's
    correlation of cost and success takes away. Wilson's knows of failures that the sample happens
    not to have, of which no resampling can; `benchmarks/coverage.py` compares them.

    Args:
        costs: Of each task.
        successes: 1 or 0; of a task that was solved several times, the share, and the mean cost.
    """
    import numpy as np
    from scipy import special

    cost, won = np.asarray(costs, dtype=float), np.asarray(successes, dtype=float)
    tasks, least = len(cost), _UNEQUAL * float(np.abs(cost).max(initial=0.0))
    if tasks < 2 or not won.any():
        return None
    mean, share, spread = float(cost.mean()), float(won.mean()), float(cost.std(ddof=1))
    if not mean > 0:
        return 0.0, 0.0
    variance, together = float(won.var()), 0.0
    if spread > least and variance > 0:
        together = float(np.corrcoef(cost, won)[0, 1])
    # Shares of several tries tell more than one try a task.
    low, high = _score(share, tasks * share * (1 - share) / variance if variance else tasks)
    about = float(special.stdtrit(tasks - 1, (1 + LEVEL) / 2)) * spread / math.sqrt(tasks) / mean
    below, above = math.log(high / share), math.log(share / low)
    return (
        mean / share * math.exp(-_joined(about, below, together)),
        mean / share * math.exp(_joined(about, above, together)),
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


def paired_success(first: Sequence[bool], second: Sequence[bool], *, seed: int = 0) -> Difference:
    """Difference of the success rates, by paired bootstrap; both have the same tasks in order."""
    ones = [1.0] * len(first)
    return _paired((first, ones), (second, ones), seed)


def paired_ratio(
    first: tuple[Sequence[float], Sequence[float]],
    second: tuple[Sequence[float], Sequence[float]],
    *,
    seed: int = 0,
) -> Difference:
    """Difference of Σ costs / Σ successes, by paired bootstrap."""
    return _paired(first, second, seed)


@dataclass(frozen=True, slots=True)
class Measured:
    """A statistic with its bootstrap interval; `None` where the data leave it undefined."""

    value: float | None
    interval: Interval | None


def over_items(
    parts: NDArray[Any], finish: Callable[[NDArray[Any]], NDArray[Any]], *, seed: int = 0
) -> list[Measured]:
    """Statistics of sums over items, with intervals by resampling the items.

    Args:
        parts: What each item adds, one row an item.
        finish: From a stack of such sums to the statistics, one row a sum; NaN is undefined.
        seed: Of the resampling.
    """
    import numpy as np

    items, shape = len(parts), parts.shape[1:]
    flat = parts.reshape(items, math.prod(shape)).astype(float)
    with np.errstate(invalid="ignore", divide="ignore"):
        values = finish(flat.sum(axis=0).reshape(1, *shape))[0]
        if not items:
            return [Measured(None, None) for _ in values]
        sums = [_times(i, items) @ flat for i in _samples(items, seed)]
        drawn = np.concatenate([finish(each.reshape(-1, *shape)) for each in sums])
    return [_measured(float(value), drawn[:, at]) for at, value in enumerate(values)]


def mean(values: Sequence[float], *, seed: int = 0) -> Measured:
    """The mean of one number an item."""
    import numpy as np

    parts = np.stack((np.asarray(values, dtype=float), np.ones(len(values))), axis=1)
    return over_items(parts, lambda sums: sums[:, :1] / sums[:, 1:], seed=seed)[0]


def _times(indices: NDArray[Any], items: int) -> NDArray[Any]:
    """How often each sample drew each item."""
    import numpy as np

    rows = len(indices)
    numbered = indices + np.arange(rows)[:, None] * items
    return np.bincount(numbered.ravel(), minlength=rows * items).reshape(rows, items)


def _measured(value: float, drawn: NDArray[Any]) -> Measured:
    import numpy as np

    finite = drawn[np.isfinite(drawn)]
    known = np.isfinite(value) and len(finite) >= (1 - _UNDEFINED) * len(drawn)
    return Measured(value if np.isfinite(value) else None, _ends(finite) if known else None)


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


def _paired(
    first: tuple[Sequence[float], Sequence[float]],
    second: tuple[Sequence[float], Sequence[float]],
    seed: int,
) -> Difference:
    import numpy as np

    over_a, under_a, over_b, under_b = (np.asarray(v, dtype=float) for v in (*first, *second))
    if not len({len(over_a), len(under_a), len(over_b), len(under_b)}) == 1:
        raise ValueError("paired samples have the same length")
    if not len(over_a):
        return Difference(None, None)

    def difference(i: Any) -> NDArray[Any]:
        return _ratio(over_a[i], under_a[i]) - _ratio(over_b[i], under_b[i])

    with np.errstate(invalid="ignore"):
        value = float(difference(np.arange(len(over_a))[None, :])[0])
        drawn = np.concatenate([difference(i) for i in _samples(len(over_a), seed)])
    finite = drawn[np.isfinite(drawn)]
    if len(finite) < (1 - _UNDEFINED) * len(drawn):
        return Difference(value if np.isfinite(value) else None, None)
    return Difference(value if np.isfinite(value) else None, _ends(finite))


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


def _ratio(over: NDArray[Any], under: NDArray[Any]) -> NDArray[Any]:
    import numpy as np

    total, count = over.sum(axis=-1), under.sum(axis=-1)
    return np.divide(total, count, out=np.full_like(total, np.inf), where=count > 0)


def _samples(tasks: int, seed: int) -> Iterator[NDArray[Any]]:
    """Rows of task indices drawn with replacement, `RESAMPLES` in all."""
    import numpy as np

    random = np.random.default_rng(seed)
    at_once = max(1, min(RESAMPLES, _CELLS // tasks))
    for start in range(0, RESAMPLES, at_once):
        yield random.integers(tasks, size=(min(at_once, RESAMPLES - start), tasks))


def _ends(values: NDArray[Any]) -> Interval:
    import numpy as np

    tail = (1 - LEVEL) / 2
    low, high = np.quantile(values, [tail, 1 - tail], method="inverted_cdf")
    return float(low), float(high)


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
