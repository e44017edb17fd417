"""The statistics of reports: intervals, percentiles and fits, from where each is made.

How often the intervals cover the truth is measured by `benchmarks/coverage.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import comb

from agentsys.evaluation.distributions import exact_sign, lowest, rising, upper_bound
from agentsys.evaluation.paired import Difference, paired_change, paired_ratio, paired_success
from agentsys.evaluation.per_success import ratio_interval
from agentsys.evaluation.rates import share_interval, wilson
from agentsys.evaluation.resampling import Interval, Measured, mean, over_items

__all__ = [
    "Difference",
    "Interval",
    "Measured",
    "exact_sign",
    "lowest",
    "mean",
    "over_items",
    "paired_change",
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


def percentile(values: Sequence[float], percent: float) -> float | None:
    """With linear interpolation between neighbours; `None` of nothing."""
    if len(values) < 2:
        return float(values[0]) if values else None
    import numpy as np

    return float(np.percentile(np.asarray(values, dtype=float), percent))


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
