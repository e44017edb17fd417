"""The shared memory that belongs to the code that is running, for tools."""

from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar

from agentsys.errors import ToolFailed
from agentsys.memory.shared import Memory

_CURRENT: ContextVar[Memory | None] = ContextVar("agentsys_memory", default=None)


@contextmanager
def using(memory: Memory | None) -> Generator[None]:
    """Make `current` give this memory inside the block, in the tasks and threads it starts too."""
    token = _CURRENT.set(memory)
    try:
        yield
    finally:
        _CURRENT.reset(token)


def current() -> Memory:
    """The shared memory of the tenant and team that the running tool works for.

    Raises:
        ToolFailed: the run has none, or nothing is running.
    """
    memory = _CURRENT.get()
    if memory is None:
        raise ToolFailed("there is no shared memory here: this needs a run of a system with one.")
    return memory
