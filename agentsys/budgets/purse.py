"""What a run, or a node in it, may spend."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime

from agentsys.budgets.accounts import (
    TOTAL,
    Limits,
    account_of,
    run_scope,
    standing_accounts,
    tenant_scope,
)
from agentsys.budgets.books import Budgets, Grant, Standing
from agentsys.events import BudgetCrossed, Call
from agentsys.limits import Budget
from agentsys.money import Worst


@dataclass(frozen=True, slots=True)
class Purse:
    """What a run, or a node in it, may spend: a view of the budgets above its calls."""

    budgets: Budgets
    run_id: str
    tenant: str = ""
    own: tuple[tuple[str, Budget], ...] = ()
    """Accounts of the run and of nodes in it that have a budget, the outermost first."""
    paid: bool = True
    """Whether calls count on accounts that outlive the run, too."""

    def within(self, part: str, budget: Budget) -> "Purse":
        """The same with a further budget: of the run, or of a part of it, such as `/solve`."""
        account = run_scope(self.run_id, part)
        return replace(self, own=(*self.own, (account, budget)))

    def unpaid(self) -> "Purse":
        """The same for calls that are not paid: on the run and its nodes, and on nothing else."""
        return replace(self, paid=False)

    async def hold(self, call_id: str, worst: Callable[[], Worst], max_tokens: int) -> Grant:
        """Hold the worst case of a call; where nothing limits it, nothing is held.

        Raises:
            BudgetExceeded: there is no room for it.
        """
        limits = await self._limits()
        if not limits.limited:
            return Grant(limits.accounts, max_tokens)
        return await self.budgets.hold(
            call_id, self.run_id, worst(), max_tokens, limits, self._limits
        )

    async def settle(self, call: Call) -> list[BudgetCrossed]:
        """Book a call; gives the limits that it crossed."""
        return await self.budgets.settle(call)

    async def release(self, call_id: str) -> None:
        """Give back what was held for a call that was not made."""
        await self.budgets.release(call_id)

    async def standing(self) -> list[Standing]:
        """Each budget above the calls made here, with what was spent of it."""
        return await self.budgets.balances(await self._limits())

    async def _limits(self) -> Limits:
        today = datetime.now(UTC).date()
        limited: dict[str, tuple[Budget, ...]] = {}
        for budget in await self.budgets.standing():
            account = self._account(budget, today)
            if account is not None and (self.paid or budget.per == "run"):
                limited[account] = (*limited.get(account, ()), budget)
        for account, budget in self.own:
            limited[account] = (*limited.get(account, ()), budget)
        lasting = standing_accounts(self.tenant, today) if self.paid else ()
        accounts = (*lasting, *limited)
        in_order = {account: limited[account] for account in accounts if account in limited}
        return Limits(tuple(dict.fromkeys(accounts)), in_order)

    def _account(self, budget: Budget, now: date) -> str | None:
        kind, _, period = budget.per.partition("/")
        if kind == "run":
            return run_scope(self.run_id)
        if kind == "total":
            return account_of(TOTAL, period, now)
        if not self.tenant or budget.tenant not in (None, self.tenant):
            return None
        return account_of(tenant_scope(self.tenant), period, now)
