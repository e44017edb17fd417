"""Answers that were worked out before, in a store that all processes share: for a time."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any
from weakref import WeakValueDictionary

from agentsys.memory.entry import namespace
from agentsys.stores.base import Values


class Turns:
    """In this process, one after the other works out what is under one key."""

    def __init__(self) -> None:
        self._locks: WeakValueDictionary[tuple[int, str, str], asyncio.Lock] = WeakValueDictionary()

    @asynccontextmanager
    async def turn(self, space: str, key: str) -> AsyncGenerator[None]:
        """Be the only one in this event loop who is inside, under this key."""
        name = id(asyncio.get_running_loop()), space, key
        lock = self._locks.get(name)
        if lock is None:
            lock = self._locks[name] = asyncio.Lock()
        async with lock:
            yield


class Answers:
    """What was worked out for a tenant, or for one of its teams. Made by `SharedMemory.answers`.

    Nobody else sees it, and no search finds it. Methods raise `StoreError` where the store cannot
    be used.
    """

    def __init__(self, values: Values, turns: Turns, tenant: str, team: str) -> None:
        self._values = values
        self._turns = turns
        self._space = namespace("answers", tenant, team)

    @asynccontextmanager
    async def turn(self, key: str) -> AsyncGenerator[None]:
        """Wait for whoever works the same out in this process, to find what they have kept."""
        async with self._turns.turn(self._space, key):
            yield

    async def get(self, key: str) -> Any:
        """What was kept, as JSON data; `None` where nothing was, or its time is over."""
        value = await self._values.get(self._space, key)
        return None if value is None else value.data

    async def keep(self, key: str, data: Any, seconds: float) -> None:
        """Keep JSON data for so long, in place of what there was."""
        await self._values.put(self._space, key, data, ttl=seconds)
