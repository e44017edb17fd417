"""Where names stand beside points, so that none hides another."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import hypot

Span = tuple[float, float, float, float]

CHARACTER = 6.4
"""Width of a character of a label in pixels, on average."""

HEIGHT = 14.0
POINT = 7.0
"""Half of what a point takes."""


@dataclass(frozen=True, slots=True)
class Label:
    """Where a name stands, in pixels from its point."""

    dx: float
    dy: float
    align: str


@dataclass(frozen=True, slots=True)
class _Box:
    left: float
    top: float
    right: float
    bottom: float

    def distance(self, x: float, y: float) -> float:
        return hypot(max(self.left - x, 0, x - self.right), max(self.top - y, 0, y - self.bottom))

    def overlap(self, other: "_Box") -> float:
        wide = min(self.right, other.right) - max(self.left, other.left)
        high = min(self.bottom, other.bottom) - max(self.top, other.top)
        return max(0.0, wide) * max(0.0, high)


_NEAR = (
    Label(11, -11, "left"),
    Label(-11, -11, "right"),
    Label(11, 13, "left"),
    Label(-11, 13, "right"),
)
_PLACES = (
    *_NEAR,
    Label(0, -17, "center"),
    Label(0, 19, "center"),
    *(Label(p.dx, p.dy + shift, p.align) for shift in (-13, 13) for p in _NEAR),
)
"""The best first; beside the point run its intervals."""


def placed(
    points: Sequence[tuple[float, float]],
    spans: Sequence[Span],
    names: Sequence[str],
    width: float,
    height: float,
) -> list[Label | None]:
    """Where each point's name stands on a plot of so many pixels; `None` where it finds no room.

    A name hides neither a point nor another name, and is nearer to its own point than to others.
    Where it can be, it lies on no interval either.

    Args:
        points: In pixels from the plot's upper left corner.
        spans: Each point's intervals: left, right, top and bottom end.
        names: As they are written.
        width: Of the plot.
        height: Of the plot.
    """
    taken = [_Box(x - POINT, y - POINT, x + POINT, y + POINT) for x, y in points]
    lines = [
        box
        for (x, y), (left, right, top, bottom) in zip(points, spans, strict=True)
        for box in (_Box(left, y - 1, right, y + 1), _Box(x - 1, top, x + 1, bottom))
    ]
    found: list[Label | None] = []
    for at, name in enumerate(names):
        others = taken[:at] + taken[at + 1 :]
        x, y = points[at]
        boxes = [(place, _box(place, x, y, name)) for place in _PLACES]
        near = [pair for pair in boxes if _own(pair[1], at, points)]
        inside = [pair for pair in near if _inside(pair[1], width, height)]
        free = [pair for pair in inside if not _hit(pair[1], others)]
        best = next((pair for pair in free if not _hit(pair[1], lines)), next(iter(free), None))
        found.append(best[0] if best else None)
        taken += [best[1]] if best else []
    return found


def _box(label: Label, x: float, y: float, name: str) -> _Box:
    long = len(name) * CHARACTER
    left = x + label.dx - {"left": 0.0, "center": long / 2, "right": long}[label.align]
    middle = y + label.dy
    return _Box(left, middle - HEIGHT / 2, left + long, middle + HEIGHT / 2)


def _own(box: _Box, at: int, points: Sequence[tuple[float, float]]) -> bool:
    far = [box.distance(x, y) for x, y in points]
    return all(far[at] < other for place, other in enumerate(far) if place != at)


def _inside(box: _Box, width: float, height: float) -> bool:
    return box.left >= 0 and box.right <= width and box.top >= 0 and box.bottom <= height


def _hit(box: _Box, others: Sequence[_Box]) -> bool:
    return any(box.overlap(other) for other in others)
