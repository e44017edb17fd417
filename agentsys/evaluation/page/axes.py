"""Where axes begin and end, and how names are written on them."""

from collections.abc import Iterable, Sequence
from math import ceil, floor, log10

from agentsys.evaluation.page.visible import one_line

SPREAD = 20
"""From this ratio of the largest to the smallest on, an axis is logarithmic."""

_EDGE, _LEAST = 1e-6, 1e-3
"""What is nearer to one, or to zero, is drawn there."""


PROBABILITIES = (0.001, 0.01, 0.1, 0.5, 0.9, 0.99, 0.999, 0.9999, 0.99999)
"""The ticks of an axis of log-odds."""


def amount_axis(values: Iterable[float]) -> tuple[bool, list[float]]:
    """Whether an axis for these amounts is logarithmic, and its ends."""
    every = list(values)
    low, high = min(every), max(every)
    if high <= 0:
        return False, [0.0, 1.0]
    if low > 0 and high / low >= SPREAD:
        margin = (high / low) ** 0.12
        return True, [low / margin, high * margin]
    return False, [0.0, high * 1.12]


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


def ticks(ends: Sequence[float]) -> list[float]:
    """Round numbers on a logarithmic axis, a handful of them."""
    low, high = (log10(end) for end in ends)
    steps = (1, 2, 5) if high - low < 1.6 else (1, 3) if high - low < 3.2 else (1,)
    decades = range(floor(low), ceil(high) + 1)
    every = [float(f"{step}e{decade}") for decade in decades for step in steps]
    return [tick for tick in every if ends[0] <= tick <= ends[1]]


def log_odds(probability: float) -> float:
    """A probability on an axis that spreads both ends: 0.1, 0.01; 0.9, 0.99, 0.999."""
    inner = min(1 - _EDGE, max(_LEAST, probability))
    return log10(inner / (1 - inner))


def odds_axis(places: Iterable[float]) -> list[float]:
    """From the tick below the least of these log-odds to the tick above the largest."""
    every, marks = list(places), [log_odds(tick) for tick in PROBABILITIES]
    below = [mark for mark in marks if mark < min(every)]
    above = [mark for mark in marks if mark > max(every)]
    return [max(below, default=min(every)), min(above, default=max(every))]


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
