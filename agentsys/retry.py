"""Ask again after an error that another try may mend.

The one importer of tenacity. Tests set the waiting off with `without_waiting`.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

import tenacity as _t

from agentsys.errors import ModelError

T = TypeVar("T")

_skipped: list[float] | None = None
"""The waits that tests left out; `None` where waits are real."""


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often, how long and with which waits a call is tried."""

    attempts: int = 3
    """Tries in all, the first included."""
    total_s: float = 60
    """No further try starts later than this after the first began."""
    first_wait_s: float = 0.5
    """Doubled after each try, then between half and all of it at random."""
    longest_wait_s: float = 8

    def wait_s(self, tries: int, error: BaseException | None) -> float:
        """Seconds to wait after `tries` tries of which the last gave `error`.

        What the server asked for (`retry_after`) counts, even where it is longer than ours.
        """
        asked = error.retry_after if isinstance(error, ModelError) else None
        if asked is not None:
            # A server that says 0 must not be asked in a tight loop.
            return max(asked, self.first_wait_s / 2)
        longest = min(self.first_wait_s * 2 ** (tries - 1), self.longest_wait_s)
        return longest * random.uniform(0.5, 1)


async def with_retries(call: Callable[[], Awaitable[T]], policy: RetryPolicy | None = None) -> T:
    """What `call` gives, tried again while it raises a `ModelError` that is `retryable`.

    Raises:
        ModelError: the last try's error, as it was raised.
    """
    policy = policy or RetryPolicy()

    def wait_s(state: _t.RetryCallState) -> float:
        return policy.wait_s(state.attempt_number, state.outcome and state.outcome.exception())

    retrying = _t.AsyncRetrying(
        retry=_t.retry_if_exception(_is_retryable),
        wait=wait_s,
        stop=_t.stop_after_attempt(policy.attempts) | _t.stop_before_delay(policy.total_s),
        sleep=_sleep,
        reraise=True,
    )
    return await retrying(call)


@contextmanager
def without_waiting() -> Generator[list[float]]:
    """Try again at once inside this block, in the whole process. For tests.

    Gives the list of the seconds that were not waited.
    """
    global _skipped
    before, _skipped = _skipped, []
    try:
        yield _skipped
    finally:
        _skipped = before


def _is_retryable(error: BaseException) -> bool:
    return isinstance(error, ModelError) and error.retryable


async def _sleep(seconds: float) -> None:
    if _skipped is None:
        await asyncio.sleep(seconds)
    else:
        _skipped.append(seconds)
