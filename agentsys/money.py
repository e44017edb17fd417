"""Money as whole nano-dollars, and what a call of a model costs.

One nano-dollar is 10⁻⁹ US dollars: a small model's call costs less than a
micro-dollar, and sums of integers have no rounding.
"""

from collections.abc import Callable
from dataclasses import dataclass, fields
from decimal import ROUND_HALF_UP, Decimal
from operator import add, sub

from agentsys.messages import Usage

NANO_PER_USD = 10**9


def nano(usd: Decimal | str | float) -> int:
    """The amount in whole nano-dollars, rounded half up."""
    return int((Decimal(str(usd)) * NANO_PER_USD).to_integral_value(ROUND_HALF_UP))


def usd(nano_usd: int) -> Decimal:
    """The amount in dollars, exact."""
    return Decimal(nano_usd) / NANO_PER_USD


UNLIMITED = 2**53 - 1
"""No limit. The largest whole number that every store counts exactly: nine million dollars."""


@dataclass(frozen=True, slots=True)
class Spend:
    """What something cost, or what it may cost; all whole numbers."""

    nano_usd: int = 0
    tokens: int = 0
    """Of prompts and replies."""
    calls: int = 0
    microseconds: int = 0
    """That models worked; side by side counts twice."""

    def __add__(self, other: "Spend") -> "Spend":
        return self._with(other, add)

    def __sub__(self, other: "Spend") -> "Spend":
        return self._with(other, sub)

    def least(self, other: "Spend") -> "Spend":
        """The smaller of each field."""
        return self._with(other, min)

    def beyond(self, cap: "Spend") -> str:
        """The first field that is larger than the cap's; empty where none is."""
        return next((f for f in DIMENSIONS if getattr(self, f) > getattr(cap, f)), "")

    def _with(self, other: "Spend", combine: Callable[[int, int], int]) -> "Spend":
        return Spend(*(combine(getattr(self, f), getattr(other, f)) for f in DIMENSIONS))


DIMENSIONS = tuple(field.name for field in fields(Spend))
"""The fields of `Spend`, each limited independently."""


def shown(dimension: str, amount: int) -> str:
    """An amount of one field of `Spend`, to read: `$0.01`, `5 s`, `3 calls`."""
    match dimension:
        case "nano_usd":
            return f"${usd(amount):.9f}".rstrip("0").rstrip(".")
        case "microseconds":
            return f"{amount / 1_000_000:g} s"
        case _:
            return f"{amount:,} {dimension if amount != 1 else dimension.removesuffix('s')}"


@dataclass(frozen=True, slots=True)
class Price:
    """What a deployment costs: per token, per hour of its machine, or both."""

    usd_per_mtok_in: Decimal = Decimal(0)
    """US dollars per million prompt tokens."""
    usd_per_mtok_out: Decimal = Decimal(0)
    """US dollars per million generated tokens."""
    usd_per_hour: Decimal = Decimal(0)
    """US dollars per hour that the machine works on the call."""
    share: Decimal | None = None
    """The part of the machine that one call takes, for `usd_per_hour`; `None`: it is measured, by
    how many are under way at once."""

    def of(self, usage: Usage, seconds: float = 0.0) -> int:
        """Nano-dollars for a call of `usage` tokens that took `seconds`.

        Where the share is measured, the seconds are those that the call was given of the machine.
        """
        tokens = usage.tokens_in * self.usd_per_mtok_in + usage.tokens_out * self.usd_per_mtok_out
        hours = Decimal(str(seconds)) / 3600
        return nano(tokens / 1_000_000 + hours * self.most_usd_per_hour)

    @property
    def most_usd_per_hour(self) -> Decimal:
        """US dollars per hour of a call that has the machine to itself, as far as it can."""
        return self.usd_per_hour if self.share is None else self.usd_per_hour * self.share

    @property
    def basis(self) -> str:
        """In words, for reports: `"per token"`, `"per hour"` or `"per token and hour"`."""
        tokens = bool(self.usd_per_mtok_in or self.usd_per_mtok_out)
        match tokens, bool(self.usd_per_hour):
            case True, True:
                return "per token and hour"
            case False, True:
                return "per hour"
            case _:
                return "per token"


@dataclass(frozen=True, slots=True)
class Worst:
    """The most that a request may take, whichever deployment answers and however often it is tried.

    Budgets hold it before the call, so it must not be exceeded, and should not be far off.
    """

    tokens_in: int
    """Of the prompt, with the schema where that is told in the prompt."""
    seconds: float
    """Until the deployment is given up."""
    price: Price
    """The highest of each rate."""
    tries: int = 1
    """How often the prompt may be read and a reply written."""

    def spend(self, max_tokens: int, seconds: float | None = None) -> Spend:
        """The most that it takes with a reply of at most so many tokens, given up after so long."""
        longest = self.seconds if seconds is None else seconds
        usage = Usage(self.tries * self.tokens_in, self.tries * max_tokens)
        return Spend(
            nano_usd=self.price.of(usage, longest),
            tokens=usage.tokens_in + usage.tokens_out,
            calls=1,
            microseconds=round(longest * 1_000_000),
        )
