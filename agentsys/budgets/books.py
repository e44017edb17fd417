"""Budgets that nobody can overspend: hold the worst case, then book what it really cost.

Peers check, then add: ten concurrent runs spend twice the ceiling. Here a call's worst case is held
on every account above it in one atomic operation before the call is made, under a lease, so that
a process that dies leaks nothing. Accounts form a tree: everything, the tenant (each with its day
and month), the run, the nodes in it that have budgets of their own.
"""

import asyncio
import random
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary, WeakValueDictionary

from agentsys.budgets.accounts import Limits, cap_of, limits_now
from agentsys.budgets.wanted import Wanted
from agentsys.errors import BudgetExceeded
from agentsys.events import BudgetCrossed, Call, HoldExpired, to_record
from agentsys.ledger import LOG
from agentsys.limits import Budget
from agentsys.money import DIMENSIONS, UNLIMITED, Spend, Worst, shown
from agentsys.stores import Balance, Store
from agentsys.stores.base import Refusal

LEASE_S = 30.0
"""A hold is given back so long after its process was last heard of."""
FRESH_S = 1.0
"""A budget that was set takes effect within this time, in every process."""
WARN_AT = 0.8
"""The part of a limit at which its crossing is recorded, besides the limit itself."""
_POLL_S = (0.002, 0.1)
"""Waits between two looks for room: the first, doubled up to the last."""

_SPACE = "budgets"


@dataclass(frozen=True, slots=True)
class Grant:
    """What a call may take."""

    accounts: tuple[str, ...]
    max_tokens: int
    seconds: float | None
    """After which it must be given up; `None` where that is the model's business."""


@dataclass(frozen=True, slots=True)
class Standing:
    """A budget with the account that it limits and what that has spent."""

    budget: Budget
    account: str
    balance: Balance


