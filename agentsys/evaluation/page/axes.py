"""Where axes begin and end, and how names are written on them."""

from collections.abc import Iterable, Sequence
from math import ceil, floor, log10

from agentsys.evaluation.page.visible import one_line

SPREAD = 20
"""From this ratio of the largest to the smallest on, an axis is logarithmic."""

_NEAREST_TO_ONE = 1e-6


def cost_axis(values: Iterable[float]) -> tuple[bool, list[float]]:
    """Whether an axis for these amounts is logarithmic, and its ends."""
    every = list(values)
    low, high = min(every), max(every)
    if high <= 0:
        return False, [0.0, 1.0]
    if low > 0 and high / low >= SPREAD:
        return True, [low / 1.5, high * 1.6]
    return False, [0.0, high * 1.08]


def share_axis(values: Iterable[float]) -> list[float]:
    """From a little below the smallest share, in steps of five hundredths, to one."""
    low = floor((min(values) - 0.02) * 20) / 20
    return [min(0.95, max(0.0, low)), 1.0]


def along(value: float, ends: Sequence[float], *, logarithmic: bool) -> float:
    """Where on an axis a value is, between 0 and 1."""
    low, high = ends
    if logarithmic:
        return log10(value / low) / log10(high / low)
    return (value - low) / (high - low)


def nines(threshold: float) -> float:
    """A probability so that 0.9, 0.99, 0.999 are evenly far apart."""
    return -log10(max(_NEAREST_TO_ONE, 1 - threshold))


def labels(names: Sequence[str], limit: int) -> list[str]:
    """The names on one line each, cut and yet all different."""
    found: list[str] = []
    for name in names:
        label, number = one_line(name, limit), 1
        while label in found:
            number += 1
            label = f"{one_line(name, limit - 4)} ({number})"
        found.append(label)
    return found


def thinned(count: int, most: int) -> list[int]:
    """Places of at most so many of some things, evenly; the first and the last are among them."""
    if count <= most:
        return list(range(count))
    return sorted({ceil(step * (count - 1) / (most - 1)) for step in range(most)})
