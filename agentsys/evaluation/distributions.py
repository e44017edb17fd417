"""Quantiles, tests and fits. The one importer of SciPy."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, cast

from agentsys.evaluation.resampling import LEVEL


def normal() -> float:
    """How many standard deviations each end of an interval is off."""
    from scipy import special

    return float(special.ndtri((1 + LEVEL) / 2))


def student(freedom: float) -> float:
    """The same where the deviation is estimated, with so many degrees of freedom."""
    from scipy import special

    return float(special.stdtrit(freedom, (1 + LEVEL) / 2))


def chi_squared(freedom: int) -> float:
    """What a sum of so many squared standard normals is below, as often as an interval holds."""
    from scipy import special

    return float(special.chdtri(freedom, 1 - LEVEL))


def upper_bound(errors: float, trials: float, *, level: float = LEVEL) -> float:
    """Clopper and Pearson's one-sided upper bound of an error rate; 1 of nothing.

    The largest rate at which so few errors are no less likely than `1 - level`; exact at any size.
    """
    if errors >= trials:
        return 1.0
    from scipy.special import betaincinv  # pyright: ignore[reportUnknownVariableType]

    bound: Any = betaincinv(errors + 1, trials - errors, level)
    return float(bound)


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
