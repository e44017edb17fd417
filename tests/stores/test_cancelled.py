"""What is cancelled while it waits for a store ends as cancelled, whatever the store is doing."""

import asyncio

import pytest

from agentsys.stores import Store


@pytest.mark.parametrize("steps", range(8))
async def test_a_cancellation_is_noticed(store: Store, steps: int) -> None:
    """It comes through at every moment of a request, and the store can be used afterwards."""
    await store.put("space", "key", 1)
    for _ in range(10):
        reading = asyncio.ensure_future(store.get("space", "key"))
        for _ in range(steps):
            await asyncio.sleep(0)
        was_under_way = reading.cancel()
        await asyncio.wait([reading])
        assert reading.cancelled() == was_under_way
    assert await store.get("space", "key")
