"""Identical sub-tasks cost one call: within a run always, across runs for a time when asked."""

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from agentsys import Agent, Reply, Request, System, decompose, open_store
from agentsys.stores import Store
from tests.patterns.questions import SAID, Part, World, join, solve, split, world

same_words: Any = {"depends_on": lambda _: (), "key": lambda task: task.question}


@pytest.fixture(params=["sqlite", "redis"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "redis":
        return request.getfixturevalue("redis_url")
    return f"sqlite:///{tmp_path / 'store.db'}"


def answers(model: World) -> list[str]:
    return [task["question"] for task in model.told("Answer.")]


@pytest.mark.parametrize("at_once", [1, 8])
def test_the_same_sub_task_is_asked_once_in_a_run(at_once: int) -> None:
    """In one split, and in those of other items; its answer stands in every place."""
    system, model = world(said={"Split.": ("a", "b", "a")})
    flow = decompose(split, solve, join, depends_on=lambda _: ())
    run = system.run_sync(flow.each(limit=at_once), ["p", "p", "q"])
    assert run.output == ["A B A"] * 3
    assert sorted(answers(model)) == ["a", "a", "b", "b"]  # of p, and of q


def test_a_key_says_what_is_the_same() -> None:
    """Where the solver looks at the question alone, so do other problems."""
    system, model = world()
    run = system.run_sync(decompose(split, solve, join, **same_words).each(), ["p", "q"])
    assert (run.output, answers(model)) == (["A B C"] * 2, ["a", "b", "c"])


def test_answers_that_differ_are_not_shared() -> None:
    """A sub-question with other answers before it is another sub-task."""
    said = {"Split.": lambda p: ("a" if p == "p" else "z", "b")}
    system, model = world(said=said)
    system.run_sync(decompose(split, solve, join).each(), ["p", "q"])
    assert sorted(answers(model)) == ["a", "b", "b", "z"]


def test_what_is_objected_to_is_asked_again() -> None:
    """An attempt after an objection shares nothing with the one before it."""
    flow = decompose(split, Agent(Part, str, "Answer.", name="solve", tier="sure"), join)
    model = World(SAID)
    system = System({"slm": World(SAID), "sure": model})
    run = system.run_sync(flow.check(lambda *_: "not so."), "p")
    assert run.status == "abstained"
    assert answers(model) == ["a", "b", "c"] * 2
    last = model.requests[-1].messages[-1].content
    assert last == "That fails: not so. Answer again."


def test_samples_of_a_vote_share_nothing() -> None:
    """Each is drawn for itself; the items that one draws share."""
    system, model = world()
    run = system.run_sync(decompose(split, solve, join).vote(3), "p")
    assert (run.output, len(answers(model))) == ("A B C", 9)
    temperatures = {request.temperature for request in model.requests}
    assert temperatures == {0.0, 0.7}


async def test_settled_answers_hold_in_other_runs(url: str) -> None:
    """For a time, in all processes that share the store, with the confidence they had."""
    solve_surely = Agent(Part, str, "Answer.", name="solve", tier="sure")
    flow = decompose(split, solve_surely, join, remember=3600)
    first, model = world(sure=0.8, store=open_store(url))
    async with first:
        before = await first.run(flow, "p")
        again = await first.run(flow, "p")
    second, other = world(sure=0.3, store=open_store(url))
    async with second:
        run = await second.run(flow, "p")
        await second.run(flow, "another problem")
    assert before.output == again.output == run.output == "A B C"
    assert before.confidence == again.confidence == run.confidence == 0.8
    assert answers(model) == ["a", "b", "c"]
    assert [task["problem"] for task in other.told("Answer.")] == ["another problem"] * 3


async def test_tenants_and_teams_have_their_own(url: str) -> None:
    """What one has had answered nobody else sees, nor does any search."""
    flow = decompose(split, solve, join, remember=3600)
    system, model = world(store=open_store(url))
    async with system:
        for tenant, team in (("a", ""), ("b", ""), ("a", "x"), ("a", "")):
            await system.run(flow, "p", tenant=tenant, team=team)
        assert len(answers(model)) == 9
        assert await system.memory("a").entries() == []


async def test_doubtful_answers_do_not_hold(url: str) -> None:
    """Nor those that fail."""
    unsure = Agent(Part, str, "Answer.", name="solve", tier="sure", min_confidence=0.9)
    flow = decompose(split, unsure, join, remember=3600)
    system, model = world(sure=0.5, store=open_store(url))
    async with system:
        for _ in range(2):
            assert (await system.run(flow, "p")).status == "low_confidence"
    assert len(answers(model)) == 6


async def test_samples_are_not_taken_from_memory(url: str) -> None:
    """Nor kept there: only the first of a vote is what there would be without it."""
    flow = decompose(split, solve, join, remember=3600)
    system, model = world(store=open_store(url))
    async with system:
        await system.run(flow.vote(3), "p")
        assert len(answers(model)) == 9
        await system.run(flow.vote(3), "p")
    assert len(answers(model)) == 15


async def test_an_answer_holds_for_its_time_and_shape(url: str) -> None:
    """Afterwards it is asked anew, and so it is by another solver."""
    other = Agent(Part, str, "Answer.", name="solve", max_tokens=100)
    system, model = world(store=open_store(url))
    async with system:
        await system.run(decompose(split, solve, join, remember=3600), "p")
        await system.run(decompose(split, other, join, remember=3600), "p")
        assert len(answers(model)) == 6
        store = system.store
        assert store is not None
        assert await seconds_left(store) == pytest.approx(3600, abs=60)


async def seconds_left(store: Store) -> float:
    [space] = await store.spaces("answers/")
    values = [*(await store.values(space)).values()]
    assert len(values) == 6
    assert values[0].expires is not None
    return (values[0].expires - values[0].written) / timedelta(seconds=1)


class Slow(World):
    """Says when it is asked a sub-question, and answers when it may."""

    def __init__(self) -> None:
        super().__init__(SAID)
        self.begun, self.go_on = asyncio.Event(), asyncio.Event()

    async def ask(self, request: Request) -> Reply:
        """The reply, when it may be given."""
        if request.messages[0].content == "Answer.":
            self.begun.set()
            await self.go_on.wait()
        return await super().ask(request)


@pytest.mark.parametrize("cut_off", [False, True])
async def test_who_asks_the_same_at_the_same_time_waits(url: str, cut_off: bool) -> None:
    """And finds the answer; where the first one is cut off, the next one asks."""
    flow = decompose(split, solve, join, remember=3600)
    model = Slow()
    async with System({"slm": model}, store=open_store(url)) as system:
        runs = [asyncio.create_task(system.run(flow, "p")) for _ in range(3)]
        await model.begun.wait()
        if cut_off:
            runs.pop(0).cancel()
        model.go_on.set()
        assert [run.output for run in await asyncio.gather(*runs)] == ["A B C"] * len(runs)
    assert answers(model) == ["a", "b", "c"]


async def test_an_objection_is_not_met_from_memory(url: str) -> None:
    """What is remembered may be what was wrong: it is asked again, and the new answer holds."""
    flow = decompose(split, solve, join, remember=3600)
    system, model = world(store=open_store(url))
    async with system:
        await system.run(flow, "p")
        await system.run(flow.check(lambda *_: "not so."), "p")
    assert len(answers(model)) == 6


async def test_a_resumed_run_finds_what_it_found(url: str) -> None:
    """An answer that was found before the run was cut off stands, whatever is there by now."""
    flow = decompose(split, solve, join, remember=3600)
    async with world(store=open_store(url))[0] as system:
        await system.run(flow, "p")
    stuck = asyncio.Event()

    class Stuck(World):
        async def ask(self, request: Request) -> Reply:
            if request.messages[0].content == "Join.":
                stuck.set()
                await asyncio.Event().wait()
            return await super().ask(request)

    async with System({"slm": Stuck(SAID)}, store=open_store(url)) as system:
        going = asyncio.create_task(system.run(flow, "p", run_id="r"))
        await stuck.wait()
        going.cancel()
        await asyncio.gather(going, return_exceptions=True)
        store = system.store
        assert store is not None
        [space] = await store.spaces("answers/")
        for key in await store.values(space):
            await store.delete(space, key)
    system, model = world(store=open_store(url))
    async with system:
        run = await system.run(flow, resume="r")
    assert (run.output, answers(model)) == ("A B C", [])
