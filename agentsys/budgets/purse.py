"""What a run, or a node in it, may spend."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar

from agentsys.budgets.accounts import PERIODS, Limits, account_of, tenant_scope
from agentsys.budgets.books import Budgets, Grant
from agentsys.events import BudgetCrossed, Call
from agentsys.limits import Budget
from agentsys.money import Worst

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Purse:
    """What a run, or a node in it, may spend: a view of the budgets above its calls."""

    budgets: Budgets
    run_id: str
    tenant: str = ""
    own: tuple[tuple[str, Budget], ...] = ()
    """Accounts of the run and of nodes in it that have a budget, the outermost first."""

    def within(self, place: str, budget: Budget) -> "Purse":
        """The same with a further budget, for the node at a place in a run."""
        account = f"run:{place}"
        return Purse(self.budgets, self.run_id, self.tenant, (*self.own, (account, budget)))

    async def hold(self, call_id: str, worst: Callable[[], Worst], max_tokens: int) -> Grant:
        """Hold the worst case of a call; where nothing limits it, nothing is held.

        Raises:
            BudgetExceeded: there is no room for it.
        """
        limits = await self._limits()
        if not any(limits.values()):
            return Grant(tuple(limits), max_tokens, None)
        return await self.budgets.hold(call_id, self.run_id, worst(), max_tokens, limits)

    async def settle(self, call: Call) -> list[BudgetCrossed]:
        """Book a call, also where the caller is being cancelled."""
        return await surely(self.budgets.settle(call, await self._limits()))

    async def release(self, call_id: str) -> None:
        """Give back what was held for a call that was not made."""
        await surely(self.budgets.release(call_id))

    async def _limits(self) -> Limits:
        now = datetime.now(UTC)
        limits: dict[str, tuple[Budget, ...]] = {
            account_of(scope, period, now): () for scope in self._scopes() for period in PERIODS
        }
        for budget in await self.budgets.standing():
            account = self._account(budget, now)
            if account is not None:
                limits[account] = (*limits.get(account, ()), budget)
        for account, budget in self.own:
            limits[account] = (*limits.get(account, ()), budget)
        return limits

    def _scopes(self) -> tuple[str, ...]:
        return ("total", tenant_scope(self.tenant)) if self.tenant else ("total",)

    def _account(self, budget: Budget, now: datetime) -> str | None:
        if budget.per == "run":
            return f"run:{self.run_id}"
        kind, _, period = budget.per.partition("/")
        if kind == "total":
            return account_of("total", period, now)
        if not self.tenant or budget.tenant not in (None, self.tenant):
            return None
        return account_of(tenant_scope(self.tenant), period, now)


async def surely(work: Coroutine[Any, Any, T]) -> T:
    """What `work` gives; it is finished even where the awaiting task is cancelled meanwhile."""
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task])
        raise
