"""A time limit on what is being done here, in which waits for a turn do not count."""

import asyncio
from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar


class _Clock:
    """What is left of a limit, which is stopped while somebody waits."""

    def __init__(self, limit: asyncio.Timeout) -> None:
        self._limit = limit
        self._waits = 0
        self._left = 0.0

    def stop(self) -> None:
        self._waits += 1
        when = self._limit.when()
        if self._waits == 1 and when is not None and not self._limit.expired():
            self._left = when - asyncio.get_running_loop().time()
            self._limit.reschedule(None)

    def shorter_than(self, seconds: float) -> bool:
        """Whether it runs out within so long; then it runs out now."""
        when, now = self._limit.when(), asyncio.get_running_loop().time()
        if when is None or when - now >= seconds:
            return False
        self._limit.reschedule(now)
        return True

    def left(self) -> float | None:
        when = self._limit.when()
        return None if when is None else when - asyncio.get_running_loop().time()

    def has_run_out(self) -> bool:
        return self._limit.expired()

    def go_on(self) -> None:
        self._waits -= 1
        if not self._waits and not self._limit.expired():
            self._limit.reschedule(asyncio.get_running_loop().time() + self._left)


_clock: ContextVar[_Clock | None] = ContextVar("agentsys_clock", default=None)


@contextmanager
def limiting(limit: asyncio.Timeout) -> Generator[None]:
    """Waits in this block, which is inside that limit, do not count towards it."""
    token = _clock.set(None if limit.when() is None else _Clock(limit))
    try:
        yield
    finally:
        _clock.reset(token)


@contextmanager
def waiting() -> Generator[None]:
    """This block only waits for its turn: no limit around it runs out meanwhile."""
    clock = _clock.get()
    if clock is None:
        yield
        return
    clock.stop()
    try:
        yield
    finally:
        clock.go_on()


def left() -> float | None:
    """Seconds until the limit around this runs out; `None`: there is none, or it is stopped."""
    clock = _clock.get()
    return None if clock is None else clock.left()


def has_run_out() -> bool:
    """Whether the limit around this is what cancels it."""
    clock = _clock.get()
    return clock is not None and clock.has_run_out()


async def lasting(seconds: float) -> None:
    """Count as work of so long, for which nobody waits: a limit that is shorter runs out at once.

    Raises:
        CancelledError: it has.
    """
    clock = _clock.get()
    if clock is not None and clock.shorter_than(seconds):
        await asyncio.get_running_loop().create_future()
