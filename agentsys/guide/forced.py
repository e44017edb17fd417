"""Which parts of a reply a mask has left no choice about."""

from collections.abc import Sequence
from functools import lru_cache

from agentsys.guide.outlines import Automaton, automaton


def forced(regex: str, pieces: Sequence[str]) -> list[bool]:
    """For each piece of a text that a pattern matches: whether no other text could stand there.

    A piece is a token's text. How a text is cut into tokens is no choice that counts: names of
    properties are forced whichever way they are cut.
    """
    found = _automaton(regex) if pieces else None
    if found is None:
        return [False] * len(pieces)
    state: int | None = found.start
    made: list[bool] = []
    for piece in pieces:
        alone = bool(piece)
        for byte in piece.encode("utf-8", "replace"):
            steps = found.steps.get(state, {}) if state is not None else {}
            alone = alone and len(steps) == 1 and state not in found.ends
            state = steps.get(byte)
        made.append(alone and state is not None)
    return made


@lru_cache(maxsize=32)
def _automaton(regex: str) -> Automaton | None:
    try:
        return automaton(regex)
    except ValueError:  # Outlines does not know why it could not be built; nor does it matter here
        return None
