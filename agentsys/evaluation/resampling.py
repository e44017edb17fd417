"""Statistics of sums over items, with percentile bootstrap intervals.

All resampling is of items, with a fixed seed: the same data give the same interval.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

RESAMPLES = 2_000
"""Bootstrap samples of each interval."""

LEVEL = 0.95
"""Confidence of every interval."""

_CELLS = 2_000_000
"""Most indices drawn at once, to bound memory on large suites."""

_UNDEFINED = 0.025
"""An interval whose statistic is undefined in a larger share of samples is not given."""

Interval = tuple[float, float]


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
        sums = [_times(i, items) @ flat for i in samples(items, seed)]
        drawn = np.concatenate([finish(each.reshape(-1, *shape)) for each in sums])
    return [measured(float(value), drawn[:, at]) for at, value in enumerate(values)]


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


def measured(value: float, drawn: NDArray[Any]) -> Measured:
    """A statistic, and its interval from what the samples gave; NaN is undefined."""
    import numpy as np

    finite = drawn[np.isfinite(drawn)]
    known = np.isfinite(value) and len(finite) >= (1 - _UNDEFINED) * len(drawn)
    return Measured(value if np.isfinite(value) else None, _ends(finite) if known else None)


def samples(tasks: int, seed: int = 0, *, resamples: int = RESAMPLES) -> Iterator[NDArray[Any]]:
    """Rows of task indices drawn with replacement, some of `resamples` at a time."""
    import numpy as np

    random = np.random.default_rng(seed)
    at_once = max(1, min(resamples, _CELLS // tasks))
    for start in range(0, resamples, at_once):
        yield random.integers(tasks, size=(min(at_once, resamples - start), tasks))


def _ends(values: NDArray[Any]) -> Interval:
    import numpy as np

    tail = (1 - LEVEL) / 2
    low, high = np.quantile(values, [tail, 1 - tail], method="inverted_cdf")
    return float(low), float(high)
