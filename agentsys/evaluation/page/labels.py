"""Where names stand beside points, so that none hides another.

A name that has no room at its point stands further away, with a line to it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from math import cos, hypot, pi, sin

Point = tuple[float, float]
Span = tuple[float, float, float, float]

CHARACTER = 7.3
"""Width of a character of a label in pixels, on average, in the widest of the usual fonts."""

HEIGHT = 14.0
POINT = 7.0
"""Half of what a point takes."""

_FARTHEST = 190
_GAP = 3.0
"""Between a name and the end of its line."""


@dataclass(frozen=True, slots=True)
class Label:
    """Where a name stands, in pixels from its point."""

    dx: float
    dy: float
    align: str
    leader: Point | None = None
    """Where the line from the point to the name ends, if there is one."""


@dataclass(frozen=True, slots=True)
class _Box:
    left: float
    top: float
    right: float
    bottom: float

    def distance(self, x: float, y: float) -> float:
        return hypot(max(self.left - x, 0, x - self.right), max(self.top - y, 0, y - self.bottom))

    def overlaps(self, other: "_Box") -> bool:
        across = min(self.right, other.right) > max(self.left, other.left)
        return across and min(self.bottom, other.bottom) > max(self.top, other.top)


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


def _away() -> Iterator[Label]:
    for far in range(24, _FARTHEST, 12):
        for turn in range(16):
            x, y = far * cos(turn * pi / 8), far * sin(turn * pi / 8)
            if abs(x) < far * 0.3:
                yield Label(x, y + (HEIGHT / 2 if y > 0 else -HEIGHT / 2), "center", (x, y))
            else:
                align, gap = ("left", _GAP) if x > 0 else ("right", -_GAP)
                yield Label(x + gap, y, align, (x, y))


_AWAY = tuple(_away())
"""With a line, the shortest first."""


@dataclass
class _Ground:
    """A plot of one width, and what is on it already."""

    points: list[Point]
    width: float
    height: float
    taken: list[_Box]
    """The points, then the names."""
    intervals: list[_Box]
    leaders: list[tuple[Point, Point]] = field(default_factory=list[tuple[Point, Point]])

    def box(self, at: int, name: str, label: Label) -> _Box:
        x, y = self.points[at]
        long = len(name) * CHARACTER
        left = x + label.dx - {"left": 0.0, "center": long / 2, "right": long}[label.align]
        middle = y + label.dy
        return _Box(left, middle - HEIGHT / 2, left + long, middle + HEIGHT / 2)

    def fits(self, at: int, name: str, label: Label) -> bool:
        """Whether it hides nothing, and it is plain whose name it is."""
        box = self.box(at, name, label)
        if box.left < 0 or box.right > self.width or box.top < 0 or box.bottom > self.height:
            return False
        others = [each for place, each in enumerate(self.taken) if place != at]
        if any(box.overlaps(other) for other in others):
            return False
        if any(_meets(each, box) for each in self.leaders):
            return False
        if label.leader is None:
            far = [box.distance(x, y) for x, y in self.points]
            return all(far[at] < other for place, other in enumerate(far) if place != at)
        line = self.line(at, label.leader)
        crossed = any(_meets(line, each) for each in others if each.distance(*line[0]) > 0)
        return not crossed and not any(_cross(line, each) for each in self.leaders)

    def clear(self, at: int, name: str, label: Label) -> bool:
        """Whether it lies on no interval."""
        box = self.box(at, name, label)
        return not any(box.overlaps(each) for each in self.intervals)

    def take(self, at: int, name: str, label: Label) -> None:
        self.taken.append(self.box(at, name, label))
        if label.leader is not None:
            self.leaders.append(self.line(at, label.leader))

    def line(self, at: int, end: Point) -> tuple[Point, Point]:
        x, y = self.points[at]
        return (x, y), (x + end[0], y + end[1])


def placed(
    points: Sequence[Point],
    spans: Sequence[Span],
    names: Sequence[str],
    widths: Sequence[float],
    height: float,
) -> list[Label | None]:
    """Where each point's name stands on a plot; `None` where it is empty or finds no room.

    A name hides neither a point nor another name. It is nearer to its own point than to others, or
    a line leads to it from its point. Where it can be, it lies on no interval either.

    Args:
        points: Each one's share of the width, and pixels from the top.
        spans: Each point's intervals: left and right end as such shares, top and bottom in pixels.
        names: As they are written.
        widths: In pixels, that the plot may have: the places are good on each.
        height: Of the plot.
    """
    grounds = [_ground(points, spans, width, height) for width in widths]
    found: dict[int, Label] = {}
    for places in (_PLACES, _AWAY):
        for at, name in enumerate(names):
            if not name or at in found:
                continue
            label = _best(grounds, at, name, places)
            if label is not None:
                found[at] = label
                for ground in grounds:
                    ground.take(at, name, label)
    return [found.get(at) for at in range(len(points))]


def _best(grounds: Sequence[_Ground], at: int, name: str, places: Sequence[Label]) -> Label | None:
    second = None
    for label in places:
        if all(ground.fits(at, name, label) for ground in grounds):
            if all(ground.clear(at, name, label) for ground in grounds):
                return label
            second = second or label
    return second


def _ground(points: Sequence[Point], spans: Sequence[Span], width: float, height: float) -> _Ground:
    own = [(x * width, y) for x, y in points]
    taken = [_Box(x - POINT, y - POINT, x + POINT, y + POINT) for x, y in own]
    intervals = [
        box
        for (x, y), (left, right, top, bottom) in zip(own, spans, strict=True)
        for box in (
            _Box(left * width, y - 1, right * width, y + 1),
            _Box(x - 1, top, x + 1, bottom),
        )
    ]
    return _Ground(own, width, height, taken, intervals)


def _meets(line: tuple[Point, Point], box: _Box) -> bool:
    (x, y), (end_x, end_y) = line
    steps = max(1, round(hypot(end_x - x, end_y - y) / 3))
    every = ((x + (end_x - x) * n / steps, y + (end_y - y) * n / steps) for n in range(steps + 1))
    return any(box.distance(*each) == 0 for each in every)


def _cross(one: tuple[Point, Point], other: tuple[Point, Point]) -> bool:
    return _apart(one, other) and _apart(other, one)


def _apart(line: tuple[Point, Point], ends: tuple[Point, Point]) -> bool:
    """Whether the ends are on both sides of the line."""
    (x, y), (to_x, to_y) = line
    first, second = ((to_x - x) * (b - y) - (to_y - y) * (a - x) for a, b in ends)
    return first * second < 0
