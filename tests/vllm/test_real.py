"""The real server: guided answers, adapters, figures, and the end of its supervisor."""

import os
import signal
from decimal import Decimal

import pytest
from pydantic import BaseModel, Field

from agentsys import Agent, Run, System
from agentsys.models.vllm.state import State, recorded
from agentsys.processes import members
from tests.vllm.conftest import until
from tests.vllm_server import VllmServer

pytestmark = pytest.mark.slow


class Question(BaseModel):
    text: str


class Solution(BaseModel):
    expression: str = Field(max_length=120, pattern=r"^[0-9+*/()-]+$")


QUESTION = Question(text="Mia has 4 boxes of 12 pens and gives 7 away. How many pens are left?")


@pytest.fixture
def system(vllm_server: VllmServer, monkeypatch: pytest.MonkeyPatch) -> System:
    """A system that knows the server by its configuration alone."""
    monkeypatch.setenv("AGENTSYS_HOME", str(vllm_server.home))
    return System.load(str(vllm_server.config))


async def ask(system: System, tier: str = "slm") -> Run[Solution]:
    """One guided question to a tier."""
    agent = Agent(Question, Solution, "Answer with one arithmetic expression.", tier=tier)
    return await system.run(agent, QUESTION)


def state(server: VllmServer) -> State:
    """What its supervisor says."""
    found = recorded(server.home / "vllm" / "mini")
    assert found is not None
    return found


async def test_an_agent_gets_a_guided_answer(system: System) -> None:
    """From `[[vllm]]` to a typed answer with a price, with nothing else in the configuration."""
    async with system:
        run = await ask(system)
    assert (run.status, run.output.expression) == ("ok", "4*12-7")
    assert [place.partition("@")[2] for place in run.path] == ["slm"]
    assert Decimal(0) < run.cost.usd < Decimal("0.0061")  # $0.36 an hour, for a minute at most


async def test_status_counts_what_was_asked(system: System, vllm_server: VllmServer) -> None:
    """The tokens of a run are those that the server counts; nothing is running afterwards."""
    before = vllm_server.status()
    async with system:
        run = await ask(system)
    after = vllm_server.status()
    assert after["tokens_in"] - before["tokens_in"] == run.cost.tokens_in
    assert after["tokens_out"] - before["tokens_out"] == run.cost.tokens_out
    assert after["busy_s"] > before["busy_s"]
    assert (after["state"], after["running"], after["waiting"]) == ("ready", 0, 0)
    assert after["kv_tokens"] > 100_000


async def test_an_adapter_is_a_deployment_that_comes_and_goes(
    system: System, vllm_server: VllmServer
) -> None:
    """It answers otherwise than its model, at its own price; unloaded, it is not asked."""
    assert vllm_server.status()["adapters"] == ["mini-odd"]
    async with system:
        plain, odd = await ask(system), await ask(system, "odd")
        assert vllm_server.command("adapter", "unload", "mini", "mini-odd").returncode == 0
        gone = await ask(system, "odd")
        assert vllm_server.status()["adapters"] == []
        again = vllm_server.command("adapter", "unload", "mini", "mini-odd")
        assert vllm_server.command("adapter", "load", "mini", "mini-odd").returncode == 0
        back = await ask(system, "odd")
    assert (again.returncode, again.stderr.count("\n")) == (2, 1)
    assert "There is no adapter 'mini-odd'" in again.stderr
    said = [run.output.expression if run.ok else run.error for run in (plain, odd, back)]
    assert said[0] != said[1]
    assert said[1] == said[2]
    assert gone.status == "failed"
    assert "mini-odd" in str(gone.error)
    twice = vllm_server.command("adapter", "load", "mini", "mini-odd")
    assert "has the adapter 'mini-odd' already" in twice.stderr


async def test_its_supervisor_and_itself_are_killed(
    system: System, vllm_server: VllmServer
) -> None:
    """The engine, which would go on by itself and keep the memory, does not; `up` starts anew."""
    before = state(vllm_server)
    assert len(members(before.group, before.session, before.since)) > 3
    os.kill(before.supervisor.pid, signal.SIGSTOP)
    for pid in (before.pid, before.supervisor.pid):
        os.kill(pid or 0, signal.SIGKILL)
    until(lambda: not members(before.group, before.session, before.since), "the end of all")
    assert vllm_server.status()["state"] == "killed"
    vllm_server.up()
    async with system:
        assert (await ask(system)).output.expression == "4*12-7"