class Budgets:
    """The budgets of a system: those given, and those set in the store, which all processes see.

    Safe for tasks, threads and processes.
    """

    def __init__(self, store: Store, given: tuple[Budget, ...] = ()) -> None:
        self._store = store
        self.given = given
        self._set: tuple[Budget, ...] = ()
        self._read_at = float("-inf")
        self._beats: dict[str, asyncio.TimerHandle] = {}
        self._turns: WeakKeyDictionary[
            asyncio.AbstractEventLoop, WeakValueDictionary[str, asyncio.Lock]
        ] = WeakKeyDictionary()

    async def standing(self) -> tuple[Budget, ...]:
        """The budgets in force besides those of runs; at most `FRESH_S` old."""
        if time.monotonic() - self._read_at > FRESH_S:
            values = await self._store.values(_SPACE)
            self._set = tuple(Budget.model_validate(value.data) for value in values.values())
            self._read_at = time.monotonic()
        return (*self.given, *self._set)

    async def set(self, budget: Budget) -> None:
        """Put a budget into force, in place of the one that was set for the same accounts."""
        await self._store.put(_SPACE, _key(budget), budget.model_dump(mode="json"))
        self._read_at = float("-inf")

    async def unset(self, budget: Budget) -> bool:
        """Take the budget away that was set for the same accounts; whether there was one."""
        self._read_at = float("-inf")
        return await self._store.delete(_SPACE, _key(budget))

    async def shown(self) -> list[Standing]:
        """Each standing budget on each account that it limits now and something was booked on."""
        balances = await self._store.balances()
        return [
            Standing(budget, account, balance)
            for budget in await self.standing()
            for account, balance in balances.items()
            if limits_now(budget, account)
        ]

    async def rebuild(self) -> dict[str, Balance]:
        """Compute what was spent anew from the ledger; gives the balances that were wrong."""
        return await self._store.rebuild(LOG)

    async def hold(
        self, call_id: str, run_id: str, worst: Worst, max_tokens: int, limits: Limits
    ) -> Grant:
        """Hold the worst case on every account, shrunk as far as it must and may be.

        Waits while there will be room once calls under way have been settled.

        Raises:
            BudgetExceeded: there is no room, and none will come.
            StoreError: the store cannot be used.
        """
        caps = {account: cap_of(budgets) for account, budgets in limits.items()}
        wanted = Wanted(worst, max_tokens, worst.seconds)
        expiry = HoldExpired(run_id, call_id, worst.spend(max_tokens).nano_usd)
        attempt = _Attempt(self._store, call_id, caps, to_record(expiry))
        refusal = await attempt.reserve(wanted)
        if refusal is not None:
            async with self._turn(refusal.account):
                wanted = await self._wait(attempt, wanted, refusal, limits)
        self._beat(call_id)
        shrunk = wanted.seconds < worst.seconds
        return Grant(tuple(caps), wanted.max_tokens, wanted.seconds if shrunk else None)

    async def settle(self, call: Call, limits: Limits) -> list[BudgetCrossed]:
        """Book a call with its record in the ledger, once; gives the limits that it crossed.

        Raises:
            StoreError: it could not be booked.
        """
        self._still(call.call_id)
        booked = await self._store.settle(
            call.call_id,
            call.accounts,
            call.spend,
            log=LOG,
            record=to_record(call),
            key=call.call_id,
        )
        return [
            BudgetCrossed(call.run_id, account, dimension, spent, limit)
            for account, balance in (booked or {}).items()
            for dimension, spent, limit in _crossed(
                balance.spent, call.spend, cap_of(limits.get(account, ()))
            )
        ]

    async def release(self, call_id: str) -> None:
        """Give back what was held for a call that was not made."""
        self._still(call_id)
        await self._store.release(call_id)

    async def _wait(
        self, attempt: "_Attempt", wanted: Wanted, refusal: Refusal, limits: Limits
    ) -> Wanted:
        whole, began, pause = wanted, time.monotonic(), _POLL_S[0]
        while True:
            shrunk = whole.within(refusal.left)
            if shrunk is None and (full := await self._full(whole, limits)) is not None:
                budget, error = full
                if budget.on_empty != "queue" or time.monotonic() - began > budget.wait_s:
                    raise error
            if shrunk is None or shrunk == wanted:
                await asyncio.sleep(pause * random.uniform(0.5, 1))
                pause = min(pause * 2, _POLL_S[1])
            wanted = shrunk or wanted
            again = await attempt.reserve(wanted)
            if again is None:
                return wanted
            refusal = again

    async def _full(self, wanted: Wanted, limits: Limits) -> tuple[Budget, BudgetExceeded] | None:
        """The budget in which there will be no room, and what to raise for it."""
        least = wanted.least()
        balances = await self._store.balances([a for a, budgets in limits.items() if budgets])
        for account, balance in balances.items():
            for budget in limits[account]:
                field = (balance.spent + least).beyond(budget.cap)
                if field:
                    return budget, _refused(account, field, budget, balance.spent, least)
        return None

    def _turn(self, account: str) -> asyncio.Lock:
        """One at a time looks for room in an account; the others would only get in its way."""
        turns = self._turns.setdefault(asyncio.get_running_loop(), WeakValueDictionary())
        return turns.setdefault(account, asyncio.Lock())

    def _beat(self, call_id: str) -> None:
        loop = asyncio.get_running_loop()

        def extend() -> None:
            self._beat(call_id)
            beat = loop.create_task(self._extended(call_id))
            beat.add_done_callback(lambda _: None)

        self._beats[call_id] = loop.call_later(LEASE_S / 3, extend)

    async def _extended(self, call_id: str) -> None:
        with suppress(Exception):  # the next beat tries again; without one the lease runs out
            await self._store.extend(call_id, lease_s=LEASE_S)

    def _still(self, call_id: str) -> None:
        beat = self._beats.pop(call_id, None)
        if beat is not None:
            beat.cancel()


@dataclass(frozen=True, slots=True)
class _Attempt:
    """One call's tries to find room."""

    store: Store
    call_id: str
    caps: Mapping[str, Spend]
    expiry: Mapping[str, Any]

    async def reserve(self, wanted: Wanted) -> Refusal | None:
        return await self.store.reserve(
            self.call_id, wanted.spend, self.caps, lease_s=LEASE_S, log=LOG, expiry=self.expiry
        )


def _key(budget: Budget) -> str:
    return budget.per if budget.tenant is None else f"{budget.per}:{budget.tenant}"


def _refused(
    account: str, field: str, budget: Budget, spent: Spend, least: Spend
) -> BudgetExceeded:
    def amount(value: Spend) -> str:
        return shown(field, getattr(value, field))

    return BudgetExceeded(
        f"The budget of {account!r} has no room: {amount(spent)} of {amount(budget.cap)} are spent,"
        f" and the call may take {amount(least)}.",
        hint="Raise the budget, or let the agent ask for fewer tokens.",
        account=account,
        dimension=field,
        degrade=budget.on_empty == "slm-only",
    )


def _crossed(spent: Spend, spend: Spend, cap: Spend) -> list[tuple[str, int, int]]:
    found: list[tuple[str, int, int]] = []
    for field in DIMENSIONS:
        after, limit = getattr(spent, field), getattr(cap, field)
        before = after - getattr(spend, field)
        if limit != UNLIMITED and any(
            before < mark <= after for mark in (limit * WARN_AT, limit + 1)
        ):
            found.append((field, after, limit))
    return found
