"""How a schema will be enforced, and what that takes: for people, before anything is sent."""

import time
from dataclasses import dataclass
from typing import Any

from agentsys.guide import DEFAULT, Guide, Limits, guide, outlines


@dataclass(frozen=True, slots=True)
class Checked:
    """A schema, compiled and measured."""

    guide: Guide
    characters: int = 0
    """Of the regular expression."""
    states: int = 0
    """Of the automaton, over bytes."""
    compile_s: float = 0.0
    """That it took to make the regular expression."""
    build_s: float = 0.0
    """That it took to build the automaton. A server's is over its tokens: for a vocabulary of
    100,000 it takes some hundred times as long."""


def check(schema: Any, limits: Limits = DEFAULT) -> Checked:
    """Compile a schema and build its automaton, in a process that is ended if it takes too much."""
    started = time.perf_counter()
    found = guide(schema, limits)
    compile_s = time.perf_counter() - started
    if found.regex is None:
        return Checked(found, compile_s=compile_s)
    measured = outlines.measured(found.regex)
    if measured is None:
        return Checked(Guide(None, (), outlines.TOO_MUCH), compile_s=compile_s)
    return Checked(found, len(found.regex), measured.states, compile_s, measured.seconds)
