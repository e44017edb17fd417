"""What a router is worth: how much of the large model's lead it keeps, for how many of its calls.

RouteLLM's measures (Ong et al. 2024, arXiv 2406.18665, section 4.1), with its discretisation: the
large model is asked where a score is at least its 0th, 10th, … 100th percentile, and none of the
tasks at the last.
"""

from collections.abc import Sequence
from dataclasses import dataclass

BINS = 10


@dataclass(frozen=True, slots=True)
class Worth:
    """Of one order of the tasks."""

    apgr: float
    """Average performance gap recovered: over the shares of calls to the large model, how much of
    its lead is kept; 0.5 on average for chance, 1 for all of it at every share."""
    cpt_50: float
    """Call-performance threshold: the share of calls to it that keep half of its lead."""
    cpt_80: float


def worth(scores: Sequence[float], small: Sequence[float], large: Sequence[float]) -> Worth | None:
    """What routing by scores is worth; `None` where the large model has no lead.

    Args:
        scores: Of each task: the higher, the sooner it goes to the large model.
        small: How well the small model did.
        large: How well the large model did.
    """
    import numpy as np

    # By rank: percentiles lie between neighbours, and only the order is to count.
    score = np.unique(np.asarray(scores, dtype=float), return_inverse=True)[1]
    weak, strong = (np.asarray(outcomes, dtype=float) for outcomes in (small, large))
    low, high = float(weak.mean()), float(strong.mean())
    if high <= low:
        return None
    bounds = np.quantile(score, np.linspace(0, 1, BINS + 1))
    routed = [score >= bound for bound in bounds[:-1]] + [score > bounds[-1]]
    shares = np.array([float(chosen.mean()) for chosen in routed])
    kept = np.array([float(np.where(chosen, strong, weak).mean()) for chosen in routed])
    order = np.argsort(shares, kind="stable")
    shares, kept = shares[order], kept[order]
    area = float(np.trapezoid(kept, shares))  # from none of the tasks to all of them
    at = [float(np.interp(low + part * (high - low), kept, shares)) for part in (0.5, 0.8)]
    return Worth((area - low) / (high - low), *at)
