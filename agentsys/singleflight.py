"""Work that several ask for: done by the first of them, for all."""

import asyncio
from collections.abc import Callable, Coroutine, Hashable
from typing import Any, TypeVar

T = TypeVar("T")


class SingleFlight:
    """Does what is asked for under one key once: while it is under way, and after that if kept."""

    def __init__(self) -> None:
        self._flights: dict[Hashable, asyncio.Task[Any]] = {}

    async def do(
        self, key: Hashable, work: Callable[[], Coroutine[Any, Any, T]], keep: Callable[[T], bool]
    ) -> T:
        """What `work` gives, or gave to whoever asked first; an exception of it is theirs, too.

        Where who asked first is cancelled, the next one does it.

        Args:
            key: What it is that is asked for.
            work: Does it.
            keep: Whether later ones get the same without doing it again.
        """
        while (flight := self._flights.get(key)) is not None:
            await asyncio.wait([flight])
            if not flight.cancelled():
                return flight.result()
            self._forget(key, flight)
        mine = self._flights[key] = asyncio.ensure_future(work())
        kept = False
        try:
            result = await mine
            kept = keep(result)
            return result
        finally:
            if not kept:
                self._forget(key, mine)

    def _forget(self, key: Hashable, flight: "asyncio.Task[Any]") -> None:
        if self._flights.get(key) is flight:
            del self._flights[key]
