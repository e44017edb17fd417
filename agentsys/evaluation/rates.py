"""Wilson's intervals of success rates, of tasks that were tried once or several times."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from agentsys.evaluation.distributions import normal, student
from agentsys.evaluation.resampling import Interval

if TYPE_CHECKING:
    from numpy.typing import NDArray

UNEQUAL = 1e-12
"""A relative spread below this is rounding."""


def wilson(successes: int, tasks: int) -> Interval | None:
    """Wilson's score interval of a success rate; `None` without tasks."""
    return _score(successes / tasks, tasks) if tasks else None


def share_interval(tries: Sequence[tuple[int, int]]) -> Interval | None:
    """Wilson's interval of the success rate of tasks that were tried several times.

    Args:
        tries: How often each task was tried, and how often that was a success.
    """
    if not tries:
        return None
    import numpy as np

    tried, won = np.asarray(tries, dtype=float).T
    share = float(won.sum() / tried.sum())
    # The deviations of a ratio of sums over tasks (Cochran 1977, section 6.3).
    return clustered(share, (won - share * tried) / tried.mean(), float(tried.sum()))


def clustered(share: float, off: NDArray[Any], tries: float) -> Interval:
    """Wilson's interval of a success rate, from how far each task is off it.

    The tries of a task are alike, so that they tell less than as many tasks: the interval is that
    of as many independent tries as have the variance which the tasks show among each other (Kish's
    effective sample size); of fewer where few tasks show it, as badly as they do (Korn and Graubard
    1998); where they show none, of the number of tasks.

    Args:
        share: The success rate.
        off: Of each task.
        tries: How many there were of all tasks; it is never worth more.
    """
    tasks, squares = len(off), float((off**2).sum())
    if tries <= tasks or squares <= UNEQUAL * tasks:
        return _score(share, tasks)
    alone, seen = share * (1 - share) / (tries - 1), squares / (tasks - 1) / tasks
    few = (student(tries - 1) / student(tasks - 1)) ** 2
    return _score(share, tries * min(1.0, few * alone / seen))


def _score(share: float, tasks: float) -> Interval:
    """Wilson's interval; both ends of nothing and of all are exact."""
    z = normal()
    middle = share + z * z / (2 * tasks)
    half = z * math.sqrt(share * (1 - share) / tasks + (z / (2 * tasks)) ** 2)
    whole = 1 + z * z / tasks
    low, high = (middle - half) / whole, (middle + half) / whole
    return 0.0 if share == 0 else low, 1.0 if share == 1 else high
