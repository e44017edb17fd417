"""Run Python that a model wrote, in a worker process without files, network or environment.

The one importer of pydantic_monty, which is imported at the first snippet; that starts a worker,
and every snippet after it takes about 0.1 ms. Snippets know nothing of each other.
"""

import atexit
import threading
from dataclasses import dataclass
from functools import cache
from typing import Any

from agentsys.errors import ToolFailed

MAX_CODE = 20_000
"""Characters of a snippet."""
MAX_MEMORY = 64 * 2**20
"""Bytes that a snippet may hold."""
MAX_PRINTED = 64 * 2**10
"""Bytes that a snippet may print."""
MAX_TEXT = 2_000
"""Characters of a result or an error that are handed back."""
MAX_DEPTH = 200
"""Calls within calls."""
WORKERS = 4
"""Snippets that run side by side; more wait."""

_lock = threading.Lock()


@dataclass(frozen=True, slots=True)
class Ran:
    """What a snippet did."""

    value: Any
    """The last expression; `None` where the snippet does not end in one."""
    printed: str

    @property
    def text(self) -> str:
        """The value or, without one, what was printed.

        A whole float is written as a whole number; `MAX_TEXT` characters are kept.
        """
        text = self.printed.rstrip("\n") if self.value is None else _written(self.value)
        return text if len(text) <= MAX_TEXT else f"{text[:MAX_TEXT]}… (cut off)"


def run(code: str, *after: str, seconds: float = 2.0) -> Ran:
    """Run a snippet. Safe from any number of threads.

    Args:
        code: What is run.
        after: What is run then, with the names that are defined by now.
        seconds: That each of them may take.

    Raises:
        ToolFailed: it raised, or it went over a limit; one line for the model.
    """
    length = max(map(len, (code, *after)))
    if length > MAX_CODE:
        raise ToolFailed(f"the code has {length:,} characters; {MAX_CODE:,} are allowed.")
    monty, pool = _monty(), _pool()
    printed = monty.CollectString(max_bytes=MAX_PRINTED)
    limits = {
        "max_feed_duration_secs": seconds,
        "max_memory": MAX_MEMORY,
        "max_recursion_depth": MAX_DEPTH,
        "max_total_sleep_secs": 0,
    }
    try:
        with pool.checkout(limits=limits) as session:
            value = session.feed_run(code, print_callback=printed)
            for more in after:
                value = session.feed_run(more, print_callback=printed)
    except (monty.MontyRuntimeError, monty.MontySyntaxError) as error:
        raise ToolFailed(_reason(error, seconds)) from error
    except monty.MontyError as error:
        raise ToolFailed("the interpreter gave up on this code.") from error
    return Ran(value, printed.output)


def _reason(error: Any, seconds: float) -> str:
    said = _one_line(error.display("type-msg"))
    if said.startswith("MemoryError"):
        if f"> {MAX_PRINTED} bytes" in said:
            return f"the code printed more than {MAX_PRINTED:,} bytes."
        return f"the code needs more than {MAX_MEMORY // 2**20} MB of memory."
    if "time limit exceeded" in said:
        return f"the code ran for more than {seconds:g} seconds."
    if "sleep limit exceeded" in said:
        return "the code may not sleep."
    frames = error.traceback()
    return f"{said} (line {frames[-1].line})" if frames else said


def _one_line(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= MAX_TEXT else f"{line[:MAX_TEXT]}…"


def _written(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return str(int(value))
    try:
        return repr(value)
    except (ValueError, RecursionError):
        # Whole numbers of more than 4,300 digits, lists in lists in lists.
        return f"a value too large to be shown ({type(value).__name__})"


@cache
def _monty() -> Any:
    """The library, as untyped values: its errors are caught by class, its results are anything."""
    import pydantic_monty

    return pydantic_monty


def _pool() -> Any:
    # A lock around the cache: two threads must not start two pools.
    with _lock:
        return _started()


@cache
def _started() -> Any:
    # The worker stops itself at its limits; a worker that does not answer is killed.
    pool = _monty().Monty(min_processes=1, max_processes=WORKERS, request_timeout=30)
    pool.__enter__()
    atexit.register(pool.__exit__, None, None, None)
    return pool
