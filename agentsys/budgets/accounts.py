"""The names of accounts: `total`, `tenant:acme/day:2026-11-20`, `run:7f…/2.solve`."""

from collections.abc import Mapping
from datetime import UTC, datetime
from urllib.parse import quote, unquote

from agentsys.limits import Budget
from agentsys.money import UNLIMITED, Spend

Limits = Mapping[str, tuple[Budget, ...]]
"""The accounts above a call, the root first, each with the budgets that limit it."""

_OPEN = Spend(UNLIMITED, UNLIMITED, UNLIMITED, UNLIMITED)

PERIODS = ("", "day", "month")


def account_of(scope: str, period: str, now: datetime) -> str:
    """The account of a scope in the period (`day`, `month` or empty: ever) that it is now, UTC."""
    match period:
        case "day":
            return f"{scope}/day:{now:%Y-%m-%d}"
        case "month":
            return f"{scope}/month:{now:%Y-%m}"
        case _:
            return scope


def tenant_scope(name: str) -> str:
    """The account of a tenant, whatever characters its name has."""
    return f"tenant:{quote(name, safe='')}"


def limits_now(budget: Budget, account: str) -> bool:
    """Whether a budget limits an account in the day or month that it is now."""
    kind, _, period = budget.per.partition("/")
    scope = account.partition("/")[0]
    if kind == "run" or account != account_of(scope, period, datetime.now(UTC)):
        return False
    if kind == "total":
        return scope == "total"
    return scope.startswith("tenant:") and budget.tenant in (None, _named(scope))


def _named(scope: str) -> str:
    return unquote(scope.removeprefix("tenant:"))


def cap_of(budgets: tuple[Budget, ...]) -> Spend:
    """The tightest limit of each field."""
    cap = _OPEN
    for budget in budgets:
        cap = cap.least(budget.cap)
    return cap
