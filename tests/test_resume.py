"""Runs that are cut off go on where they were: nothing is lost, repeated or paid twice."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest

from agentsys import Run, UserError
from agentsys.events import Call, RunStarted, StepFinished, ToolCall
from agentsys.ledger import Ledger
from agentsys.stores import open_store
from tests.survivor import GRAPHS, TASK, Nursery, Order, Place, Text, carry_out, nursery

MOMENTS = 20
DELAY_S = 0.006
"""Kills come so long after an event at most, which is about as long as a call takes."""


@pytest.fixture(scope="module")
def processes() -> Iterator[Nursery]:
    with nursery() as opened:
        yield opened


@pytest.fixture(params=["sqlite", "redis"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    redis = request.param == "redis"
    store = request.getfixturevalue("redis_url") if redis else f"sqlite:///{tmp_path / 'store.db'}"
    return Place(store, f"sqlite:///{tmp_path / 'checkpoints.db'}", str(tmp_path / "effects"))


@pytest.fixture
def here(tmp_path: Path) -> Place:
    checkpoints = f"sqlite:///{tmp_path / 'checkpoints.db'}"
    return Place(f"sqlite:///{tmp_path / 'store.db'}", checkpoints, str(tmp_path / "effects"))


def calls_of(place: Place, run_id: str) -> dict[str, Call]:
    """The run's calls by their place in it; a second one of the same place fails."""
    calls: dict[str, Call] = {}
    for recorded in Ledger(open_store(place.store)).events(Call, run_ids=[run_id]):
        call = recorded.event
        assert isinstance(call, Call)
        name = call.call_id.partition("/")[2]
        assert name not in calls
        calls[name] = call
    return calls


def done_in(place: Place, run_id: str) -> tuple[set[str], set[str]]:
    """The steps and the uses of tools that the ledger says have finished."""
    events = [r.event for r in Ledger(open_store(place.store)).events(run_ids=[run_id])]
    steps = {event.node for event in events if isinstance(event, StepFinished)}
    return steps, {str(event.args["word"]) for event in events if isinstance(event, ToolCall)}


def newest(place: Place) -> str:
    """The id of the run that was begun last."""
    started = [r.event for r in Ledger(open_store(place.store)).events(RunStarted)]
    assert isinstance(started[-1], RunStarted)
    return started[-1].run_id


async def to_the_end(order: Order) -> Run[object]:
    """Resume it, and have every tool repeated that was cut off."""
    run = await carry_out(replace(order, resume=True, kill_at=0))
    while run.status == "interrupted":
        assert run.questions[0].question["tool"] == "register"
        run = await carry_out(replace(order, resume=True, kill_at=0, answer="repeat"))
    return run


async def test_killed_at_twenty_moments(place: Place, processes: Nursery) -> None:
    """Whenever a run is killed, it ends as if it had not been, and pays for nothing twice."""
    random = Random(f"moments {place.store.partition(':')[0]}")
    whole = await carry_out(Order(place, "whole"))
    assert whole.status == "low_confidence"
    expected = calls_of(place, "whole")
    assert {call.error for call in expected.values()} == {"", "Unreachable"}
    assert {call.decision for call in expected.values()} >= {"tool", "repair", "escalate"}
    system, _ = place.system()
    assert system.ledger is not None
    events = len([*system.ledger.events(run_ids=["whole"])])
    once, killed = place.effects_done(), 0
    for moment in range(MOMENTS):
        durable, file = moment % 2 == 0, f"{place.effects}-{moment}"
        order = Order(
            replace(place, effects=file),
            f"run-{moment}",
            durable=durable,
            kill_at=1 + (events - 3) * moment // MOMENTS + random.randrange(2),
            delay_s=random.random() * DELAY_S,
        )
        killed += processes.carry_out(order) == -9
        order = replace(order, run_id=order.run_id if durable else newest(place))
        steps, tools = done_in(place, order.run_id)
        paid = calls_of(place, order.run_id)
        before = order.place.effects_done()
        if random.random() < 0.3:  # and once more, while it is resumed
            again = replace(order, resume=True, kill_at=random.randrange(2, 8))
            assert processes.carry_out(again) in (-9, 0)
        run = await to_the_end(order)
        assert (run.status, run.value, run.confidence) == ("low_confidence", whole.value, 0.8)
        assert run.error == whole.error
        calls = calls_of(place, order.run_id)
        assert {**calls, **paid} == calls
        assert asked(calls) == asked(expected)
        assert {call.call_id: call for call in run.attempts} == {
            call.call_id: call for call in calls.values()
        }
        assert (run.cost.nano_usd, run.cost.calls) == (whole.cost.nano_usd, whole.cost.calls)
        after = order.place.effects_done()
        for effect in once:
            kind, _, word = effect.partition(" ")
            finished = kind in steps or word in tools
            assert after[effect] >= 1
            assert not finished or after[effect] == before[effect] == 1
    assert killed >= MOMENTS - 2  # on a busy machine one may be too late
    balances = await system.store.balances() if system.store else {}
    assert balances["total"].held.calls == 0
    assert balances["total"].spent.calls == (MOMENTS + 1) * whole.cost.calls
    assert await system.budgets.rebuild() == {}
    await system.close()


