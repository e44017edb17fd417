"""Budgets that nobody can overspend: hold the worst case, then book what it really cost.

Peers check, then add: ten concurrent runs spend twice the ceiling. Here a call's worst case is held
on every account above it in one atomic operation before the call is made, under a lease, so that
a process that dies leaks nothing. Accounts form a tree: everything, the tenant (each with its day
and month), the run, the nodes in it that have budgets of their own.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from weakref import WeakKeyDictionary, WeakValueDictionary

from pydantic import ValidationError

from agentsys.budgets.accounts import (
    TOTAL,
    Limits,
    account_of,
    tenant_scope,
    tenants_account,
)
from agentsys.budgets.holds import LEASE_S, Held, Holds
from agentsys.budgets.room import Search
from agentsys.budgets.surely import surely
from agentsys.budgets.wanted import Wanted
from agentsys.errors import BudgetExceeded, StoreError
from agentsys.events import BudgetCrossed, Call, HoldExpired, to_record
from agentsys.ledger import LOG
from agentsys.limits import Budget
from agentsys.money import DIMENSIONS, UNLIMITED, Spend, Worst
from agentsys.stores import Balance, Store

FRESH_S = 1.0
"""A budget that was set takes effect within this time, in every process."""
PATIENCE_S = 20.0
"""How long a call is tried to be booked while the store cannot be reached."""
WARN_AT = 0.8
"""The part of a limit at which its crossing is recorded, besides the limit itself."""

_SPACE = "budgets"
_NOTHING = Balance(Spend(), Spend())


@dataclass(frozen=True, slots=True)
class Grant:
    """What a call may take."""

    accounts: tuple[str, ...]
    """What it costs is booked on."""
    max_tokens: int
    seconds: float | None = None
    """After which it must be given up; `None` where that is the model's business."""
    short: BudgetExceeded | None = None
    """Which budget had no room for more; `None` where the call may take all that it wanted."""


@dataclass(frozen=True, slots=True)
class Standing:
    """A budget with an account that it limits, and what that has spent."""

    budget: Budget
    account: str
    """Empty for a budget of each run or tenant, where none has spent anything."""
    balance: Balance


