"""What several ask for is done by the first of them, for all."""

import asyncio

import pytest

from agentsys.singleflight import SingleFlight


class Work:
    """Counts how often it is done; is done when it may be."""

    def __init__(self) -> None:
        self.times = 0
        self.begun, self.go_on = asyncio.Event(), asyncio.Event()

    async def __call__(self) -> int:
        self.times += 1
        self.begun.set()
        await self.go_on.wait()
        if self.times > 8:
            raise ValueError("too often")
        return self.times


async def test_work_under_way_is_waited_for() -> None:
    """All get what the first one gives; it is done again afterwards, unless it is kept."""
    flights, work = SingleFlight(), Work()
    asking = [asyncio.create_task(flights.do("a", work, lambda _: False)) for _ in range(5)]
    await work.begun.wait()
    work.go_on.set()
    assert await asyncio.gather(*asking) == [1] * 5
    assert await flights.do("a", work, lambda _: True) == 2
    assert await flights.do("a", work, lambda _: True) == 2
    assert await flights.do("b", work, lambda _: True) == 3


async def test_who_was_first_may_be_cancelled() -> None:
    """The next one does it; who waits may be cancelled alone."""
    flights, work = SingleFlight(), Work()
    asking = [asyncio.create_task(flights.do("a", work, lambda _: True)) for _ in range(4)]
    await work.begun.wait()
    asking[0].cancel()
    asking[2].cancel()
    work.go_on.set()
    done = await asyncio.gather(*asking, return_exceptions=True)
    assert [type(each) for each in done].count(asyncio.CancelledError) == 2
    assert [done[1], done[3], work.times] == [2, 2, 2]


async def test_an_exception_is_for_all_who_wait() -> None:
    """And is not kept."""
    flights, work = SingleFlight(), Work()
    work.times = 8
    asking = [asyncio.create_task(flights.do("a", work, lambda _: True)) for _ in range(3)]
    await work.begun.wait()
    work.go_on.set()
    done = await asyncio.gather(*asking, return_exceptions=True)
    assert [str(each) for each in done] == ["too often"] * 3
    work.times = 0
    assert await flights.do("a", work, lambda _: True) == 1
    work.times = 8
    with pytest.raises(ValueError, match="too often"):
        await flights.do("b", work, lambda _: True)
