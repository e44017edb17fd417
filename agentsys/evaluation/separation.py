"""How well confidence tells right answers from wrong ones, and whether it means what it says."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.typing import NDArray

RESAMPLES = 1_000
LEVEL = 0.95
BINS = 10

Statistic = Callable[["NDArray[Any]", "NDArray[Any]"], float]


@dataclass(frozen=True, slots=True)
class Estimate:
    """A statistic with its bootstrap interval, 95 %."""

    value: float
    low: float
    high: float


def auroc(sure: Sequence[float], right: Sequence[bool], *, seed: int = 0) -> Estimate | None:
    """How often a right answer is surer than a wrong one; ties count half.

    0.5 is no better than chance, 1 perfect; `None` without a right and a wrong answer.
    """
    return _estimated(_auroc, sure, right, seed)


def calibration_error(
    sure: Sequence[float], right: Sequence[bool], *, seed: int = 0
) -> Estimate | None:
    """Expected calibration error: how far confidence is from the share that is right.

    Over ten groups of equal size, in the order of confidence (Nguyen and O'Connor 2015, section 3);
    `None` of nothing.
    """
    return _estimated(_calibration, sure, right, seed)


def _estimated(
    statistic: Statistic, sure: Sequence[float], right: Sequence[bool], seed: int
) -> Estimate | None:
    import numpy as np

    values, labels = np.asarray(sure, dtype=float), np.asarray(right, dtype=bool)
    if len(values) != len(labels):
        raise ValueError("there is one confidence for each answer")
    if not len(values) or np.isnan(value := statistic(values, labels)):
        return None
    random = np.random.default_rng(seed)
    drawn = [
        statistic(values[i], labels[i])
        for i in (random.integers(len(values), size=len(values)) for _ in range(RESAMPLES))
    ]
    tail = (1 - LEVEL) / 2
    low, high = np.nanquantile(np.asarray(drawn), [tail, 1 - tail])
    return Estimate(value, float(low), float(high))


def _auroc(values: NDArray[Any], labels: NDArray[Any]) -> float:
    """By ranks (Hanley and McNeil 1982), ties at the mean of theirs."""
    import numpy as np

    won, lost = int(labels.sum()), int((~labels).sum())
    if not won or not lost:
        return float("nan")
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[inverse]
    return float((ranks[labels].sum() - won * (won + 1) / 2) / (won * lost))


def _calibration(values: NDArray[Any], labels: NDArray[Any]) -> float:
    """Answers of one confidence are all as right as they are together, in whichever group."""
    import numpy as np

    order = np.argsort(values, kind="stable")
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    right = (np.bincount(inverse, weights=labels) / counts)[inverse]
    gaps = [
        abs(float(values[group].mean()) - float(right[group].mean())) * len(group)
        for group in np.array_split(order, BINS)
        if len(group)
    ]
    return sum(gaps) / len(values)
