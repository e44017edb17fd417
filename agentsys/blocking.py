"""One event loop for code that is not async, so that connections outlive a single call."""

import asyncio
import threading
import weakref
from collections.abc import Coroutine
from typing import Any, TypeVar

from agentsys.errors import UserError

T = TypeVar("T")


class BlockingLoop:
    """Runs coroutines one at a time, from any thread, always on the same event loop."""

    def __init__(self) -> None:
        self._runner = asyncio.Runner()
        self._lock = threading.Lock()
        # A system that nobody closes must not leave an open loop behind.
        weakref.finalize(self, self._runner.close)

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """What the coroutine returns. Ctrl-C cancels it.

        Raises:
            UserError: an event loop is running in this thread.
        """
        if _inside_a_loop():
            work.close()
            raise UserError(
                "This cannot block inside an event loop.",
                hint="Use 'await system.run(...)' and 'async with' there.",
            )
        with self._lock:
            return self._runner.run(work)

    def close(self) -> None:
        """Close the loop; a second call does nothing."""
        with self._lock:
            self._runner.close()


def _inside_a_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
