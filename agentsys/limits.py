"""Limits as users write them: what may be spent, and how fast a deployment may be asked."""

from decimal import Decimal
from functools import cached_property
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from agentsys.money import UNLIMITED, Spend, nano, usd

Per = Literal["run", "total", "total/day", "total/month", "tenant", "tenant/day", "tenant/month"]
"""What a budget is for: each run, everything ever spent, or each tenant; with a period, anew every
day or month (UTC)."""

OnEmpty = Literal["stop", "slm-only", "queue"]
"""What follows where a call does not fit.

`stop`: the run ends as `budget_exceeded`; `slm-only`: it goes on without the calls of other tiers
than `slm`, and ends where not even those fit; `queue`: it waits for room up to `wait_s`, then ends.
"""


class Budget(BaseModel):
    """A hard limit on spending: in US dollars, tokens, calls and seconds, each independent.

    Before a call its worst case is held, afterwards what it really cost is booked, so that no
    number of concurrent runs and processes overspends.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    usd: Decimal | None = Field(default=None, ge=0, le=9_000_000)
    tokens: int | None = Field(default=None, ge=0, lt=UNLIMITED)
    """Of prompts and replies."""
    calls: int | None = Field(default=None, ge=0, lt=UNLIMITED)
    """Requests to models, failed ones too."""
    seconds: float | None = Field(default=None, ge=0, le=10**9)
    """That models work; calls side by side count twice."""
    per: Per = "run"
    tenant: str | None = Field(default=None, min_length=1)
    """The one tenant it is for; `None`: each tenant."""
    on_empty: OnEmpty = "stop"
    wait_s: float = Field(default=60, gt=0)
    """Most seconds that `queue` waits for one call."""

    if TYPE_CHECKING:

        def __init__(
            self,
            *,
            usd: Decimal | str | float | None = None,
            tokens: int | None = None,
            calls: int | None = None,
            seconds: float | None = None,
            per: Per = "run",
            tenant: str | None = None,
            on_empty: OnEmpty = "stop",
            wait_s: float = 60,
        ) -> None: ...

    @field_validator("usd", mode="before")
    @classmethod
    def _exact(cls, given: object) -> object:
        """A float means the decimal that it is written as."""
        return str(given) if isinstance(given, float) else given

    @model_validator(mode="after")
    def _limits_something(self) -> "Budget":
        if self.cap == Spend(UNLIMITED, UNLIMITED, UNLIMITED, UNLIMITED):
            raise ValueError("a budget needs 'usd', 'tokens', 'calls' or 'seconds'")
        if self.usd and not self.cap.nano_usd:
            raise ValueError("a limit of less than a billionth of a dollar is none: say 0")
        if self.tenant is not None and not self.per.startswith("tenant"):
            raise ValueError(f"'tenant' does nothing with per = {self.per!r}: leave it out")
        return self

    @cached_property
    def cap(self) -> Spend:
        """The limit of each field, `UNLIMITED` where there is none."""
        return Spend(
            UNLIMITED if self.usd is None else nano(self.usd),
            UNLIMITED if self.tokens is None else self.tokens,
            UNLIMITED if self.calls is None else self.calls,
            UNLIMITED if self.seconds is None else round(self.seconds * 1_000_000),
        )

    def less(self, spent: Spend) -> "Budget":
        """What is left of it."""
        taken = {
            "usd": usd(spent.nano_usd),
            "tokens": spent.tokens,
            "calls": spent.calls,
            "seconds": spent.microseconds / 1_000_000,
        }
        limits = {name: limit for name in taken if (limit := getattr(self, name)) is not None}
        left = {name: max(limit - taken[name], type(limit)()) for name, limit in limits.items()}
        return Budget.model_validate({**self.model_dump(), **left})


class RateLimit(BaseModel):
    """How fast one deployment may be asked, by all processes that share a store together."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    requests_per_minute: int | None = Field(default=None, ge=1)
    tokens_per_minute: int | None = Field(default=None, ge=1)
    """Of prompts and replies; counted before a call as what it may take, then as what it took."""
    concurrency: int | None = Field(default=None, ge=1)
    """Most requests at once."""

    @model_validator(mode="after")
    def _limits_something(self) -> "RateLimit":
        if not (self.requests_per_minute or self.tokens_per_minute or self.concurrency):
            raise ValueError("give 'requests_per_minute', 'tokens_per_minute' or 'concurrency'")
        return self
