"""Texts that a pattern matches, drawn at random from its automaton."""

import random
from collections import defaultdict, deque
from collections.abc import Iterator

from agentsys.guide.outlines import automaton

LENGTHS = (0, 20, 60, 200)
"""Bytes after which a walk makes for the nearest end."""


def walks(regex: str, number: int, seed: int = 0) -> Iterator[str]:
    """So many texts: all that a mask could ever let a model write is among such."""
    draw = random.Random(seed)
    found = automaton(regex)
    steps, ends = found.steps, found.ends
    far = _distances(steps, ends)
    for _ in range(number):
        state, text, longest = found.start, bytearray(), draw.choice(LENGTHS)
        while True:
            onward = sorted(steps.get(state, {}).items())
            if len(text) >= longest:
                onward = [(byte, then) for byte, then in onward if far[then] < far[state]]
            if not onward or (state in ends and (len(text) >= longest or draw.random() < 0.05)):
                break
            byte, state = draw.choice(onward)
            text.append(byte)
        yield text.decode()


def _distances(steps: dict[int, dict[int, int]], ends: frozenset[int]) -> dict[int, int]:
    """How many bytes it takes from each state to an end."""
    before: dict[int, set[int]] = defaultdict(set)
    for state, following in steps.items():
        for then in following.values():
            before[then].add(state)
    far = dict.fromkeys(ends, 0)
    left = deque(ends)
    while left:
        then = left.popleft()
        for state in before[then] - far.keys():
            far[state] = far[then] + 1
            left.append(state)
    return far
