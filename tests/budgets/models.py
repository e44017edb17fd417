"""Models for tests of budgets: a generated token costs a millionth of a dollar, else nothing."""

import asyncio
import time
from decimal import Decimal
from typing import Any

from agentsys import Agent
from agentsys.messages import Usage
from agentsys.models.base import Cancelled, Reply, Request
from agentsys.models.scripted import Script, Scripted
from agentsys.money import Price, Worst, usd

PER_TOKEN = Price(usd_per_mtok_out=Decimal(1))


def micro(amount: int) -> Decimal:
    """So many millionths of a dollar, which buy as many tokens."""
    return usd(amount * 1_000)


def priced(answers: Script) -> Scripted:
    """A scripted model with a price."""
    return Scripted(answers, price=PER_TOKEN)


def talker(name: str = "talker", *, tokens: int = 10, **more: Any) -> Agent[str, str]:
    """An agent whose calls take so many tokens at most."""
    return Agent(str, str, "", max_tokens=tokens, name=name, **more)


class Held:
    """A model that answers when it is let, and says what it had cost where it is cancelled."""

    def __init__(self, answer: str = "yes", *, seconds: float = 0.0, blocks_s: float = 0.0) -> None:
        self.asked = asyncio.Semaphore(0)
        """Released by every request."""
        self.let = asyncio.Event()
        self._inner = priced(answer)
        self._seconds = seconds
        self._blocks_s = blocks_s

    async def ask(self, request: Request) -> Reply:
        self.asked.release()
        time.sleep(self._blocks_s)  # noqa: ASYNC251  (what must not be done, and is)
        try:
            await self.let.wait()
        except asyncio.CancelledError as error:
            raise Cancelled(deployment="held", tokens_out=3, nano_usd=3_000) from error
        return await self._inner.ask(request)

    def worst(self, request: Request) -> Worst:
        return Worst(0, self._seconds, PER_TOKEN)

    async def close(self) -> None:
        pass


class Liar:
    """A model that takes more than it says."""

    def __init__(self, tokens: int) -> None:
        self._tokens = tokens

    async def ask(self, request: Request) -> Reply:
        usage = Usage(0, self._tokens)
        return Reply("yes", usage, "liar", "none", (), 0.0, PER_TOKEN.of(usage))

    def worst(self, request: Request) -> Worst:
        return Worst(0, 0.0, PER_TOKEN)

    async def close(self) -> None:
        pass
