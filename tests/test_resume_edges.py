"""Resuming at the edges: fan-outs on top, budgets that come late, other tenants' runs."""

from pathlib import Path

import pytest
from pydantic import BaseModel, Field

from agentsys import Agent, Budget, System, UserError, both, interrupt, open_store, step
from agentsys.errors import UnknownName
from agentsys.events import Call
from agentsys.models.scripted import Scripted
from tests.shapes import ASK, Answer, Question, solve


@step
async def approved(question: Question) -> Answer:
    """Asks a human about the second item alone."""
    if question.text == "2":
        return Answer(value=interrupt("how many?"))
    return Answer(value=0)


@step
async def asked(question: Question) -> Answer:
    """Asks a human."""
    return Answer(value=interrupt("how many?"))


@step
async def between(answer: Answer) -> Question:
    """Asks a human between two agents."""
    interrupt("go on?")
    return Question(text=str(answer.value))


def opened(folder: Path, *answers: object) -> System:
    return System(
        {"slm": Scripted(list(answers) or {"value": 1})},  # pyright: ignore[reportArgumentType]
        store=open_store(f"sqlite:///{folder}/runs.db"),
        checkpoints=f"sqlite:///{folder}/checkpoints.db",
    )


@pytest.mark.parametrize("run_id", [None, "mine"])
async def test_a_fan_out_on_top_goes_on(tmp_path: Path, run_id: str | None):
    """Items that had finished come from the checkpoint, the others are alive; both fit."""
    flow = approved.each()
    tasks = [Question(text=str(n)) for n in range(4)]
    async with opened(tmp_path) as system:
        run = await system.run(flow, tasks, run_id=run_id)
        assert run.status == "interrupted"
    async with opened(tmp_path) as system:
        run = await system.run(flow, resume=run.run_id, answer=7)
        assert run.ok, run.error
        assert run.output == [Answer(value=n) for n in (0, 0, 7, 0)]


@pytest.mark.parametrize("run_id", [None, "mine"])
async def test_parts_side_by_side_on_top_go_on(tmp_path: Path, run_id: str | None):
    """A tuple of what was kept and what is alive is the output all the same."""
    flow = both(solve, asked)
    async with opened(tmp_path) as system:
        run = await system.run(flow, ASK, run_id=run_id)
        assert run.status == "interrupted"
    async with opened(tmp_path) as system:
        run = await system.run(flow, resume=run.run_id, answer=7)
        assert run.ok, run.error
        assert run.output == (Answer(value=1), Answer(value=7))
        assert len(run.attempts) == 1


async def test_a_budget_that_comes_late_counts_from_the_start(tmp_path: Path):
    """What the run had spent without one counts in it."""
    agent = Agent(Question, Answer, "x")
    flow = agent >> between >> agent
    async with opened(tmp_path) as system:
        run = await system.run(flow, ASK)
        assert run.status == "interrupted"
        assert run.cost.calls == 1
        run = await system.run(flow, resume=run.run_id, answer=7, budget=Budget(calls=1))
        assert run.status == "budget_exceeded"
        assert run.cost.calls == 1
        run = await system.run(flow, resume=run.run_id, budget=Budget(calls=2))
        assert run.ok, run.error
        assert run.cost.calls == 2


async def test_other_tenants_runs_are_not_there(tmp_path: Path):
    """Who names a tenant gets its runs alone, and is not told that there are others."""
    async with opened(tmp_path) as system:
        run = await system.run(solve, ASK, tenant="acme")
        with pytest.raises(UnknownName, match="There is no run"):
            await system.run(solve, resume=run.run_id, tenant="evil")
        again = await system.run(solve, resume=run.run_id, tenant="acme")
        assert again.output == run.output


async def test_what_a_resumed_run_has_of_its_own_is_refused(tmp_path: Path):
    """A seed that would not count is a mistake."""
    async with opened(tmp_path) as system:
        run = await system.run(solve, ASK)
        with pytest.raises(UserError, match="its own seed"):
            await system.run(solve, resume=run.run_id, seed=3)  # pyright: ignore[reportCallIssue]


def test_runs_are_resumed_without_async(tmp_path: Path):
    """`run_sync` takes what `run` does."""
    with opened(tmp_path) as system:
        run = system.run_sync(asked, ASK, run_id="mine")
        assert run.status == "interrupted"
        assert system.run_sync(asked, resume="mine", answer=5).output.value == 5


class Letters(BaseModel):
    word: str = Field(pattern=r"^\p{L}+$")


async def test_a_reply_that_breaks_the_check_is_booked(tmp_path: Path):
    """A pattern that pydantic reads and jsonschema does not: the call is on record, not held."""
    agent = Agent(Question, Letters, "x")
    async with opened(tmp_path, {"word": "abc"}) as system:
        with pytest.raises(UserError, match="pattern"):
            await system.run(agent, ASK, budget=Budget(calls=5))
        assert system.ledger is not None
        assert [type(r.event) for r in system.ledger.events(Call)] == [Call]
        assert system.store is not None
        balances = await system.store.balances()
        assert all(balance.held.calls == 0 for balance in balances.values())
        assert balances["total"].spent.calls == 1
