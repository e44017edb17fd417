"""Which of several replies to the same request a replay gives."""

import asyncio
from dataclasses import replace
from pathlib import Path

from agentsys import Agent, System
from agentsys.models.base import Reply, Request
from agentsys.models.recorded.recorder import Recorder
from agentsys.models.recorded.replay import Replay
from agentsys.models.scripted import Scripted

say = Agent(str, str, "Say a word.", name="say")


class Counting(Scripted):
    """Says how many replies it has given before, which is also what they cost."""

    def __init__(self, first_waits: bool = False) -> None:
        super().__init__("")
        self.given = 0
        self.asked = 0
        self.waits = asyncio.Event() if first_waits else None

    async def ask(self, request: Request) -> Reply:
        self.asked += 1
        if self.waits is not None and self.asked == 1:
            await self.waits.wait()
        self.given += 1
        reply = await super().ask(request)
        if self.waits is not None:
            self.waits.set()
        return replace(reply, text=f"{self.given}", nano_usd=self.given)


async def test_graphs_asked_in_another_order(tmp_path: Path) -> None:
    """Each graph has its own replies to a request that several make, whichever asks first."""
    async with System(Recorder({"slm": Counting()}, tmp_path)) as system:
        before = {name: await system.run(say, "ab", name=name) for name in ("one", "two", "three")}
    async with System(Replay(tmp_path)) as system:
        after = {name: await system.run(say, "ab", name=name) for name in ("three", "one", "two")}
        other = await system.run(say, "ab", name="four")
    for name, run in before.items():
        assert (after[name].output, after[name].cost.nano_usd) == (run.output, run.cost.nano_usd)
    assert other.output == "1"


async def test_places_of_one_run(tmp_path: Path) -> None:
    """Each item of a fan-out has its own reply again, whichever ended first."""
    node = say.each()
    async with System(Recorder({"slm": Counting(first_waits=True)}, tmp_path)) as system:
        before = await system.run(node, ["ab", "ab", "ab"])
    assert before.output[0] != "1"
    async with System(Replay(tmp_path)) as system:
        after = await system.run(node, ["ab", "ab", "ab"])
        again = await system.run(node, ["ab", "ab", "ab"])
    assert after.output == before.output
    assert again.output == before.output
