"""Judges rated by each other's mistakes (JudgeBoard), and how far those are the same mistakes.

On each item judge i beats judge j if i is right and j is not; otherwise they tie, which is half a
win for each. Bradley and Terry's model says how likely that is, P(i beats j) = 1 / (1 + e^(b_j −
b_i)); the strengths b are the likeliest ones, with a small ridge for judges that never lost. Shown
is 1000 + 400 / ln 10 · (b − mean b): the scale of chess, 400 points for odds of ten to one.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import combinations
from typing import TYPE_CHECKING, Any

from agentsys.evaluation.statistics import Measured, over_items

if TYPE_CHECKING:
    from numpy.typing import NDArray

CENTRE, SCALE = 1000.0, 400.0 / math.log(10.0)

_RIDGE = 0.01
_STEPS = 60
_CLOSE = 1e-9
_LONGEST = 2.0
"""A longer step of Newton's method may overshoot where judges nearly always win."""

Right = Sequence[Sequence[bool]]
"""Whether each judge (column) was right on each item (row)."""


def bradley_terry(right: Right, *, seed: int = 0) -> list[Measured]:
    """The rating of each judge, with its interval over resampled items; their mean is 1000."""
    import numpy as np

    if not len(right):
        return []
    won = np.asarray(right, dtype=float)
    beats = won[:, :, None] * (1 - won[:, None, :])
    ties = 1 - beats - beats.transpose(0, 2, 1)
    parts = (beats + ties / 2) * (1 - np.eye(won.shape[1]))
    return over_items(parts, lambda wins: CENTRE + SCALE * strengths(wins), seed=seed)


def strengths(wins: NDArray[Any]) -> NDArray[Any]:
    """The likeliest strengths of judges that beat each other so often, by Newton's method.

    Args:
        wins: A stack of tables: how often the judge of the row beat that of the column.
    """
    import numpy as np

    found = np.zeros(wins.shape[:2])
    for _ in range(_STEPS):
        step = _step(wins, found)
        longest = np.abs(step).max(axis=1, keepdims=True)
        found = found + step * np.minimum(1, _LONGEST / np.maximum(longest, 1e-300))
        if longest.max() < _CLOSE:
            break
    return found - found.mean(axis=1, keepdims=True)


def _step(wins: NDArray[Any], found: NDArray[Any]) -> NDArray[Any]:
    """Where the likelihood has its top if it is a parabola."""
    import numpy as np

    met = wins + wins.transpose(0, 2, 1)
    expected = 1 / (1 + np.exp(found[:, None, :] - found[:, :, None]))
    slope = (wins - met * expected).sum(axis=2) - _RIDGE * found
    curve = met * expected * (1 - expected)
    bend = np.eye(wins.shape[1]) * (curve.sum(axis=2) + _RIDGE)[:, :, None] - curve
    solve: Any = np.linalg.solve
    solved: NDArray[Any] = solve(bend, slope[:, :, None])
    return solved[:, :, 0]


def error_correlations(right: Right, *, seed: int = 0) -> dict[tuple[int, int], Measured]:
    """Of each pair of judges: how far they err on the same items (Pearson's coefficient).

    Undefined where one of them never errs, or always.
    """
    import numpy as np

    if not len(right):
        return {}
    wrong = 1 - np.asarray(right, dtype=float)
    pairs = list(combinations(range(wrong.shape[1]), 2))

    def correlation(sums: NDArray[Any]) -> NDArray[Any]:
        mean = sums[:, 0, :] / sums[:, 0, :1]
        first, second, both = mean[:, 1], mean[:, 2], mean[:, 3]
        spread = first * (1 - first) * second * (1 - second)
        return ((both - first * second) / np.sqrt(np.where(spread > 0, spread, np.nan)))[:, None]

    found: dict[tuple[int, int], Measured] = {}
    for a, b in pairs:
        rows = (np.ones(len(wrong)), wrong[:, a], wrong[:, b], wrong[:, a] * wrong[:, b])
        found[a, b] = over_items(np.stack(rows, axis=1)[:, None, :], correlation, seed=seed)[0]
    return found


def mean_correlation(correlations: Sequence[Measured]) -> float | None:
    """The mean of those that are defined."""
    known = [each.value for each in correlations if each.value is not None]
    return sum(known) / len(known) if known else None
