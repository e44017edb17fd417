"""A process that makes calls on a budget which others use at the same time.

Reads one trial a line from standard input (JSON), and writes what came of it to standard output.
"""

import asyncio
import json
import random
import sys
from dataclasses import asdict, dataclass
from decimal import Decimal
from typing import Any

from agentsys import Agent, System
from agentsys.limits import Budget
from agentsys.messages import Usage
from agentsys.models.base import Reply, Request
from agentsys.models.scripted import Scripted
from agentsys.money import Price, Worst, usd
from agentsys.stores import Store, open_store

PRICE = Price(usd_per_mtok_in=Decimal("0.05"), usd_per_mtok_out=Decimal("0.08"))
LONGEST = 96
"""Tokens of a reply at most."""
WAIT_S = 0.002
"""That a reply takes at most."""

agent = Agent(str, str, "", max_tokens=LONGEST, name="talker")


@dataclass(frozen=True)
class Trial:
    """Calls of one process on the budget of a tenant."""

    tenant: str
    nano_usd: int
    """The budget's ceiling."""
    calls: list[str]
    """The task of each: how many tokens the reply would have, and a number of its own."""


def trial_calls(random: random.Random, count: int) -> list[str]:
    """Tasks whose replies are of random lengths."""
    return [f"{random.randint(1, LONGEST)} {n}" for n in range(count)]


def cost_of(task: str) -> int:
    """Nano-dollars of a call that may reply at full length."""
    length, _ = task.split()
    return PRICE.of(Usage(2, int(length)))


class Talker:
    """A model whose replies are as long as the task says, if they may, and take a moment."""

    def __init__(self) -> None:
        self._inner = Scripted(_reply, price=PRICE)

    async def ask(self, request: Request) -> Reply:
        await asyncio.sleep(random.random() * WAIT_S)
        return await self._inner.ask(request)

    def worst(self, request: Request) -> Worst:
        return self._inner.worst(request)

    async def close(self) -> None:
        pass


def _reply(request: Request) -> str:
    length = int(request.messages[-1].content.split()[0])
    return " ".join(["word"] * min(length, request.max_tokens))


async def run(trial: Trial, store: Store) -> dict[str, Any]:
    """Make all calls at once; gives how the runs ended and what they say that they cost."""
    budget = Budget(per="tenant", tenant=trial.tenant, usd=usd(trial.nano_usd))
    system = System({"slm": Talker()}, store=store, budgets=(budget,))
    works = (system.run(agent, task, tenant=trial.tenant) for task in trial.calls)
    runs = await asyncio.gather(*works)
    ended = [run.status for run in runs]
    return {
        "ok": ended.count("ok"),
        "budget_exceeded": ended.count("budget_exceeded"),
        "nano_usd": sum(run.cost.nano_usd for run in runs),
    }


async def work(url: str) -> None:
    """Trials from standard input, one after the other, in one event loop."""
    store, loop = open_store(url), asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        print(json.dumps(await run(Trial(**json.loads(line)), store)), flush=True)
    await store.close()


def line(trial: Trial) -> str:
    """A trial as the worker reads it."""
    return json.dumps(asdict(trial)) + "\n"


if __name__ == "__main__":
    asyncio.run(work(sys.argv[1]))
