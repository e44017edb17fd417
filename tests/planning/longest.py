"""A model at its worst: every reply is as long as it may be, and every token counts."""

from decimal import Decimal

from agentsys.messages import Usage
from agentsys.models.base import Reply, Request
from agentsys.models.bound import most_tokens
from agentsys.money import Price, Worst
from agentsys.prompt import BYTES_PER_TOKEN


class Longest:
    """Says what it is told, filled up to the most that its reply may have."""

    def __init__(self, start: str = "", end: str = "", *, usd_per_mtok: int = 1) -> None:
        self._start, self._end = start, end
        self._price = Price(Decimal(usd_per_mtok), Decimal(4 * usd_per_mtok))

    async def ask(self, request: Request) -> Reply:
        """A reply of `max_tokens`; what it says of itself differs from request to request."""
        room = BYTES_PER_TOKEN * request.max_tokens - len(self._start) - len(self._end)
        usage = Usage(most_tokens(m.content for m in request.messages), request.max_tokens)
        text = self._start + "a" * room + self._end
        return Reply(text, usage, "longest", "none", (), 0.0, self._price.of(usage))

    def worst(self, request: Request) -> Worst:
        """A token a byte."""
        return Worst(most_tokens(m.content for m in request.messages), 0.0, self._price)

    async def close(self) -> None:
        """Nothing to give back."""
