"""Finding room for one call in the budgets above it."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
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

    async def room(self) -> Room:
        """The room that it found and holds; as much as it may have.

        Waits while there will be room once calls under way have been settled, and on a `queue`.

        Raises:
            BudgetExceeded: there is no room, and none will come.
        """
        began, pause = time.monotonic(), _QUEUE_S[0]
        while (refusal := await self._reserve(self.whole)) is not None:
            async with self.turn(refusal.account):
                found = await self._beside_others(refusal)
            if isinstance(found, Room):
                return found
            left = began + found.budget.wait_s - time.monotonic()
            if found.budget.on_empty != "queue" or left <= 0:
                raise found.error
            await asyncio.sleep(min(pause * random.uniform(0.5, 1), left))
            pause = min(pause * 2, _QUEUE_S[1])
            self.limits = await self.limits_now()
        return Room(self.whole, self.limits)

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
                await asyncio.sleep(pause * random.uniform(0.5, 1))
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
    account: str, dimension: str, budget: Budget, spent: Spend, spend: Spend
) -> BudgetExceeded:
    def amount(value: Spend) -> str:
        return shown(dimension, getattr(value, dimension))

    return BudgetExceeded(
        f"The budget of {spoken(account)} has no room for a call: {amount(spent)} of "
        f"{amount(budget.cap)} are spent, and it may take {amount(spend)}.",
        hint=f"Raise it ({_where(account, budget)}), or let the agent ask for fewer tokens.",
        account=account,
        dimension=dimension,
        degrade=budget.on_empty == "slm-only",
    )


def _where(account: str, budget: Budget) -> str:
    if budget.per != "run":
        return "see 'agentsys budget show'"
    return "where the node is put 'within' it" if "/" in account else "give the run more"
