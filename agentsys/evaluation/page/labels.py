"""Where names stand beside points, so that none hides another."""

from collections.abc import Sequence
from dataclasses import dataclass

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
    *(Label(p.dx, p.dy + shift, p.align) for shift in (-15, 15, -30, 30) for p in _NEAR),
)
"""The best first; beside the point run its intervals."""


def placed(
    points: Sequence[tuple[float, float]], names: Sequence[str], width: float, height: float
) -> list[Label | None]:
    """Where each point's name stands on a plot of so many pixels; `None` where it finds no room.

    Args:
        points: In pixels from the plot's upper left corner.
        names: As they are written.
        width: Of the plot.
        height: Of the plot.
    """
    taken = [_Box(x - POINT, y - POINT, x + POINT, y + POINT) for x, y in points]
    found: list[Label | None] = []
    for at, ((x, y), name) in enumerate(zip(points, names, strict=True)):
        others = taken[:at] + taken[at + 1 :]
        free = (p for p in _PLACES if _fits(_box(p, x, y, name), others, width, height))
        label = next(free, None)
        found.append(label)
        if label is not None:
            taken.append(_box(label, x, y, name))
    return found


def _box(label: Label, x: float, y: float, name: str) -> _Box:
    long = len(name) * CHARACTER
    left = x + label.dx - {"left": 0.0, "center": long / 2, "right": long}[label.align]
    middle = y + label.dy
    return _Box(left, middle - HEIGHT / 2, left + long, middle + HEIGHT / 2)


def _fits(box: _Box, others: Sequence[_Box], width: float, height: float) -> bool:
    inside = box.left >= 0 and box.right <= width and box.top >= 0 and box.bottom <= height
    return inside and not any(box.overlap(other) for other in others)