class Budgets:
    """The budgets of a system: those given, and those set in the store, which all processes see.

    Safe for tasks, threads and processes.
    """

    def __init__(
        self,
        store: Store,
        given: tuple[Budget, ...] = (),
        *,
        keeps: bool = True,
        lease_s: float = LEASE_S,
    ) -> None:
        """Open the books.

        Args:
            store: Where they are kept.
            given: Budgets in force besides those that are set in the store.
            keeps: Whether calls are booked, and kept in the ledger, that nothing limits.
            lease_s: How long a hold outlives its process.
        """
        self.given = given
        self._store = store
        self._keeps = keeps
        self._holds = Holds(store, lease_s)
        self._set: tuple[Budget, ...] = ()
        self._read_at = float("-inf")
        self._turns: WeakKeyDictionary[
            asyncio.AbstractEventLoop, WeakValueDictionary[str, asyncio.Lock]
        ] = WeakKeyDictionary()

    @property
    def lease_s(self) -> float:
        """How long a hold outlives its process."""
        return self._holds.lease_s

    @lease_s.setter
    def lease_s(self, seconds: float) -> None:
        self._holds.lease_s = seconds

    async def standing(self) -> tuple[Budget, ...]:
        """The budgets in force besides those of single runs and nodes; at most `FRESH_S` old."""
        if time.monotonic() - self._read_at > FRESH_S:
            now, values = time.monotonic(), await self._store.values(_SPACE)
            self._set = tuple(_read(key, value.data) for key, value in values.items())
            self._read_at = now
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
        """Each standing budget on each account that it limits now, the given ones first."""
        found: list[Standing] = []
        balances = await self._store.balances()
        for budget in await self.standing():
            accounts = _accounts(budget, balances)
            named = await self._store.balances([account for account in accounts if account])
            found += [Standing(budget, a, named.get(a, _NOTHING)) for a in accounts]
        return found

    async def balances(self, limits: Limits) -> list[Standing]:
        """Each of these budgets on its account."""
        balances = await self._store.balances([*limits.limited])
        return [
            Standing(budget, account, balances[account])
            for account, budgets in limits.limited.items()
            for budget in budgets
        ]

    async def accounts(self, names: Sequence[str]) -> dict[str, Balance]:
        """What these accounts have spent, and what is held on them."""
        return await self._store.balances(names)

    async def rebuild(self) -> dict[str, Balance]:
        """Compute what was spent anew from the ledger; gives the balances that were wrong."""
        return await self._store.rebuild(LOG)

    async def hold(
        self,
        call_id: str,
        run_id: str,
        worst: Worst,
        max_tokens: int,
        limits: Limits,
        limits_now: Callable[[], Awaitable[Limits]],
    ) -> Grant:
        """Hold the worst case on every limited account, shrunk as far as it must and may be.

        Waits while there will be room once calls under way have been settled. By then the limits
        may be others: `limits_now` says.

        Raises:
            BudgetExceeded: there is no room, and none will come.
            StoreError: the store cannot be used.
        """
        whole = Wanted(worst, max_tokens, round(worst.seconds * 1_000_000))
        expiry = to_record(HoldExpired(run_id, call_id, whole.spend.nano_usd))
        search = Search(
            self._store, call_id, whole, limits, limits_now, self.lease_s, expiry, self._turn
        )
        try:
            room = await search.room()
        except asyncio.CancelledError:  # it may have been held, with nobody told any more
            with suppress(StoreError):
                await surely(self._store.release(call_id))
            raise
        self._holds.keep(Held(call_id, room, expiry))
        wanted = room.wanted
        cut = wanted.microseconds < whole.microseconds
        seconds = wanted.microseconds / 1_000_000 if cut else None
        return Grant(room.limits.accounts, wanted.max_tokens, seconds, room.short)

    async def settle(self, call: Call) -> list[BudgetCrossed]:
        """Book a call with its record in the ledger, once; gives the limits that it crossed.

        Raises:
            StoreError: it could not be booked.
        """
        held = self._holds.get(call.call_id)
        if held is None and not self._keeps:
            return []
        try:
            booked = await self._booked(call)
        finally:
            self._holds.let_go(call.call_id)
        if booked is None or held is None:
            return []
        return [
            BudgetCrossed(call.run_id, account, dimension, spent, limit)
            for account, cap in held.room.limits.caps().items()
            for dimension, spent, limit in _crossed(booked[account].spent, call.spend, cap)
        ]

    async def _booked(self, call: Call) -> dict[str, Balance] | None:
        """Book it once, also over a restart of the store: it has been paid for."""
        record = to_record(call) if self._keeps else {"kind": "Call"}
        give_up, pause = time.monotonic() + PATIENCE_S, 0.1
        while True:
            try:
                return await self._store.settle(
                    call.call_id,
                    call.accounts,
                    call.spend,
                    log=LOG,
                    record=record,
                    key=call.call_id,
                )
            except StoreError as error:
                if not error.passing or time.monotonic() > give_up:
                    raise
            await asyncio.sleep(pause)
            pause = min(pause * 2, 2)

    async def release(self, call_id: str) -> None:
        """Give back what was held for a call that was not made."""
        if self._holds.let_go(call_id) is not None:
            await self._store.release(call_id)

    def _turn(self, account: str) -> asyncio.Lock:
        turns = self._turns.setdefault(asyncio.get_running_loop(), WeakValueDictionary())
        return turns.setdefault(account, asyncio.Lock())


def _key(budget: Budget) -> str:
    return budget.per if budget.tenant is None else f"{budget.per}:{budget.tenant}"


def _read(key: str, data: Any) -> Budget:
    try:
        return Budget.model_validate(data)
    except ValidationError as error:
        raise StoreError(
            f"The store has a budget ({key!r}) that this agentsys cannot read.",
            hint="Upgrade agentsys, or set the budget anew.",
        ) from error


def _accounts(budget: Budget, balances: dict[str, Balance]) -> list[str]:
    """The accounts that a budget limits now; an empty name where it is for any, and there is none.

    Of runs none: they are too many.
    """
    kind, _, period = budget.per.partition("/")
    now = datetime.now(UTC)
    if kind == "total":
        return [account_of(TOTAL, period, now)]
    if budget.tenant is not None:
        return [account_of(tenant_scope(budget.tenant), period, now)]
    if kind == "run":
        return [""]
    return [account for account in balances if tenants_account(account, period, now)] or [""]


def _crossed(spent: Spend, spend: Spend, cap: Spend) -> list[tuple[str, int, int]]:
    found: list[tuple[str, int, int]] = []
    for dimension in DIMENSIONS:
        after, limit = getattr(spent, dimension), getattr(cap, dimension)
        before = after - getattr(spend, dimension)
        marks = (limit * WARN_AT, limit + 1)
        if limit != UNLIMITED and any(before < mark <= after for mark in marks):
            found.append((dimension, after, limit))
    return found
