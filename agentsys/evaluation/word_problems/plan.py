"""Choosing the frames of a problem: which sentences follow each other."""

from functools import cache
from itertools import pairwise
from random import Random

from .frames import Frame, frames_of
from .words import Split, is_held_out

HELD_OUT_PAIRS = 0.05
"""Share of the pairs of neighbouring frames that no training problem has."""

_STARTS = {
    "start.plain": 35,
    "start.product": 35,
    "start.sum": 12,
    "start.difference": 8,
    "start.share": 9,
}
_UPDATES = {
    "plus": 30,
    "minus": 30,
    "times": 13,
    "share": 14,
    "plus_product": 13,
    "minus_product": 11,
}
_ENDS = {
    "question.plus": 2,
    "question.minus": 2,
    "question.times": 1,
    "question.share": 3,
    "question.price": 2,
    "question.weight": 1,
}


def operations(kind: str) -> int:
    """How many operations the frames of a kind contribute."""
    if kind in ("start.plain", "question.now", "question.left", "money.question"):
        return 0
    return 2 if kind in ("plus_product", "minus_product") else 1


@cache
def is_held_out_pair(first: str, second: str) -> bool:
    """Whether two frames never follow each other in training problems."""
    return is_held_out(f"pair {first} {second}", HELD_OUT_PAIRS)


def has_held_out_pair(frames: tuple[str, ...]) -> bool:
    """Whether any two neighbouring frames are a held-out combination."""
    return any(is_held_out_pair(*pair) for pair in pairwise(frames))


def choose_frames(random: Random, split: Split, steps: int) -> tuple[Frame, ...]:
    """Frames with `steps` operations together, on the split's side of the held-out combinations."""
    while True:
        kinds = _money(random, steps) if random.random() < 0.08 else _kinds(random, steps)
        frames = tuple(random.choice(frames_of(kind)) for kind in kinds)
        held_out = has_held_out_pair(tuple(frame.id for frame in frames))
        if held_out == (split == "held_out"):
            return frames


def _draw(random: Random, weights: dict[str, int], most: int) -> str:
    fitting = {kind: weight for kind, weight in weights.items() if operations(kind) <= most}
    return random.choices(list(fitting), list(fitting.values()))[0]


def _kinds(random: Random, steps: int) -> list[str]:
    kinds = [_draw(random, _STARTS, steps)]
    open_steps = steps - operations(kinds[0])
    end = ""
    if open_steps and random.random() < 0.3:
        end = _draw(random, _ENDS, open_steps)
        open_steps -= 1
    while open_steps:
        kinds.append(_draw(random, _UPDATES, open_steps))
        open_steps -= operations(kinds[-1])
    taken = {"minus", "minus_product", "start.difference"} & set(kinds)
    plain_end = "question.left" if taken and random.random() < 0.6 else "question.now"
    return [*kinds, end or plain_end]


def _money(random: Random, steps: int) -> list[str]:
    kinds = ["start.pay"]
    end = "money.share" if steps > 1 and random.random() < 0.3 else "money.question"
    updates = steps - 1 - operations(end)
    kinds += [random.choice(("money.plus", "money.minus")) for _ in range(updates)]
    return [*kinds, end]
