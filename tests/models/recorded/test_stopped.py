"""Runs that were stopped while they were recorded, and their replays."""

import asyncio
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from agentsys import Agent, Budget, Price, Run, System
from agentsys.deadline import lasting
from agentsys.errors import NotRecorded
from agentsys.models.base import Cancelled, Model, Reply, Request
from agentsys.models.recorded.recorder import Recorder
from agentsys.models.recorded.replay import Replay
from agentsys.models.scripted import Scripted
from agentsys.money import Worst
from tests.shapes import Answer, Question

PRICE = Price(Decimal("0.05"), Decimal("0.08"))
solve = Agent(Question, Answer, "Give the length.", repairs=0, max_tokens=400, name="solve")


class Slow(Scripted):
    """Takes half a minute."""

    async def ask(self, request: Request) -> Reply:
        try:
            await lasting(30)
        except asyncio.CancelledError as error:
            raise Cancelled(deployment="slow", tokens_in=3, nano_usd=77, seconds=20) from error
        return replace(await super().ask(request), seconds=30.0)

    def worst(self, request: Request) -> Worst:
        return replace(super().worst(request), seconds=60.0)


class Endless(Scripted):
    """Answers nobody; says when it is asked."""

    def __init__(self, asked: asyncio.Event) -> None:
        super().__init__("", price=PRICE)
        self.asked = asked

    async def ask(self, request: Request) -> Reply:
        self.asked.set()
        await asyncio.get_running_loop().create_future()
        raise AssertionError


async def both(
    model: Model, folder: Path, budget: Budget | None, *texts: str
) -> tuple[list[Run[Answer]], list[Run[Answer]]]:
    """Runs while they are recorded, and the same replayed."""
    found: list[list[Run[Answer]]] = []
    for models in (Recorder({"slm": model}, folder), None):
        async with System(models or Replay(folder)) as system:
            asked = [Question(text=text) for text in texts]
            found.append([await system.run(solve, each, budget=budget) for each in asked])
    return found[0], found[1]


def told(run: Run[Any]) -> Any:
    calls = [(c.nano_usd, c.tokens_in, c.tokens_out, c.seconds, c.error) for c in run.attempts]
    return run.status, run.error.replace(run.run_id, ""), calls


async def test_refused(tmp_path: Path) -> None:
    """A run that a budget stopped before anything was asked is stopped again, just so."""
    model = Scripted({"value": 2}, price=PRICE)
    [before], [after] = await both(model, tmp_path, Budget(usd="0.0000001"), "ab")
    assert before.status == "budget_exceeded"
    assert told(after) == told(before)


async def test_shortened(tmp_path: Path) -> None:
    """A run whose replies a budget shortens, to the end of it, is the same again."""
    model, budget = Scripted({"value": 2}, price=PRICE), Budget(usd="0.000025")
    befores, afters = await both(model, tmp_path, budget, "ab", "abc")
    assert [run.status for run in befores] == ["ok", "ok"]
    assert [told(run) for run in afters] == [told(run) for run in befores]


async def test_out_of_time(tmp_path: Path) -> None:
    """A call that a limit on time cut off is cut off again, at the same cost."""
    model = Slow({"value": 2}, price=PRICE)
    [before], [after] = await both(model, tmp_path, Budget(seconds=20), "ab")
    assert (before.status, before.cost.nano_usd) == ("budget_exceeded", 77)
    assert told(after) == told(before)
    async with System(Replay(tmp_path)) as system:
        longer = await system.run(solve, Question(text="ab"), budget=Budget(seconds=40))
    assert isinstance(longer.cause, NotRecorded)
    assert "only a call that was cut off" in longer.error


async def test_cancelled(tmp_path: Path) -> None:
    """A call that was cancelled is on record, and does not hide a reply that came another time."""
    asked = asyncio.Event()
    async with System(Recorder({"slm": Endless(asked)}, tmp_path)) as system:
        running = asyncio.ensure_future(system.run(solve, Question(text="ab")))
        await asked.wait()
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
    assert '"cut_off"' in (tmp_path / "calls.jsonl").read_text()
    async with System(Replay(tmp_path)) as system:
        again = await system.run(solve, Question(text="ab"))
    assert isinstance(again.cause, NotRecorded)
    async with System(Recorder({"slm": Scripted({"value": 2})}, tmp_path)) as system:
        await system.run(solve, Question(text="ab"))
    async with System(Replay(tmp_path)) as system:
        assert (await system.run(solve, Question(text="ab"))).output.value == 2


async def test_older_recording(tmp_path: Path) -> None:
    """A recording of version 1 is read as it was."""
    [before], _ = await both(Scripted({"value": 2}, price=PRICE), tmp_path, None, "ab")
    file = tmp_path / "calls.jsonl"
    file.write_text(file.read_text().replace('"version":2', '"version":1'))
    async with System(Replay(tmp_path)) as system:
        assert (await system.run(solve, Question(text="ab"))).output == before.output
