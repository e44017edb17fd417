"""The names of accounts: `total`, `tenant:acme/day:2026-11-20`, `run:7f…/solve`."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from urllib.parse import quote, unquote

from agentsys.limits import Budget
from agentsys.money import UNLIMITED, Spend


@dataclass(frozen=True, slots=True)
class Limits:
    """What there is above a call."""

    accounts: tuple[str, ...]
    """The root first."""
    limited: Mapping[str, tuple[Budget, ...]]
    """Those of them that have a limit, with the budgets."""

    def caps(self) -> dict[str, Spend]:
        """The tightest limit of each field, on each limited account."""
        return {account: _cap(budgets) for account, budgets in self.limited.items()}


OPEN = Spend(UNLIMITED, UNLIMITED, UNLIMITED, UNLIMITED)
"""The cap of an account without a limit."""

PERIODS = ("", "day", "month")

TOTAL = "total"
_TENANT, _RUN = "tenant:", "run:"


@lru_cache(maxsize=1_000)
def tenant_scope(name: str) -> str:
    """The account of a tenant, whatever characters its name has."""
    return _TENANT + quote(name, safe="", errors="surrogatepass")


@lru_cache(maxsize=1_000)
def run_scope(run_id: str, part: str = "") -> str:
    """The account of a run, or of a part of it (`/solve`) that has a budget of its own."""
    return _RUN + quote(run_id, safe="", errors="surrogatepass") + part


@lru_cache(maxsize=1_000)
def account_of(scope: str, period: str, now: date) -> str:
    """The account of a scope in the period (`day`, `month` or empty: ever) that it is now, UTC."""
    match period:
        case "day":
            return f"{scope}/day:{now:%Y-%m-%d}"
        case "month":
            return f"{scope}/month:{now:%Y-%m}"
        case _:
            return scope


@lru_cache(maxsize=1_000)
def standing_accounts(tenant: str, day: date) -> tuple[str, ...]:
    """The accounts of everything, and of a tenant if there is one, in all periods of a day."""
    scopes = (TOTAL, tenant_scope(tenant)) if tenant else (TOTAL,)
    return tuple(account_of(scope, period, day) for scope in scopes for period in PERIODS)


def tenants_account(account: str, period: str, now: date) -> bool:
    """Whether an account is that of some tenant in the period that it is now."""
    scope = account.partition("/")[0]
    return scope.startswith(_TENANT) and account == account_of(scope, period, now)


def spoken(account: str) -> str:
    """An account in words: `tenant 'acme' on 2026-11-20`, `'solve' in run '7f…'`."""
    scope, _, part = account.partition("/")
    kind, _, name = part.partition(":")
    if scope.startswith(_RUN):
        run = f"run {_name(scope, _RUN)!r}"
        return f"{part!r} in {run}" if part else run
    whole = f"tenant {_name(scope, _TENANT)!r}" if scope.startswith(_TENANT) else "all runs"
    return f"{whole} {'on' if kind == 'day' else 'in'} {name}" if part else whole


def _cap(budgets: tuple[Budget, ...]) -> Spend:
    cap = budgets[0].cap
    for budget in budgets[1:]:
        cap = cap.least(budget.cap)
    return cap


def _name(scope: str, prefix: str) -> str:
    return unquote(scope.removeprefix(prefix), errors="surrogatepass")
