"""Runs in processes that are killed: a graph with everything in it, and a nursery for processes.

The nursery has loaded agentsys once; it forks a process for every line of standard input.
"""

import asyncio
import json
import os
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

from pydantic import BaseModel

from agentsys import Agent, Budget, Node, Run, System, interrupt, open_store, step, tool
from agentsys.errors import Unreachable
from agentsys.events import Event
from agentsys.graph import advance
from agentsys.models.base import Reply, Request
from agentsys.models.scripted import Answer, Script, Scripted
from agentsys.money import Price, Worst

PRICE = Price(usd_per_mtok_in=Decimal("0.05"), usd_per_mtok_out=Decimal("0.08"))
TASK = "many words for one run"
CALL_S, WORK_S = 0.006, 0.004
"""How long calls, and what tools and steps do, take at least."""

effects = Path(os.devnull)
"""Where tools and steps say that they did their work."""


class Text(BaseModel):
    text: str


class Number(BaseModel):
    value: int


def _do(what: str) -> None:
    with effects.open("a") as file:
        file.write(f"{what}\n")


@tool
async def register(word: str) -> str:
    """Register a word, which must be done once."""
    await asyncio.sleep(WORK_S / 2)
    _do(f"register {word}")
    await asyncio.sleep(WORK_S / 2)
    return f"{word} is registered"


@tool(idempotent=True)
async def count(word: str) -> int:
    """Count its letters."""
    _do(f"count {word}")
    await asyncio.sleep(WORK_S)
    return len(word)


@tool
async def ask(word: str) -> str:
    """Ask whether the word will do."""
    answer = interrupt(f"Will {word!r} do?")
    _do(f"answered {answer}")
    return str(answer)


@step
async def words(text: Text) -> list[Text]:
    await asyncio.sleep(WORK_S)
    _do("words")
    return [Text(text=word) for word in text.text.split()]


@step
async def total(numbers: list[Number]) -> Number:
    _do("total")
    await asyncio.sleep(WORK_S)
    return Number(value=sum(number.value for number in numbers))


@step
async def approved(number: Number) -> Number:
    answer = interrupt({"approve": number.value})
    _do(f"approved {answer}")
    return number


def enough(number: Number, answer: Number) -> bool | str:
    return answer.value > 200 or "it is not over two hundred."


look = Agent(Text, Text, "Register it.", tools=[register], name="look", min_confidence=0.9)
counting = Agent(Text, Text, "Count it.", tools=[count], name="counting")
asking = Agent(Text, Text, "Ask about it.", tools=[ask], name="asking")
guess = Agent(Text, Number, "How long is it?", name="guess")
judge = Agent(Number, Number, "Fifty more.", name="judge")
every = (look >> guess.vote(3)).each(limit=2) >> total
flow = words >> every >> judge.check(enough).escalate("llm")

GRAPHS: dict[str, Node[Any, Any]] = {
    "flow": flow,
    "register": look,
    "count": counting,
    "ask": asking,
    "approval": words >> (guess >> approved).each() >> total,
    "guarded": (words >> guess.each() >> total >> approved).check(lambda _, n: n.value > 0),
}

TOOLS = {"Register": "register", "Count": "count", "Ask": "ask"}
"""Which tool the small model uses for an agent's instructions."""


def small(request: Request) -> Answer:
    """What the small model says: by the request alone."""
    asked = request.messages[1].content
    order = request.messages[0].content.split()[0]
    if order in TOOLS:
        used = any("Result of" in message.content for message in request.messages)
        use = {"tool": TOOLS[order], "args": {"word": asked}}
        return {"final": {"text": request.messages[-1].content}} if used else use
    if order == "How":
        drawn = Random(f"{asked} {request.seed}").random()
        breaks = drawn > 0.9 and request.temperature > 0
        return Unreachable("it broke down.") if breaks else {"value": len(asked) + (drawn < 0.3)}
    return {"value": json.loads(asked)["value"]}


def large(request: Request) -> Answer:
    """What the large model says."""
    return {"value": json.loads(request.messages[1].content)["value"] + 50}


class Slow:
    """A model that takes its time and counts what it is asked."""

    def __init__(self, script: Script) -> None:
        self._inner = Scripted(script, price=PRICE, confidence=0.8)
        self.asked = 0

    async def ask(self, request: Request) -> Reply:
        draw = Random(f"{request.messages[-1].content} {request.seed}").random()
        await asyncio.sleep(CALL_S * (1 + draw))
        self.asked += 1
        return await self._inner.ask(request)

    def worst(self, request: Request) -> Worst:
        return self._inner.worst(request)

    async def close(self) -> None:
        pass


@dataclass(frozen=True)
class Place:
    """Where runs leave their traces."""

    store: str
    checkpoints: str | None
    effects: str

    def system(self) -> tuple[System, list[Slow]]:
        global effects
        effects = Path(self.effects)
        models = [Slow(small), Slow(large)]
        system = System(
            {"slm": models[0], "llm": models[1]},
            store=open_store(self.store),
            budgets=(Budget(usd=Decimal(1), per="total"),),
            checkpoints=self.checkpoints,
        )
        return system, models

    def effects_done(self) -> Counter[str]:
        file = Path(self.effects)
        return Counter(file.read_text().splitlines() if file.exists() else ())


@dataclass(frozen=True)
class Order:
    """What a process is to do, and when it is to be killed."""

    place: Place
    run_id: str
    graph: str = "flow"
    durable: bool = True
    resume: bool = False
    answer: Any = None
    kill_at: int | str = 0
    """The event, by its number or by its class, after which the process is killed; 0: none."""
    delay_s: float = 0.0
    """How long after it."""


async def carry_out(order: Order) -> Run[Any]:
    """Do it in this process."""
    system, _ = order.place.system()
    seen = Counter[str]()

    def watch(event: Event) -> None:
        seen.update(["all", type(event).__name__])
        if order.kill_at in (seen["all"], type(event).__name__):
            threading.Timer(order.delay_s, os.kill, (os.getpid(), signal.SIGKILL)).start()

    async with system:
        node = GRAPHS[order.graph]
        if not order.resume:
            run_id = order.run_id if order.durable else None
            return await system.run(node, Text(text=TASK), run_id=run_id, on_event=watch)
        if order.answer is not None:
            return await system.run(node, resume=order.run_id, answer=order.answer, on_event=watch)
        return await system.run(node, resume=order.run_id, on_event=watch)


def _child(line: str) -> None:
    given = json.loads(line)
    place = Place(**given.pop("place"))
    asyncio.run(carry_out(Order(place, **given)))


def _serve() -> None:
    for line in sys.stdin:
        pid = os.fork()
        if pid == 0:
            code = 1
            try:
                _child(line)
                code = 0
            finally:
                os._exit(code)
        _, status = os.waitpid(pid, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


class Nursery:
    """Has processes carry out orders, one at a time."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.survivor"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parents[1],
        )

    def carry_out(self, order: Order) -> int:
        """The exit code of the process that did it; minus nine: it was killed."""
        process = self._process
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps(asdict(order)) + "\n")
        process.stdin.flush()
        return int(process.stdout.readline())

    def close(self) -> None:
        self._process.communicate()


@contextmanager
def nursery() -> Generator[Nursery]:
    opened = Nursery()
    try:
        yield opened
    finally:
        opened.close()


if __name__ == "__main__":
    assert advance  # loaded before the first fork
    from tests import survivor  # under the name that it has elsewhere

    survivor._serve()
