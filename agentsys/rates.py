"""Rate limits: how fast deployments are asked, by all processes that share a store.

A request needs a place at a deployment, which is counted in the deployment's gate in the store. A
deployment without limits has a gate, too: a server that says Retry-After is left alone by all
processes. To keep that cheap, its gate is looked at about once in `FRESH_S`.
"""

import asyncio
import random
import time
from collections import defaultdict, deque
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Protocol
from uuid import uuid4

from agentsys.budgets import surely
from agentsys.deadline import waiting
from agentsys.errors import ModelError, RateLimited, StoreError, Unreachable
from agentsys.limits import RateLimit
from agentsys.stores import open_store
from agentsys.stores.base import Gates

FRESH_S = 0.5
"""A deployment without limits that another process was told to leave alone is left alone within
twice this time."""
PATIENCE_S = 600.0
"""A request waits no longer for its place: what the user's own limits delay is not lost soon."""
MINUTE_S = 60.0
"""No limit delays one request longer; what does is a server that asked for it."""
_LONGEST_SHUT_S = 3600.0
"""A server that says more is asked again after this: it may have been wrong."""
_JITTER_S = 0.1

_Waiting = tuple[asyncio.AbstractEventLoop, "asyncio.Future[None]"]


@dataclass
class Place:
    """One request's place at a deployment."""

    deployment: str
    tokens: int
    """What the request may take; set it to what it took."""


class Room(Protocol):
    """What knows how many requests a server has room for."""

    async def enter(self, tokens: int) -> float:
        """Seconds after which to ask again; 0: a request of that size may be sent."""
        ...

    def leave(self) -> None:
        """A request that was sent has ended."""
        ...

    def doubt(self) -> None:
        """The server may not be there any more: look before the next is sent."""
        ...


