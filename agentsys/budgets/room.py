"""Finding room for one call in the budgets above it."""

import asyncio
import math
import random
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import dataclass, field
from typing import Any

from agentsys.budgets.accounts import Limits, spoken
from agentsys.budgets.surely import surely
from agentsys.budgets.wanted import Wanted
from agentsys.errors import BudgetExceeded
from agentsys.ledger import LOG
from agentsys.limits import Budget
from agentsys.money import Spend, shown
from agentsys.stores import Store
from agentsys.stores.base import Refusal

_POLL_S = (0.002, 0.1)
"""Waits between two looks for what calls under way leave: the first, doubled up to the last."""
_QUEUE_S = (0.05, 1.0)
"""The same where only a raised limit or a new day can make room."""

Turn = Callable[[str], AbstractAsyncContextManager[Any]]
"""One at a time looks for room in an account; the others would only get in its way."""


@dataclass(frozen=True, slots=True)
class Room:
    """What is held for a call."""

    wanted: Wanted
    limits: Limits
    """Of the accounts that it is held on."""
    short: BudgetExceeded | None = None
    """Where it is less than the call would like: which budget had no more."""


@dataclass(frozen=True, slots=True)
class _Full:
    """A budget in which there will be no room, and what to raise for it."""

    budget: Budget
    error: BudgetExceeded


@dataclass
class Search:
    """The search for room for one call."""

    store: Store
    call_id: str
    whole: Wanted
    limits: Limits
    """Those of the last try."""
    limits_now: Callable[[], Awaitable[Limits]]
    """Asked before every further try: a limit may be raised, and a new day begin."""
    lease_s: float
    expiry: Mapping[str, Any]
    turn: Turn
    began: float = field(default_factory=time.monotonic, init=False)

    async def room(self) -> Room:
        """The room that it found and holds; as much as it may have.

        Waits while there will be room once calls under way have been settled, and on a `queue`;
        where a `queue` is in the way, never longer than its `wait_s`.

        Raises:
            BudgetExceeded: there is no room, and none will come.
        """
        pause = _QUEUE_S[0]
        while (refusal := await self._reserve(self.whole)) is not None:
            found = await self._in_turn(refusal)
            if found is None:
                continue
            if isinstance(found, Room):
                return found
            left = found.budget.wait_s - self._waited()
            if found.budget.on_empty != "queue" or left <= 0:
                raise found.error
            await asyncio.sleep(min(pause * random.uniform(0.5, 1), left))
            pause = min(pause * 2, _QUEUE_S[1])
            self.limits = await self.limits_now()
        return Room(self.whole, self.limits)

    async def _in_turn(self, refusal: Refusal) -> Room | _Full | None:
        """What comes of a turn to look for room; `None`: it took too long to come."""
        left = self._patience()
        async with AsyncExitStack() as stack:
            try:
                async with asyncio.timeout(None if left == math.inf else max(left, _POLL_S[1])):
                    await stack.enter_async_context(self.turn(refusal.account))
            except TimeoutError:
                return await self._overdue(self.whole)
            return await self._beside_others(refusal)

    async def _beside_others(self, refusal: Refusal) -> Room | _Full:
        """The room that there is or will be beside calls under way, else the budget that is full.

        It is shrunk to what is left, not to what is free now: most calls under way will give back
        a good part of what they hold.
        """
        tried, pause = self.whole, _POLL_S[0]
        while True:
            wanted = self.whole.within(refusal.left)
            if wanted is None:
                full = await self._full(self.whole.least())
                if full is not None:
                    return full
            if wanted in (None, tried):
                late = await self._overdue(tried)
                if late is not None:
                    return late
                left = self._patience()
                nap = pause * random.uniform(0.5, 1)
                await asyncio.sleep(min(nap, left) if left > 0 else nap)
                pause = min(pause * 2, _POLL_S[1])
            tried = wanted or tried
            self.limits = await self.limits_now()
            again = await self._reserve(tried)
            if again is None:
                return await self._found(tried)
            refusal = again

    async def _found(self, wanted: Wanted) -> Room:
        if wanted == self.whole:
            return Room(wanted, self.limits)
        limits = self.limits
        full = await self._full(self.whole.spend)
        return Room(wanted, limits, full and full.error)

    async def _reserve(self, wanted: Wanted) -> Refusal | None:
        reserving = self.store.reserve(
            self.call_id,
            wanted.spend,
            self.limits.caps(),
            lease_s=self.lease_s,
            log=LOG,
            expiry=self.expiry,
        )
        # Cut off, it might still reach a server, after what is to give it back.
        return await surely(reserving)

    def _waited(self) -> float:
        return time.monotonic() - self.began

    def _patience(self) -> float:
        """Seconds until a `queue` has been waited for long enough; for ever without any."""
        each = (b for budgets in self.limits.limited.values() for b in budgets)
        waits = (b.wait_s for b in each if b.on_empty == "queue")
        return min(waits, default=math.inf) - self._waited()

    async def _overdue(self, wanted: Wanted) -> _Full | None:
        """The `queue` in the way of this, with what is held on it, that was waited out."""
        if self._patience() > 0:
            return None
        limited, waited = self.limits.limited, self._waited()
        balances = await self.store.balances([*limited])
        for account, budgets in limited.items():
            taken = balances[account].spent + balances[account].held
            for budget in budgets:
                dimension = (taken + wanted.spend).beyond(budget.cap)
                if dimension and budget.on_empty == "queue" and budget.wait_s <= waited:
                    error = _exceeded(account, dimension, budget, taken, wanted.spend, " or held")
                    return _Full(budget, error)
        return None

    async def _full(self, spend: Spend) -> _Full | None:
        """The budget that has no room for so much besides what was spent, the strictest one."""
        limited = self.limits.limited
        balances = await self.store.balances([*limited])
        found: list[_Full] = []
        for account, budgets in limited.items():
            for budget in budgets:
                spent = balances[account].spent
                dimension = (spent + spend).beyond(budget.cap)
                if dimension:
                    error = _exceeded(account, dimension, budget, spent, spend)
                    found.append(_Full(budget, error))
        ranks = ("stop", "slm-only", "queue")
        return min(found, key=lambda full: ranks.index(full.budget.on_empty), default=None)


def _exceeded(
    account: str, dimension: str, budget: Budget, spent: Spend, spend: Spend, held: str = ""
) -> BudgetExceeded:
    def amount(value: Spend) -> str:
        return shown(dimension, getattr(value, dimension))

    return BudgetExceeded(
        f"The budget of {spoken(account)} has no room for a call: {amount(spent)} of "
        f"{amount(budget.cap)} are spent{held}, and it may take {amount(spend)}.",
        hint=f"Raise it ({_where(account, budget)}), or let the agent ask for fewer tokens.",
        account=account,
        dimension=dimension,
        degrade=budget.on_empty == "slm-only",
    )


def _where(account: str, budget: Budget) -> str:
    if budget.per != "run":
        return "see 'agentsys budget show'"
    return "where the node is put 'within' it" if "/" in account else "give the run more"
