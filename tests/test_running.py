"""Runs that fail, run out of budget or are cancelled leave nothing behind, and can go on."""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from agentsys import Agent, Budget, System, UserError, both, leases, open_store, step, tool
from agentsys.errors import StoreError, Unreachable
from agentsys.events import Call, RunFinished
from agentsys.models.base import Reply, Request
from agentsys.models.scripted import Scripted
from agentsys.money import Price, Worst
from agentsys.run import Run
from agentsys.stores.sqlite import SqliteStore
from tests.shapes import ASK, Answer, Question, decisions, length_of_question, solve, total, words

PRICE = Price(Decimal(1), Decimal(1))
HELD = Budget(usd=Decimal(1), per="total")

down: list[str] = []
"""Inputs for which the model's server is down."""


@pytest.fixture(autouse=True)
def up() -> None:
    down.clear()


def reply(request: Request) -> Any:
    asked = request.messages[1].content
    return Unreachable(f"{asked} is down.") if asked in down else length_of_question(request)


class Endless:
    """A model that answers only some questions; the others wait until they are cancelled."""

    def __init__(self, answers: int) -> None:
        self._inner = Scripted(reply, price=PRICE)
        self._answers = answers
        self.asked = 0
        self.waiting = asyncio.Event()

    async def ask(self, request: Request) -> Reply:
        self.asked += 1
        if self.asked > self._answers:
            self.waiting.set()
            await asyncio.Event().wait()
        return await self._inner.ask(request)

    def worst(self, request: Request) -> Worst:
        return self._inner.worst(request)

    async def close(self) -> None:
        pass


