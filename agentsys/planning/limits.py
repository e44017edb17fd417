"""What budgets make of what is asked: each has room for no more than its limit."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import inf

from agentsys.limits import Budget
from agentsys.money import UNLIMITED

Account = tuple[str, ...]
"""The budgets of nodes that something is booked on, the outermost first; empty: the run's."""


@dataclass(frozen=True, slots=True)
class Most:
    """The most of each; infinite where nothing bounds it."""

    calls: float = 0
    tokens_in: float = 0
    tokens_out: float = 0
    nano_usd: float = 0

    @property
    def tokens(self) -> float:
        """Of prompts and replies."""
        return self.tokens_in + self.tokens_out

    def __add__(self, other: "Most") -> "Most":
        return Most(
            self.calls + other.calls,
            self.tokens_in + other.tokens_in,
            self.tokens_out + other.tokens_out,
            self.nano_usd + other.nano_usd,
        )

    def times(self, count: float) -> "Most":
        """As often as that."""
        amounts = (self.calls, self.tokens_in, self.tokens_out, self.nano_usd)
        return Most(*(amount * count if amount and count else 0 for amount in amounts))


@dataclass(frozen=True, slots=True)
class Total:
    """What all of it comes to under the budgets."""

    calls: float = 0
    tokens: float = 0
    nano_usd: float = 0

    def plus(self, other: "Total") -> "Total":
        """The sum."""
        return Total(
            self.calls + other.calls, self.tokens + other.tokens, self.nano_usd + other.nano_usd
        )

    def under(self, budget: Budget, copies: int = 1) -> "Total":
        """No more than so many budgets have room for."""
        cap = budget.cap
        limits = (cap.calls, cap.tokens, cap.nano_usd)
        rooms = [inf if limit == UNLIMITED else limit * copies for limit in limits]
        return Total(*map(min, (self.calls, self.tokens, self.nano_usd), rooms))


def total_of(
    asked: Iterable[tuple[Account, Most]], budgets: Mapping[Account, tuple[Budget, int]]
) -> Total:
    """What is booked on all accounts, each with room for its budgets alone.

    Args:
        asked: What is booked where.
        budgets: Of each account, and how many of them there may be in one run.
    """
    sums = dict.fromkeys([(), *budgets], Total())
    for account, most in asked:
        sums[account] = sums[account].plus(Total(most.calls, most.tokens, most.nano_usd))
    for account in sorted(budgets, key=len, reverse=True):
        budget, copies = budgets[account]
        outer = account[:-1]
        sums[outer] = sums[outer].plus(sums[account].under(budget, copies))
    return sums[()]
