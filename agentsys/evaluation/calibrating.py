"""Fitting a probability to labels, so that of what is given 70 %, seven in ten are so."""

from collections.abc import Sequence

from agentsys.calibration import Isotonic, Platt, logit
from agentsys.errors import UserError
from agentsys.evaluation.statistics import Measured, lowest, mean, rising

ISOTONIC_FROM = 200
"""Labels from which on the shape of the curve is left to the data."""

_SLOPE, _INTERCEPT = 0.5, 1.0
"""Standard deviations of the logarithm of Platt's slope, and of his intercept, before any label is
seen: few labels, or such as are all alike, say little about them."""


def fit_probability(told: Sequence[float], so: Sequence[bool]) -> Platt | Isotonic:
    """A calibration of one probability: isotonic from 200 labels on, else Platt's with a prior.

    Neither says 0 or 1 of anything, and neither turns the order round.

    Args:
        told: What was said of each example.
        so: Whether it was so.

    Raises:
        UserError: there are none, or there is not one label for each.
    """
    if not told or len(told) != len(so):
        raise UserError("A calibration is fitted on examples with one label each.")
    return _isotonic(told, so) if len(told) >= ISOTONIC_FROM else _platt(told, so)


def brier(told: Sequence[float], so: Sequence[bool], *, seed: int = 0) -> Measured:
    """The mean squared error of a probability (Brier 1950): 0 is perfect, 0.25 is a coin."""
    return mean([(p - label) ** 2 for p, label in zip(told, so, strict=True)], seed=seed)


def _platt(told: Sequence[float], so: Sequence[bool]) -> Platt:
    import numpy as np

    odds = np.asarray([logit(p) for p in told])
    signs = np.where(np.asarray(so, dtype=bool), 1.0, -1.0)

    def loss(found: Sequence[float]) -> float:
        log_slope, intercept = found
        margins = signs * (np.exp(log_slope) * odds + intercept)
        held = (log_slope / _SLOPE) ** 2 + (intercept / _INTERCEPT) ** 2
        return float(np.logaddexp(0, -margins).sum() + held / 2)

    log_slope, intercept = lowest(loss, (0.0, 0.0))
    return Platt(float(np.exp(log_slope)), intercept)


def _isotonic(told: Sequence[float], so: Sequence[bool]) -> Isotonic:
    """The rising curve, kept from certainty by what one more label of either kind would do."""
    labels: dict[float, list[bool]] = {}
    for p, label in zip(told, so, strict=True):
        labels.setdefault(p, []).append(label)
    raw = sorted(labels)
    shares = [sum(labels[p]) / len(labels[p]) for p in raw]
    least = 1 / (len(told) + 2)
    found = [
        min(max(p, least), 1 - least) for p in rising(shares, [float(len(labels[p])) for p in raw])
    ]
    ends = [i for i, p in enumerate(found) if not _inside(i, p, found)]
    return Isotonic(tuple(raw[i] for i in ends), tuple(found[i] for i in ends))


def _inside(place: int, value: float, found: Sequence[float]) -> bool:
    """Whether a value is neither the first nor the last of a level stretch."""
    return 0 < place < len(found) - 1 and found[place - 1] == value == found[place + 1]
