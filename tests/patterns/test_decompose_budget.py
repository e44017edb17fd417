"""A decomposition within a budget, cut off and resumed, and what it asks only once."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from agentsys import Budget, Reply, Request, System, decompose, interrupt, open_store, step
from tests.patterns.questions import (
    SAID,
    Part,
    World,
    asked,
    attempt,
    following,
    join,
    solve,
    split,
    world,
)

always = decompose(split, solve, join)
gated = decompose(split, solve, join, attempt=attempt)


@pytest.mark.parametrize("calls", range(7))
def test_a_cap_of_calls_is_kept(calls: int) -> None:
    """At most so many calls; the result says why it stopped, and hands back the best there is."""
    run = world()[0].run_sync(gated, "p", budget=Budget(calls=calls))
    assert run.cost.calls == min(calls, 6)
    if calls == 6:
        assert (run.status, run.output) == ("ok", "A B C")
    else:
        assert run.status == "budget_exceeded"
        assert "has no room for a call" in run.error
        assert run.value == (None if calls == 0 else "tried")


@pytest.mark.parametrize("calls", range(6))
def test_without_an_attempt_the_finished_answers_are_handed_back(calls: int) -> None:
    """They were paid for."""
    run = world()[0].run_sync(always, "p", budget=Budget(calls=calls))
    assert run.cost.calls == calls
    assert run.ok == (calls == 5)
    finished = ((0, "A"), (1, "B"), (2, "C"))[: max(0, calls - 1)]
    assert run.ok or (run.status, run.finished) == ("budget_exceeded", finished)


def test_side_by_side_keeps_the_cap_too() -> None:
    """However many could be asked at once."""
    flow = decompose(split, solve, join, depends_on=lambda _: ())
    run = world()[0].run_sync(flow, "p", budget=Budget(calls=3))
    assert (run.status, run.cost.calls) == ("budget_exceeded", 3)
    assert run.finished == ((0, "A"), (1, "B"))


def test_an_interleaved_decomposition_keeps_the_cap() -> None:
    """And hands back what it had found."""
    flow = decompose(following, solve, join, max_questions=9)
    run = world(said={"Next.": "q"})[0].run_sync(flow, "p", budget=Budget(calls=5))
    assert (run.status, run.cost.calls) == ("budget_exceeded", 5)
    assert run.finished == ((0, "Q"), (1, "Q"))


def test_a_budget_of_the_decomposition_alone() -> None:
    """`within` limits what it spends besides the attempt's calls elsewhere in the run."""
    run = world()[0].run_sync(always.within(Budget(calls=2)).each(), ["p", "q"])
    assert (run.status, run.cost.calls) == ("budget_exceeded", 2)


class Cut(World):
    """Answers so many requests, then none until it is cut off."""

    def __init__(self, answers: int, said: dict[str, Any]) -> None:
        super().__init__({**SAID, **said})
        self._left = answers
        self.stuck = asyncio.Event()

    async def ask(self, request: Request) -> Reply:
        """The reply, if there is one."""
        if not self._left:
            self.stuck.set()
            await asyncio.Event().wait()
        self._left -= 1
        return await super().ask(request)


FLOWS: dict[str, Any] = {
    "in turn": decompose(split, solve, join),
    "side by side": decompose(split, solve, join, depends_on=lambda _: ()),
    "one by one": decompose(following, solve, join, max_questions=4),
    "remembered": decompose(split, solve, join, remember=60),
    "on items": decompose(split, solve, join, depends_on=lambda _: (), key=lambda t: t.question),
}


def after(solved: Any) -> str | None:
    """Two sub-questions, the second of them made of the first answer."""
    answers = [known["answer"] for known in solved["answers"]]
    return None if len(answers) == 2 else f"{answers[0]}?" if answers else "a"


@pytest.mark.parametrize("answers", range(5))
@pytest.mark.parametrize("name", FLOWS)
async def test_a_resumed_decomposition_repeats_nothing(
    name: str, answers: int, tmp_path: Path
) -> None:
    """Wherever it was cut off: every call is made and paid once, and the result is the same."""
    flow, said = FLOWS[name], {"Next.": after}
    task: Any = ["p", "q"] if name == "on items" else "p"
    flow = flow.each() if name == "on items" else flow
    whole = await System({"slm": World({**SAID, **said})}).run(flow, task)
    url = f"sqlite:///{tmp_path}/runs.db"
    cut = Cut(answers, said)
    async with System({"slm": cut}, store=open_store(url)) as system:
        going = asyncio.create_task(system.run(flow, task, run_id="r"))
        await cut.stuck.wait()
        going.cancel()
        with pytest.raises(asyncio.CancelledError):
            await going
    again = World({**SAID, **said})
    async with System({"slm": again}, store=open_store(url)) as system:
        run = await system.run(flow, task, resume="r")
    assert (run.status, run.output) == ("ok", whole.output)
    assert len(again.requests) == whole.cost.calls - answers
    before = [asked(request) for request in cut.requests]
    assert not [request for request in again.requests if asked(request) in before]


async def test_a_larger_budget_goes_on_with_what_there_is(tmp_path: Path) -> None:
    """Sub-answers that were paid for before the budget ended are not asked for again."""
    system, model = world(store=open_store(f"sqlite:///{tmp_path}/runs.db"))
    async with system:
        run = await system.run(always, "p", run_id="r", budget=Budget(calls=3))
        assert (run.status, run.finished) == ("budget_exceeded", ((0, "A"), (1, "B")))
        run = await system.run(always, resume="r", budget=Budget(calls=5))
    assert (run.output, run.cost.calls, len(model.requests)) == ("A B C", 5, 5)


@pytest.mark.parametrize("depends_on", [None, lambda _: ()])
async def test_a_human_may_be_asked_a_sub_question(depends_on: Any, tmp_path: Path) -> None:
    """The run waits for each answer; the split is not asked for again."""

    @step
    async def human(part: Part) -> str:
        return str(interrupt(f"{part.question}?"))

    system, model = world(store=open_store(f"sqlite:///{tmp_path}/runs.db"))
    flow = decompose(split, human, join, depends_on=depends_on)
    async with system:
        run = await system.run(flow, "p", run_id="r")
        for question in ("a?", "b?", "c?"):
            assert run.questions[0].question == question
            run = await system.run(flow, resume="r", answer=question.upper())
    assert (run.output, len(model.told("Split."))) == ("A? B? C?", 1)
