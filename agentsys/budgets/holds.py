"""The holds of this process, kept alive as long as it lives."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from agentsys.budgets.accounts import OPEN
from agentsys.budgets.room import Room
from agentsys.errors import StoreError
from agentsys.ledger import LOG
from agentsys.stores import Store

LEASE_S = 30.0
"""A hold is given back so long after its process was last heard of."""


@dataclass
class Held:
    """What is held for a call under way."""

    call_id: str
    room: Room
    expiry: dict[str, Any]
    """The record for the ledger where the lease runs out."""
    beat: asyncio.TimerHandle | None = None
    extending: asyncio.Task[None] | None = None


class Holds:
    """The holds of this process, whose leases it extends until they are let go."""

    def __init__(self, store: Store, lease_s: float) -> None:
        self._store = store
        self.lease_s = lease_s
        self._held: dict[str, Held] = {}

    def keep(self, held: Held) -> None:
        """Extend its lease from now on."""
        self._held[held.call_id] = held
        self._beat(held)

    def get(self, call_id: str) -> Held | None:
        """The hold of a call under way."""
        return self._held.get(call_id)

    def let_go(self, call_id: str) -> Held | None:
        """The hold of a call that has ended, whose lease is not extended any more."""
        held = self._held.pop(call_id, None)
        if held is not None and held.beat is not None:
            held.beat.cancel()
        return held

    def _beat(self, held: Held) -> None:
        loop = asyncio.get_running_loop()

        def extend() -> None:
            self._beat(held)
            held.extending = loop.create_task(self._extend(held))

        held.beat = loop.call_later(self.lease_s / 3, extend)

    async def _extend(self, held: Held) -> None:
        with suppress(StoreError):  # the next beat tries again; without one the lease runs out
            if await self._store.extend(held.call_id, lease_s=self.lease_s):
                return
            if self._held.get(held.call_id) is held:
                await self._hold_again(held)

    async def _hold_again(self, held: Held) -> None:
        """Hold what a call takes that is still under way, room or not: it is as good as spent.

        Its lease has run out because this process was held up.
        """
        await self._store.reserve(
            held.call_id,
            held.room.wanted.spend,
            dict.fromkeys(held.room.limits.limited, OPEN),
            lease_s=self.lease_s,
            log=LOG,
            expiry=held.expiry,
        )
        if self._held.get(held.call_id) is not held:  # it was settled meanwhile
            await self._store.release(held.call_id)
