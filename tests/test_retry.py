from collections.abc import Awaitable, Callable

import pytest

from agentsys.errors import InvalidOutput, ModelError, RateLimited, Rejected, Unreachable
from agentsys.retry import RetryPolicy, Stopwatch, with_retries


def failing(*errors: Exception) -> Callable[[], Awaitable[int]]:
    """A call that raises the errors one after the other, then gives how often it was called."""
    left = list(errors)
    calls = 0

    async def call() -> int:
        nonlocal calls
        calls += 1
        if left:
            raise left.pop(0)
        return calls

    return call


async def test_first_success_is_not_repeated(waits: list[float]) -> None:
    """A call that succeeds is made once, without a wait."""
    assert await with_retries(failing()) == 1
    assert waits == []


@pytest.mark.parametrize("error", [Unreachable("down"), RateLimited("slow down")])
async def test_retryable_error_is_tried_again(error: ModelError) -> None:
    """What another try may mend is tried again."""
    assert await with_retries(failing(error)) == 2


@pytest.mark.parametrize("error", [Rejected("bad key"), InvalidOutput("no"), ValueError("no")])
async def test_other_errors_are_raised_at_once(error: Exception, waits: list[float]) -> None:
    """What another try cannot mend is raised as it is."""
    with pytest.raises(type(error)) as raised:
        await with_retries(failing(error))
    assert raised.value is error
    assert waits == []


async def test_attempts_are_bounded(waits: list[float]) -> None:
    """After the last try its own error is raised."""
    errors = [Unreachable(str(n)) for n in range(9)]
    with pytest.raises(Unreachable, match="2"):
        await with_retries(failing(*errors), RetryPolicy(attempts=3))
    assert len(waits) == 2


async def test_being_asked_to_slow_down_is_no_failure() -> None:
    """A limited server is asked on until the total time is over, not three times."""
    errors = [RateLimited(str(n)) for n in range(9)]
    assert await with_retries(failing(*errors), RetryPolicy(attempts=1)) == 10


async def test_a_server_that_stays_limited_is_given_up(waits: list[float]) -> None:
    """The waits that were left out count towards the total time."""
    errors = [RateLimited(str(n)) for n in range(1000)]
    with pytest.raises(RateLimited):
        await with_retries(failing(*errors), RetryPolicy(total_s=60))
    assert 50 < sum(waits) <= 60


async def test_time_that_does_not_count_leaves_room_for_tries() -> None:
    """A stopped watch bounds nothing."""
    watch = Stopwatch()
    watch.advance(100)
    with pytest.raises(RateLimited):
        await with_retries(failing(RateLimited("slow down")), watch=watch)
    watch.advance(-100)
    assert await with_retries(failing(RateLimited("slow down")), watch=watch) == 2


async def test_waits_double_up_to_the_longest(waits: list[float]) -> None:
    """Waits grow twofold, with jitter below, and never over the longest."""
    policy = RetryPolicy(attempts=6, first_wait_s=1, longest_wait_s=4)
    await with_retries(failing(*[Unreachable("down")] * 5), policy)
    for wait, top in zip(waits, (1, 2, 4, 4, 4), strict=True):
        assert top / 2 <= wait <= top


async def test_waits_differ_between_callers(waits: list[float]) -> None:
    """Jitter keeps callers that failed together from coming back together."""
    for _ in range(5):
        await with_retries(failing(Unreachable("down")))
    assert len(set(waits)) > 1


async def test_retry_after_is_honoured(waits: list[float]) -> None:
    """The wait that the server asked for takes the place of ours, with jitter on top."""
    await with_retries(failing(RateLimited("slow down", retry_after=17)))
    assert 17 < waits[0] < 18


async def test_retry_after_zero_is_not_a_tight_loop(waits: list[float]) -> None:
    """A server that asks for no wait still gets a short one."""
    await with_retries(failing(RateLimited("slow down", retry_after=0)))
    assert waits[0] > 0


async def test_total_time_is_bounded(waits: list[float]) -> None:
    """A wait that would end after the total time is not begun."""
    error = RateLimited("slow down", retry_after=3600)
    with pytest.raises(RateLimited) as raised:
        await with_retries(failing(error), RetryPolicy(total_s=60))
    assert raised.value is error
    assert waits == []
