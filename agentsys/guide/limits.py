"""How much of a mask a server is given to build."""

from dataclasses import dataclass

CHARACTERS = 200_000
"""Of a pattern. vLLM reads it twice before it compiles it."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a schema may ask of the server that enforces it."""

    states: int = 2_500
    """Of the automaton, over bytes. For a vocabulary of 100,000 tokens, 2,000 take Outlines 5
    seconds, which is where vLLM gives up, and 250 MB; vLLM keeps 128 of them."""
    depth: int = 3
    """How often a recursive type may occur inside itself."""


DEFAULT = Limits()