@pytest.fixture(params=["sqlite", "redis"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "redis":
        return request.getfixturevalue("redis_url")
    return f"sqlite:///{tmp_path / 'store.db'}"


@pytest.fixture
async def system(tmp_path: Path) -> AsyncGenerator[System]:
    async with system_at(f"sqlite:///{tmp_path / 'store.db'}", tmp_path) as opened:
        yield opened


def system_at(url: str, folder: Path, **models: Any) -> System:
    every = {"slm": Scripted(reply, price=PRICE), "llm": Scripted(reply, price=PRICE), **models}
    checkpoints = f"sqlite:///{folder / 'checkpoints.db'}"
    return System(every, store=open_store(url), checkpoints=checkpoints, budgets=(HELD,))


def asked(models: Mapping[str, Any]) -> list[str]:
    """What all models were asked."""
    return [r.messages[1].content for model in models.values() for r in model.requests]


flow = words >> solve.each() >> total
MANY = Question(text="a bc def ghij")


@pytest.mark.parametrize("durable", [True, False])
async def test_what_failed_is_tried_again(system: System, durable: bool) -> None:
    """A call that ended its run is made again under an id of its own; no other one is."""
    down[:] = ["bc", "def"]
    run = await system.run(flow, MANY, run_id="x" if durable else None)
    assert run.status == "failed"
    down.clear()
    first = asked(system.models)
    run = await system.run(flow, resume=run.run_id)
    assert run.output == Answer(value=10)
    answered = {c.text for c in run.attempts if c.text}
    assert len(answered) == 4
    again = asked(system.models)[len(first) :]
    assert "a" not in again
    assert len({call.call_id for call in run.attempts}) == len(run.attempts)
    assert run.cost.calls == len(run.attempts) == len(first) + len(again)
    assert await system.budgets.rebuild() == {}


async def test_what_was_made_up_for_is_not_tried_again(tmp_path: Path) -> None:
    """A call that failed and that another tier made up for stays as it is."""

    @step
    async def later(answers: tuple[Answer, Answer]) -> Question:
        return Question(text="later")

    down[:] = ["word", "later"]
    made_up = both(solve.escalate("llm"), (words >> solve.each() >> total).escalate("llm"))
    node = made_up >> later >> solve
    large = Scripted(length_of_question)
    async with system_at(f"sqlite:///{tmp_path / 's.db'}", tmp_path, llm=large) as system:
        run = await system.run(node, Question(text="word"))
        assert (run.status, run.error) == ("failed", "later is down.")
        before = len(asked(system.models))
        down.clear()
        again = await system.run(node, resume=run.run_id)
        assert again.output == Answer(value=5)
        assert len(asked(system.models)) == before + 1
        assert decisions(again)[:-1] == decisions(run)


@pytest.mark.parametrize("durable", [True, False])
async def test_a_larger_budget_goes_on(system: System, durable: bool) -> None:
    """A run without room goes on with more of it; what it had spent stays spent."""
    run_id = "x" if durable else None
    run = await system.run(flow, MANY, run_id=run_id, budget=Budget(calls=2))
    assert run.status == "budget_exceeded"
    assert run.cost.calls == 2
    again = await system.run(flow, resume=run.run_id)
    assert again.status == "budget_exceeded"
    assert again.cost.calls == 2
    again = await system.run(flow, resume=run.run_id, budget=Budget(calls=3))
    assert (again.status, again.cost.calls) == ("budget_exceeded", 3)
    again = await system.run(flow, resume=run.run_id, budget=Budget(calls=4))
    assert again.output == Answer(value=10)
    assert sorted(asked(system.models)) == sorted(MANY.text.split())


@pytest.mark.parametrize("node", [solve.each(), solve.each().at("slm")], ids=repr)
async def test_a_fan_out_that_ran_short_goes_on(system: System, node: Any) -> None:
    """What no budget had room for is asked once there is room, in the outermost graph, too."""
    tasks = [Question(text=word) for word in MANY.text.split()]
    run = await system.run(node, tasks, run_id="x", budget=Budget(calls=2))
    assert run.status == "budget_exceeded"
    again = await system.run(node, resume="x", budget=Budget(calls=4))
    assert [answer.value for answer in again.output] == [1, 2, 3, 4]
    assert again.cost.calls == 4


@pytest.mark.parametrize("durable", [True, False])
@pytest.mark.parametrize("stop", ["cancel", "stream"])
async def test_a_cancelled_run_holds_nothing(
    url: str, tmp_path: Path, stop: str, durable: bool
) -> None:
    """Cancelled, a run gives back what it held and asks nothing more; later it goes on."""
    model, run_id = Endless(answers=2), "x" if durable else None
    async with system_at(url, tmp_path, slm=model) as system:
        assert system.store is not None
        assert system.ledger is not None
        if stop == "cancel":
            task = asyncio.ensure_future(system.run(flow, MANY, run_id=run_id))
            await model.waiting.wait()
            assert (await system.store.balances())["total"].held.calls > 0
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        else:
            events = system.stream(flow, MANY, run_id=run_id)
            async for _ in events:
                if model.waiting.is_set():
                    break
            await events.aclose()
        assert (await system.store.balances())["total"].held.calls == 0
        before = model.asked
        await asyncio.sleep(0.02)
        assert model.asked == before
        (ended,) = [r.event for r in system.ledger.events(RunFinished)]
        assert isinstance(ended, RunFinished)
        assert (ended.status, ended.error) == ("failed", "the run was cancelled.")
        assert await leases.holders(system.store) == {}
    async with system_at(url, tmp_path) as system:
        run = await system.run(flow, resume=ended.run_id)
        assert run.output == Answer(value=10)
        assert len(asked(system.models)) == 2
        small = system.models["slm"]
        assert isinstance(small, Scripted)
        assert all(len(request.messages) == 2 for request in small.requests)
        assert await system.budgets.rebuild() == {}


async def test_a_run_that_was_taken_over_writes_no_end(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where another process has taken over, how the run ends is that one's to record."""
    monkeypatch.setattr(leases, "LEASE_S", 0.06)
    model = Endless(answers=2)
    async with system_at(url, tmp_path, slm=model) as system:
        assert system.store is not None
        assert system.ledger is not None
        running = asyncio.ensure_future(system.run(flow, MANY, run_id="x"))
        await model.waiting.wait()
        await system.store.put("leases", "run:x", "elsewhere:1:2", ttl=60)
        with pytest.raises(UserError, match="another process, which has taken over"):
            await running
        assert [*system.ledger.events(RunFinished)] == []


async def test_a_tool_that_is_cancelled_counts_as_cut_off(tmp_path: Path) -> None:
    """What a cancelled tool has done is not known, so it is asked for before it is repeated."""
    begun = asyncio.Event()

    @tool
    async def wait(a: int) -> int:
        """Wait for ever, the first time."""
        if not begun.is_set():
            begun.set()
            await asyncio.Event().wait()
        return a

    def uses(request: Request) -> Any:
        used = any("Result of" in message.content for message in request.messages)
        return {"final": {"value": 7}} if used else {"tool": "wait", "args": {"a": 1}}

    agent = Agent(Question, Answer, "Wait.", tools=[wait])
    url = f"sqlite:///{tmp_path / 's.db'}"
    async with system_at(url, tmp_path, slm=Scripted(uses)) as system:
        task = asyncio.ensure_future(system.run(agent, ASK, run_id="x"))
        await begun.wait()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert (await system.run(agent, resume="x")).status == "interrupted"
        assert (await system.run(agent, resume="x", answer="repeat")).output == Answer(value=7)


class FullAtTheEnd(SqliteStore):
    """A disk that has no room for the last event of a run."""

    async def append(self, log: str, record: Mapping[str, Any], *, key: str | None = None) -> bool:
        if record["kind"] == "RunFinished":
            raise StoreError("the disk is full.")
        return await super().append(log, record, key=key)


@pytest.mark.parametrize("node", [flow, solve, solve.vote(2), both(solve, solve)], ids=repr)
async def test_an_end_that_was_lost_is_found(tmp_path: Path, node: Any) -> None:
    """A run whose end alone is missing has its result when it is resumed, and asks nobody."""
    path, models = tmp_path / "store.db", {"slm": Scripted(length_of_question, confidence=0.9)}
    checkpoints = f"sqlite:///{tmp_path / 'c.db'}"
    async with System(models, store=FullAtTheEnd(str(path)), checkpoints=checkpoints) as system:
        with pytest.raises(StoreError, match="full"):
            await system.run(node, ASK, run_id="x")
    before = len(asked(models))
    store = open_store(f"sqlite:///{path}")
    async with System(models, store=store, checkpoints=checkpoints) as system:
        run = await system.run(node, resume="x")
        assert run.ok
        assert len(asked(models)) == before
        assert run.confidence == 0.9
        whole: Run[Any] = await system.run(node, ASK)
        assert run.output == whole.output


async def test_a_vote_that_failed_fails_again_the_same_way(tmp_path: Path) -> None:
    """What the samples of a vote failed by is the same where the run was cut off before its end."""
    path, down[:] = tmp_path / "store.db", [ASK.text]
    checkpoints, node = f"sqlite:///{tmp_path / 'c.db'}", solve.vote(2)
    models = {"slm": Scripted(reply)}
    async with System(models, store=FullAtTheEnd(str(path)), checkpoints=checkpoints) as system:
        with pytest.raises(StoreError, match="full"):
            await system.run(node, ASK, run_id="x")
    store = open_store(f"sqlite:///{path}")
    async with System(models, store=store, checkpoints=checkpoints) as system:
        run = await system.run(node, resume="x")
        assert (run.status, run.error) == ("failed", f"{ASK.text} is down.")
        down.clear()
        assert (await system.run(node, resume="x")).ok


async def test_what_cannot_be_resumed_says_why(system: System) -> None:
    """Each mistake is named in one line, before anything is asked or written."""
    assert system.ledger is not None
    run = await system.run(solve, ASK, run_id="a/b ~#?")
    assert run.ok
    before = len([*system.ledger.events()])
    with pytest.raises(UserError, match="There is no run 'nothing'"):
        await system.run(solve, resume="nothing")
    with pytest.raises(UserError, match=r"There is a run 'a/b ~#\?' already"):
        await system.run(solve, ASK, run_id="a/b ~#?")
    with pytest.raises(UserError, match="waits for no answer"):
        await system.run(solve, resume="a/b ~#?", answer=1)
    with pytest.raises(UserError, match="Was it a run of another graph"):
        await system.run(words, resume="a/b ~#?")
    with pytest.raises(UserError, match="is not an id"):
        await system.run(solve, ASK, run_id=" ")
    assert len([*system.ledger.events()]) == before
    with pytest.raises(UserError, match="only with a store"):
        await System(system.models).run(solve, resume="x")
    with pytest.raises(UserError, match="only with a store"):
        await System(system.models).run(solve, ASK, run_id="x")


async def test_ids_of_runs_do_not_meet(system: System) -> None:
    """Calls of runs whose ids look like places in another run are told apart, and both are paid."""
    for run_id in ("a", "a/solve", "a/solve#0", "a%2Fsolve"):
        assert (await system.run(solve, ASK, run_id=run_id)).ok
    tasks = [Question(text="a"), Question(text="b")]
    await system.run(words >> solve.each(), Question(text="a b"), run_id="b")
    await system.run(solve.each(), tasks, run_id="b/each-solve")
    assert system.ledger is not None
    calls = [r.event for r in system.ledger.events(Call)]
    assert len(calls) == 4 + 2 + 2
    assert await system.budgets.rebuild() == {}