def asked(calls: dict[str, Call]) -> dict[str, tuple[str, str, str, int]]:
    """What was asked where, and what came of it."""
    return {
        name: (call.digest, call.decision, call.text, call.nano_usd) for name, call in calls.items()
    }


async def test_a_tool_that_was_cut_off_is_repeated_on_demand(
    here: Place, processes: Nursery
) -> None:
    """A tool that may have done its work is used again only if a human says so, each time."""
    order = Order(here, "x", graph="register", kill_at="ToolStarted", delay_s=0.003)
    assert processes.carry_out(order) == -9
    done = here.effects_done()["register " + TASK]
    run = await carry_out(replace(order, resume=True, kill_at=0))
    assert run.status == "interrupted"
    assert "'repeat'" in run.questions[0].question["question"]
    assert run.questions[0].question["args"] == {"word": TASK}
    assert here.effects_done()["register " + TASK] == done
    again = replace(order, resume=True, answer="repeat")
    assert processes.carry_out(again) == -9
    run = await carry_out(replace(order, resume=True, kill_at=0))
    assert run.status == "interrupted"
    run = await carry_out(replace(again, kill_at=0))
    assert run.status == "low_confidence"
    assert [call.executable for call in run.tool_calls] == [True]
    assert run.cost.calls == 2


async def test_a_tool_that_was_cut_off_is_skipped_on_demand(
    here: Place, processes: Nursery
) -> None:
    """Where a human says so, the model is told that nobody knows, and goes on."""
    order = Order(here, "x", graph="register", kill_at="ToolStarted", delay_s=0.002)
    assert processes.carry_out(order) == -9
    done = here.effects_done()
    assert (await carry_out(replace(order, resume=True, kill_at=0))).status == "interrupted"
    order = replace(order, resume=True, kill_at=0)
    unclear = await carry_out(replace(order, answer="maybe"))
    assert unclear.status == "interrupted"
    run = await carry_out(replace(order, answer="skip"))
    assert [call.executable for call in run.tool_calls] == [False]
    assert "whether it did its work is not known" in run.tool_calls[0].observation
    assert here.effects_done() == done


async def test_an_idempotent_tool_is_repeated_without_asking(
    here: Place, processes: Nursery
) -> None:
    """A tool that may be used twice is used again where it was cut off."""
    order = Order(here, "x", graph="count", kill_at="Call", delay_s=0.002)
    assert processes.carry_out(order) == -9
    run = await carry_out(replace(order, resume=True, kill_at=0))
    assert run.ok
    assert here.effects_done()["count " + TASK] in (1, 2)


@pytest.mark.parametrize("durable", [True, False])
async def test_several_questions_are_answered_one_by_one(
    here: Place, processes: Nursery, durable: bool
) -> None:
    """Items that ask all wait; each answer, given in another process, reaches its own item."""
    order = Order(here, "x", graph="approval", durable=durable)
    assert processes.carry_out(order) == 0
    order = replace(order, run_id=newest(here), resume=True)
    for left in (5, 4, 3, 2):
        run = await carry_out(order)
        assert run.status == "interrupted"
        assert len(run.questions) == left
        wanted = run.questions[0].question["approve"]
        assert processes.carry_out(replace(order, answer=f"yes to {wanted}")) == 0
    run = await carry_out(replace(order, answer="at last"))
    assert run.ok
    assert run.cost.calls == 5
    assert here.effects_done()["words"] == 1
    # An item without an answer is run again, and stops at its question; one with it goes on.
    lengths = sorted(len(word) for word in TASK.split())
    said = sorted(effect for effect in here.effects_done() if effect.startswith("approved yes"))
    assert len(said) <= len(lengths)


@pytest.mark.parametrize("graph", ["guarded", "ask"])
async def test_a_question_inside_goes_through(here: Place, processes: Nursery, graph: str) -> None:
    """A step in a guarded node and a tool can ask; what was paid is not paid again."""
    order = Order(here, "x", graph=graph)
    assert processes.carry_out(order) == 0
    asked_for = await carry_out(replace(order, resume=True))
    assert asked_for.status == "interrupted"
    assert processes.carry_out(replace(order, resume=True, answer="yes")) == 0
    run = await carry_out(replace(order, resume=True))
    assert run.ok
    assert run.cost.calls == (5 if graph == "guarded" else 2)
    done = here.effects_done()
    assert done["approved yes"] + done["answered yes"] == 1


async def test_a_finished_run_gives_its_result(here: Place) -> None:
    """Resuming what is finished asks nobody and gives the same run."""
    whole = await carry_out(Order(here, "x"))
    system, models = here.system()
    async with system:
        again = await system.run(GRAPHS["flow"], resume="x")
    assert replace(again, cause=None) == replace(whole, cause=None)
    assert [model.asked for model in models] == [0, 0]


async def test_two_cannot_work_on_one_run(here: Place) -> None:
    """While a run is worked on, here or anywhere, nobody else takes it up."""
    system, _ = here.system()
    async with system:
        under_way = asyncio.ensure_future(
            system.run(GRAPHS["register"], Text(text=TASK), run_id="x")
        )
        await asyncio.sleep(0.005)
        with pytest.raises(UserError, match="worked on by process"):
            await system.run(GRAPHS["register"], resume="x")
        assert (await under_way).has_output
