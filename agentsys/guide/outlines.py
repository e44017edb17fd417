"""The one importer of outlines_core: JSON Schema to regular expression to automaton."""

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, cast

from agentsys.guide.refusals import Refused
from agentsys.schema import JsonObject

SECONDS = 5.0
"""As long as vLLM compiles a pattern before it gives up."""
_BYTES = 2 * 1024**3
TOO_MUCH = f"its automaton takes more than {SECONDS:g} seconds or 2 GB to build"
_END = 256


@dataclass(frozen=True, slots=True)
class Measured:
    """The automaton of a pattern, over bytes."""

    states: int
    transitions: int
    seconds: float
    """That Outlines took to build it."""


def compiled(schema: JsonObject) -> str:
    """What Outlines makes of a schema.

    Raises:
        Refused: it cannot.
    """
    # Imported here: `agentsys --help` has no use for it.
    from outlines_core import json_schema

    try:
        # The wheel has no stubs for its Rust part.
        regex = json_schema.build_regex_from_schema(json.dumps(schema))  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
    except ValueError as error:
        raise Refused(str(error).splitlines()[0].strip()) from error
    return cast(str, regex)


@dataclass(frozen=True, slots=True)
class Automaton:
    """What a pattern allows, byte by byte."""

    start: int
    ends: frozenset[int]
    """The states in which the text may end."""
    steps: dict[int, dict[int, int]]
    """By state, the bytes that are allowed and the states that they lead to."""


def automaton(regex: str) -> Automaton:
    """Build it. For patterns that are within their limits: others take hours.

    Raises:
        ValueError: nothing matches it.
    """
    import outlines_core

    library = cast(Any, outlines_core)
    tokens = {bytes([byte]): [byte] for byte in range(_END)}
    index = library.Index(regex, library.Vocabulary(_END, tokens))
    found = cast(dict[int, dict[int, int]], index.get_transitions())
    steps = {
        state: {byte: then for byte, then in following.items() if byte != _END}
        for state, following in found.items()
    }
    return Automaton(index.get_initial_state(), frozenset(index.get_final_states()), steps)


@lru_cache(maxsize=1024)
def measured(regex: str) -> Measured | None:
    """The automaton's size; `None` where it takes more than five seconds or two gigabytes.

    It is built in a process of its own, which can be ended: some patterns have none that is small.
    """
    try:
        done = subprocess.run(
            # Not from the current directory, whose files may have the names of Python's own.
            [sys.executable, "-P", "-m", "agentsys.guide.outlines"],
            env=os.environ | {"PYTHONPATH": os.pathsep.join(_paths())},
            input=regex.encode("utf-8", "surrogatepass"),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=4 * SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return None
    if done.returncode != 0:
        return None
    states, transitions, seconds = json.loads(done.stdout)
    return Measured(states, transitions, seconds)


def _paths() -> list[str]:
    """Where this package is, and what was searched before."""
    own = str(Path(__file__).parents[2])
    return [own, *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))]


def _measure() -> None:
    """Measure the pattern on standard input."""
    _limit()
    regex = sys.stdin.buffer.read().decode("utf-8", "surrogatepass")
    started = time.perf_counter()
    steps = automaton(regex).steps
    seconds = time.perf_counter() - started
    print(json.dumps([len(steps), sum(map(len, steps.values())), seconds]))


def _limit() -> None:
    """Let the system end this process when it takes too much."""
    try:
        import resource
    except ImportError:  # not on Windows: the time limit of the parent is all there is
        return
    seconds = int(SECONDS)
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 1))
    resource.setrlimit(resource.RLIMIT_AS, (_BYTES, _BYTES))


if __name__ == "__main__":
    _measure()