class Rates:
    """The rate limits of deployments. Safe for tasks, threads and event loops."""

    def __init__(
        self,
        limits: Mapping[str, RateLimit],
        store: Gates | None = None,
        rooms: Mapping[str, Room] | None = None,
    ) -> None:
        """Set the limits.

        Args:
            limits: By the deployments' names.
            store: Where places are counted; without one, limits hold within this process.
            rooms: Of deployments that say how many requests they have room for, by their names.
        """
        self._limits = limits
        self._rooms = rooms or {}
        self._gates = open_store("sqlite:///:memory:") if limits and store is None else store
        self._shut: dict[str, float] = {}
        """Until when (monotonic) deployments are left alone, as far as this process knows."""
        self._looked: dict[str, float] = {}
        self._looking: dict[str, float] = {}
        """When (monotonic) gates were last seen, and last asked for."""
        self._waiting: defaultdict[str, deque[_Waiting]] = defaultdict(deque)

    @asynccontextmanager
    async def place(
        self, deployments: Sequence[str], *, tokens: int, lease_s: float
    ) -> AsyncGenerator[Place]:
        """A place at the first of the deployments that has room; waits while none has.

        A `ModelError` raised inside says what was taken, and how long to leave the deployment
        alone.

        Args:
            deployments: Their names, the preferred one first.
            tokens: What the request may take.
            lease_s: The place is given back after this at the latest, whatever becomes of us.

        Raises:
            RateLimited: it would take too long; no deployment was asked.
            StoreError: the store cannot be used.
        """
        slot = uuid4().hex
        with waiting():
            name = await self._admitted(deployments, slot, tokens, lease_s)
        place = Place(name, tokens)
        try:
            yield place
        except ModelError as error:
            # One that is not reached may still be writing a reply.
            if not isinstance(error, Unreachable):
                place.tokens = error.tokens_in + error.tokens_out
            elif name in self._rooms:
                self._rooms[name].doubt()
            await self._heed(error, place.deployment)
            raise
        finally:
            await self._leave(place.deployment, slot, tokens - place.tokens)

    async def _admitted(
        self, deployments: Sequence[str], slot: str, tokens: int, lease_s: float
    ) -> str:
        end = time.monotonic() + PATIENCE_S
        waited = False
        while True:
            waits: dict[str, float] = {}
            for name in deployments:
                # Whoever waits already goes first.
                crowded = self._waiting[name] and not waited
                wait = _JITTER_S if crowded else await self._enter(name, slot, tokens, lease_s)
                if wait <= 0:
                    return name
                waits[name] = wait
            first = min(waits, key=lambda name: waits[name])
            if waits[first] > MINUTE_S or time.monotonic() > end:
                raise _busy(first, waits[first], limited=first in self._limits)
            await self._pause(waits[first], deployments)
            waited = True

    async def _enter(self, name: str, slot: str, tokens: int, lease_s: float) -> float:
        """Seconds to wait; 0 where it is in."""
        known = self._shut.get(name, 0) - time.monotonic()
        if known > 0:
            return known
        room = self._rooms.get(name)
        wait = await room.enter(tokens) if room else 0
        if wait > 0 or self._gates is None:
            return wait
        wait = MINUTE_S
        try:
            wait = await self._pass(self._gates, name, slot, tokens, lease_s)
        finally:
            # Nobody is woken for this: what has no room here has none for others.
            if wait > 0 and room:
                room.leave()
        return wait

    async def _pass(self, gates: Gates, name: str, slot: str, tokens: int, lease_s: float) -> float:
        """Seconds to wait for the user's own limits; 0 where it is in."""
        limit = self._limits.get(name)
        if limit is None:
            return await self._look(name, gates)
        entering = gates.enter(
            name,
            slot,
            requests_per_minute=limit.requests_per_minute,
            tokens_per_minute=limit.tokens_per_minute,
            concurrency=limit.concurrency,
            tokens=tokens,
            lease_s=lease_s,
        )
        try:
            return await surely(entering)
        except asyncio.CancelledError:
            await surely(self._leave_gate(name, slot, tokens))
            raise

    async def _look(self, name: str, gates: Gates) -> float:
        """Whether another process was told to leave a deployment without limits alone."""
        now, never = time.monotonic(), float("-inf")
        another_looks = now - self._looking.get(name, never) < FRESH_S
        if now - self._looked.get(name, never) < FRESH_S * (1 + another_looks):
            return 0
        self._looking[name] = now
        wait = await gates.enter(
            name,
            uuid4().hex,
            requests_per_minute=None,
            tokens_per_minute=None,
            concurrency=None,
            tokens=0,
            lease_s=FRESH_S,
        )
        self._looked[name] = now
        self._shut[name] = max(self._shut.get(name, 0), now + wait)
        return wait

    async def _heed(self, error: ModelError, name: str) -> None:
        """Leave a deployment alone for as long as it asked, here and in all processes."""
        if not error.retry_after:
            return
        seconds = min(error.retry_after, _LONGEST_SHUT_S)
        self._shut[name] = max(self._shut.get(name, 0), time.monotonic() + seconds)
        if self._gates is not None:
            with suppress(StoreError):  # what the server said matters more
                await self._gates.shut(name, seconds)

    async def _leave(self, name: str, slot: str, unused: int) -> None:
        if name in self._limits:
            await surely(self._leave_gate(name, slot, unused))
        if name in self._rooms:
            self._rooms[name].leave()
            self._wake_one(name)

    async def _leave_gate(self, name: str, slot: str, unused: int) -> None:
        if self._gates is not None:
            # A reply that is paid for is not lost for this: the lease gives the place back.
            with suppress(StoreError):
                await self._gates.leave(name, slot, unused_tokens=max(0, unused))
        self._wake_one(name)

    def _wake_one(self, name: str) -> None:
        with suppress(IndexError, RuntimeError):  # nobody waits, or on a loop that has ended
            loop, woken = self._waiting[name].popleft()
            loop.call_soon_threadsafe(_wake, woken)

    async def _pause(self, seconds: float, deployments: Sequence[str]) -> None:
        """Wait, but not once somebody here has left one of the deployments."""
        loop = asyncio.get_running_loop()
        waiting = loop, loop.create_future()
        for name in deployments:
            self._waiting[name].append(waiting)
        try:
            # Those who were told the same do not come back at the same moment.
            jitter = random.uniform(0, min(seconds, _JITTER_S))
            await asyncio.wait([waiting[1]], timeout=seconds + jitter)
        finally:
            for name in deployments:
                with suppress(ValueError):
                    self._waiting[name].remove(waiting)


def _wake(woken: "asyncio.Future[None]") -> None:
    if not woken.done():
        woken.set_result(None)


def _busy(name: str, seconds: float, *, limited: bool) -> RateLimited:
    if seconds > MINUTE_S:
        message = f"The deployment {name!r} asked to be left alone for {seconds:.0f} more seconds."
        hint = "Try again then, or add another deployment to its tier."
    else:
        message = f"The deployment {name!r} had no room for {PATIENCE_S:.0f} seconds."
        hint = "Run fewer tasks at once; 'agentsys vllm status' says what it does."
        if limited:
            hint = f"Raise [limits.{name}], or run fewer tasks at once."
    error = RateLimited(message, hint=hint, deployment=name, retry_after=seconds)
    error.retryable = False  # it has been waited for long enough
    return error
