"""Calibrations of populations whose errors are known, to see how often a promise is broken."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from agentsys.calibration import Isotonic, Platt
from agentsys.evaluation.calibrating import fit_probability
from agentsys.evaluation.thresholds.certificate import FITTED_ON, Scored, certify

LARGE = 200_000
"""Answers that stand for a whole population."""

Numbers = NDArray[np.float64]


@dataclass(frozen=True)
class Population:
    """Answers as a graph's first tier gives them: how sure it is, and how likely each is right."""

    name: str
    sure: Callable[[np.random.Generator, int], Numbers]
    right: Callable[[Numbers], Numbers]


@dataclass(frozen=True)
class Simulated:
    """What so many calibrations came to."""

    calibrations: int
    certified: float
    """The share that found a threshold."""
    broken: float
    """The share in which more than `alpha` of what the threshold accepts is wrong."""
    accepted: float
    """The share of answers accepted, on average; nothing is, where there is no threshold."""
    possible: float
    """The most that can be accepted, if everything were known."""
    naive: float
    """The share that is broken by the loosest threshold with `alpha` errors or fewer, as counted
    on the same labels that the calibration was fitted on."""


def _uniform(random: np.random.Generator, number: int) -> Numbers:
    return random.random(number)


def _high(random: np.random.Generator, number: int) -> Numbers:
    return random.beta(6, 1.2, number)


def _few(random: np.random.Generator, number: int) -> Numbers:
    return random.choice([0.5, 0.9, 0.99, 1.0], number)


POPULATIONS = (
    Population("tells right from wrong", _uniform, lambda sure: np.where(sure > 0.4, 0.985, 0.5)),
    Population("calibrated", _high, lambda sure: sure),
    Population("far too sure", _high, lambda sure: 0.55 + 0.43 * sure**8),
    Population("too unsure", _uniform, lambda sure: 1 - 0.3 * (1 - sure) ** 3),
    Population("tells next to nothing", _uniform, lambda sure: 0.91 + 0.06 * sure),
    Population("says the opposite", _uniform, lambda sure: 0.99 - 0.1 * sure),
    Population("four values", _few, lambda sure: np.where(sure > 0.95, 0.975, 0.8)),
    Population("just not good enough", _uniform, lambda sure: np.full_like(sure, 0.949)),
)
"""Shapes of confidence. Of the last and of what says the opposite, nothing may be accepted."""


def simulate(
    population: Population,
    labels: int,
    calibrations: int,
    *,
    alpha: float = 0.05,
    delta: float = 0.05,
    seed: int = 0,
) -> Simulated:
    """Calibrate again and again, each time on other answers, and count.

    Args:
        population: Which answers.
        labels: Of each calibration.
        calibrations: How many.
        alpha: As it is promised.
        delta: As it is promised.
        seed: Of all that is drawn.
    """
    random = np.random.default_rng(seed)
    whole = np.sort(population.sure(random, LARGE))[::-1]
    wrong = np.cumsum(1 - population.right(whole)) / np.arange(1, LARGE + 1)
    certified = broken = naive = 0
    accepted = 0.0
    for _ in range(calibrations):
        sure = population.sure(random, labels)
        right = random.random(labels) < population.right(sure)
        threshold, calibration = _certified(sure, right, alpha, delta)
        naive += _exceeds(_naive(sure, right, alpha), whole, wrong, alpha)
        if threshold is None:
            continue
        certified += 1
        taken = _taken(whole, calibration, threshold)
        accepted += taken / LARGE
        broken += taken > 0 and bool(wrong[taken - 1] > alpha)
    within = np.flatnonzero((wrong <= alpha) & np.append(whole[1:] < whole[:-1], True))
    return Simulated(
        calibrations,
        certified / calibrations,
        broken / calibrations,
        accepted / calibrations,
        (int(within[-1]) + 1) / LARGE if len(within) else 0.0,
        naive / calibrations,
    )


def _certified(
    sure: Numbers, right: NDArray[np.bool_], alpha: float, delta: float
) -> tuple[float | None, Platt | Isotonic]:
    """As a calibration does it."""
    part = round(len(sure) * FITTED_ON)
    told, so = [float(each) for each in sure], [bool(each) for each in right]
    calibration = fit_probability(told[:part], so[:part])
    scored: Scored = [(calibration(p), label) for p, label in zip(told, so, strict=True)]
    found = certify(scored[:part], scored[part:], alpha=alpha, delta=delta)
    return (None if found is None else found.threshold), calibration


def _naive(sure: Numbers, right: NDArray[np.bool_], alpha: float) -> float:
    """The loosest confidence from which on no more than `alpha` of these very labels are wrong."""
    order = np.argsort(-sure, kind="stable")
    wrong = np.cumsum(~right[order]) / np.arange(1, len(sure) + 1)
    within = np.flatnonzero(wrong <= alpha)
    return float(sure[order][within[-1]]) if len(within) else 2.0


def _exceeds(threshold: float, whole: Numbers, wrong: Numbers, alpha: float) -> bool:
    taken = int(np.searchsorted(-whole, -threshold, side="right"))
    return taken > 0 and bool(wrong[taken - 1] > alpha)


def _taken(whole: Numbers, calibration: Platt | Isotonic, threshold: float) -> int:
    """How many answers, the surest first, reach a threshold; a calibration never falls."""
    low, high = 0, len(whole)
    while low < high:
        middle = (low + high) // 2
        if calibration(float(whole[middle])) >= threshold:
            low = middle + 1
        else:
            high = middle
    return low
