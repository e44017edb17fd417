"""Processes that make calls on a budget which others use at the same time.

One reads a trial a line from standard input (JSON), and writes what came of it to standard output.
"""

import asyncio
import json
import random
import subprocess
import sys
from contextlib import suppress
from dataclasses import asdict, dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from agentsys import Agent, System
from agentsys.limits import Budget
from agentsys.messages import Usage
from agentsys.models.base import Reply, Request
from agentsys.models.scripted import Scripted
from agentsys.money import Price, Worst, usd
from agentsys.stores import Store, open_store

PROCESSES = 4
PRICE = Price(usd_per_mtok_in=Decimal("0.05"), usd_per_mtok_out=Decimal("0.08"))
LONGEST = 96
"""Tokens of a reply at most."""

agent = Agent(str, str, "", max_tokens=LONGEST, name="talker")


@dataclass(frozen=True)
class Trial:
    """Calls of one process on the budget of a tenant."""

    tenant: str
    nano_usd: int
    """The budget's ceiling."""
    calls: list[str]
    """The task of each: how many tokens the reply would have, and a number of its own."""
    wait_s: float = 0.002
    """That a reply takes at most."""
    lease_s: float = 30.0


def trial_calls(random: random.Random, count: int) -> list[str]:
    """Tasks whose replies are of random lengths."""
    return [f"{random.randint(1, LONGEST)} {n}" for n in range(count)]


def cost_of(task: str) -> int:
    """Nano-dollars of a call that may reply at full length."""
    length, _ = task.split()
    return PRICE.of(Usage(2, int(length)))


class Talker:
    """A model whose replies are as long as the task says, if they may, and take a moment."""

    def __init__(self, wait_s: float) -> None:
        self._wait_s = wait_s
        self._inner = Scripted(_reply, price=PRICE)

    async def ask(self, request: Request) -> Reply:
        await asyncio.sleep(random.random() * self._wait_s)
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
    system = System({"slm": Talker(trial.wait_s)}, store=store, budgets=(budget,))
    system.budgets.lease_s = trial.lease_s
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


class Workers:
    """Processes that are kept alive from trial to trial."""

    def __init__(self, url: str) -> None:
        command = [sys.executable, "-m", "tests.budgets.worker", url]
        root = Path(__file__).parents[2]
        self.processes = [
            subprocess.Popen(
                command, cwd=root, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
            )
            for _ in range(PROCESSES)
        ]

    def begin(self, trials: list[Trial]) -> None:
        """Give each process its part of a trial."""
        for process, trial in zip(self.processes, trials, strict=True):
            assert process.stdin is not None
            process.stdin.write(json.dumps(asdict(trial)) + "\n")
            process.stdin.flush()

    def results(self) -> list[dict[str, Any]]:
        """What came of each part."""
        outputs = [process.stdout for process in self.processes]
        return [json.loads(output.readline()) for output in outputs if output is not None]

    def end(self) -> None:
        """Let them end, dead ones too."""
        for process in self.processes:
            for pipe in (process.stdin, process.stdout):
                assert pipe is not None
                with suppress(BrokenPipeError):
                    pipe.close()
            process.wait()


if __name__ == "__main__":
    asyncio.run(work(sys.argv[1]))
