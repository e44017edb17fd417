"""Ask again after an error that another try may mend.

The one importer of tenacity. Tests set the waiting off with `without_waiting`.
"""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

import tenacity as _t

from agentsys.deadline import waiting
from agentsys.errors import ModelError, RateLimited

T = TypeVar("T")

_skipped: list[float] | None = None
"""The waits that tests left out; `None` where waits are real."""


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often, how long and with which waits a call is tried."""

    attempts: int = 3
    """Tries that may fail, the first included. A server that asks for fewer requests has not
    failed: until `total_s` it is asked again."""
    total_s: float = 60
    """No further try starts later than this after the first began."""
    first_wait_s: float = 0.5
    """Doubled after each try, then between half and all of it at random."""
    longest_wait_s: float = 8

    def wait_s(self, tries: int, error: BaseException | None) -> float:
        """Seconds to wait after `tries` tries of which the last gave `error`.

        What the server asked for (`retry_after`) counts, even where it is longer than ours, and a
        little more: it said the same to others, who would all be back at once.
        """
        asked = error.retry_after if isinstance(error, ModelError) else None
        if asked is not None:
            return asked + self.first_wait_s * random.uniform(0.5, 1)
        # The exponent is bounded: after a thousand tries the power is no float any more.
        longest = min(self.first_wait_s * 2 ** min(tries - 1, 60), self.longest_wait_s)
        return longest * random.uniform(0.5, 1)


class Stopwatch:
    """Seconds since it was made, but for those in which it was stopped."""

    def __init__(self) -> None:
        self._zero = time.perf_counter()

    @property
    def seconds(self) -> float:
        """What it shows, while it is running."""
        return time.perf_counter() - self._zero

    @contextmanager
    def stopped(self) -> Generator[None]:
        """The time in this block does not count."""
        began = time.perf_counter()
        try:
            yield
        finally:
            self._zero += time.perf_counter() - began

    def advance(self, seconds: float) -> None:
        """Show that much more."""
        self._zero -= seconds


async def with_retries(
    call: Callable[[], Awaitable[T]],
    policy: RetryPolicy | None = None,
    *,
    watch: Stopwatch | None = None,
) -> T:
    """What `call` gives, tried again while it raises a `ModelError` that is `retryable`.

    Args:
        call: What to try.
        policy: How often and how long.
        watch: Shows the time since the first try began; default: all of it counts.

    Raises:
        ModelError: the last try's error, as it was raised.
    """
    policy, watch = policy or RetryPolicy(), watch or Stopwatch()
    failures = 0

    def wait_s(state: _t.RetryCallState) -> float:
        return policy.wait_s(state.attempt_number, state.outcome and state.outcome.exception())

    def enough(state: _t.RetryCallState) -> bool:
        nonlocal failures
        error = state.outcome and state.outcome.exception()
        failures += not isinstance(error, RateLimited)
        late = watch.seconds + state.upcoming_sleep > policy.total_s
        return late or failures >= policy.attempts

    async def sleep(seconds: float) -> None:
        if _skipped is None:
            with waiting():
                await asyncio.sleep(seconds)
        else:
            _skipped.append(seconds)
            watch.advance(seconds)

    retrying = _t.AsyncRetrying(
        retry=_t.retry_if_exception(_is_retryable),
        wait=wait_s,
        stop=enough,
        sleep=sleep,
        reraise=True,
    )
    return await retrying(call)


@contextmanager
def without_waiting() -> Generator[list[float]]:
    """Try again at once inside this block, in the whole process. For tests.

    Gives the list of the seconds that were not waited; they count towards `total_s` all the same.
    """
    global _skipped
    before, _skipped = _skipped, []
    try:
        yield _skipped
    finally:
        _skipped = before


def _is_retryable(error: BaseException) -> bool:
    return isinstance(error, ModelError) and error.retryable
