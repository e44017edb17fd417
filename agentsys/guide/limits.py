"""How much of a mask a server is given to build."""

from dataclasses import dataclass

CHARACTERS = 200_000
"""Of a pattern. vLLM reads it twice before it compiles it."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a schema may ask of the server that enforces it."""

    states: int = 2_500
    """Of the automaton, over bytes. For a vocabulary of 100,000 tokens, 2,450 take Outlines 2 to 3
    seconds of one core and up to 280 MB. vLLM gives up after 5 seconds, and keeps 128 of them."""
    depth: int = 3
    """How often a recursive type may occur inside itself."""


DEFAULT = Limits()
