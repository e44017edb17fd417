"""Patterns, which run their parts by code of their own, and judges as checks."""

import asyncio
from typing import Any

import pytest

from agentsys import Agent, Budget, System, step
from agentsys.models.base import Reply, Request
from agentsys.models.scripted import Scripted
from agentsys.node import Node
from agentsys.pattern import Inside, Pattern
from agentsys.stores import open_store
from agentsys.verdict import Candidate, Verdict


class Twice(Pattern[str, str]):
    """Its part on two halves of a text, side by side."""

    name, takes, gives = "twice", str, str

    def __init__(self, part: Node[str, str]) -> None:
        self.part = part

    @property
    def parts(self) -> tuple[Node[Any, Any], ...]:
        return (self.part,)

    @property
    def uses(self) -> tuple[int | None, ...]:
        return (2,)

    async def conduct(self, value: str, inside: Inside) -> str:
        middle = len(value) // 2
        halves = value[:middle], value[middle:]
        found = await inside.side_by_side(
            inside.run(self.part, half, "half", i) for i, half in enumerate(halves)
        )
        for tried in found:
            if tried.short is not None:
                inside.shorten(tried.short)
                return "cut"
            inside.accept(tried)
        return "".join(tried.output for tried in found)


def shout(request: Request) -> str:
    """The last message in capitals."""
    return request.messages[-1].content.upper()


def system(script: Any = shout, **more: Any) -> System:
    """With one tier."""
    return System({"slm": Scripted(script, **more), "llm": Scripted(lambda _r: "FROM THE LLM")})


speak = Agent(str, str, "Speak.", name="speak")


def test_a_pattern_runs_its_parts_and_nests() -> None:
    """In a pipe, on each item, inside a check and inside another pattern."""
    run = system().run_sync((Twice(Twice(speak)) >> speak).each(), ["abcd", "efgh"])
    assert (run.output, run.cost.calls) == (["ABCD", "EFGH"], 10)
    checked = Twice(speak).check(lambda _t, out: out == "AB" or "not so.")
    assert system().run_sync(checked, "ab").ok
    assert system().run_sync(checked, "xy").status == "abstained"


def test_what_a_part_doubts_is_doubted() -> None:
    """An accepted part of low confidence makes the run one."""
    unsure = Agent(str, str, "Speak.", name="speak", min_confidence=0.9)
    run = system(confidence=0.5).run_sync(Twice(unsure), "ab")
    assert (run.status, run.output) == ("low_confidence", "AB")


def test_a_budget_that_ends_inside_leaves_an_output() -> None:
    """The pattern says what there is, and the run says why it stopped."""
    run = system().run_sync(Twice(speak), "ab", budget=Budget(calls=1))
    assert (run.status, run.output, run.cost.calls) == ("budget_exceeded", "cut", 1)


class Stalled(Scripted):
    """Answers the first request only."""

    def __init__(self, script: Any) -> None:
        super().__init__(script)
        self.asked: list[str] = []
        self.second = asyncio.Event()

    async def ask(self, request: Request) -> Reply:
        """The reply to the first."""
        self.asked.append(request.messages[-1].content)
        if len(self.asked) > 1:
            self.second.set()
            await asyncio.Event().wait()
        return await super().ask(request)


async def test_a_resumed_pattern_repeats_nothing(tmp_path: Any) -> None:
    """A part that had finished when the run was cut off is not asked for again."""
    url = f"sqlite:///{tmp_path}/runs.db"
    stalled = Stalled(shout)
    first = System({"slm": stalled}, store=open_store(url))
    going = asyncio.create_task(first.run(Twice(speak), "ab", run_id="r"))
    await stalled.second.wait()
    going.cancel()
    with pytest.raises(asyncio.CancelledError):
        await going
    again = System({"slm": Scripted(shout)}, store=open_store(url))
    run = await again.run(Twice(speak), "ab", resume="r")
    assert (run.output, stalled.asked) == ("AB", ["a", "b"])
    assert run.cost.calls == 3


@step
async def strict(candidate: Candidate[str, str]) -> Verdict:
    """Only the large model's answers are right; of none it cannot tell."""
    if not candidate.answer:
        return Verdict(label="unknown", reason="nothing to see.")
    right = candidate.answer == "FROM THE LLM"
    return Verdict(label="correct" if right else "incorrect", reason="too loud.", judge="strict")


def test_a_judge_is_a_check() -> None:
    """Its objection is put to the model, then the next tier is asked; the judge asks its own."""
    run = system().run_sync(speak.check(strict).escalate("llm"), "ab")
    assert (run.output, run.path) == ("FROM THE LLM", ("speak@slm", "speak@llm"))
    heard: list[str] = []

    def stubborn(request: Request) -> str:
        heard.append(request.messages[-1].content)
        return "NO"

    run = system(stubborn).run_sync(speak.check(strict), "ab")
    assert run.status == "abstained"
    assert "strict finds it wrong: too loud." in heard[-1]


def test_a_judge_that_cannot_tell_makes_an_answer_doubtful() -> None:
    """The answer is kept."""
    run = system(lambda _r: "").run_sync(speak.check(strict), "ab")
    assert (run.status, str(run.error)) == ("low_confidence", "nothing to see.")


asks = Agent(Candidate[str, str], Verdict, "Judge.", tier="llm", name="asks")


def test_an_answer_that_cannot_be_judged_any_more_is_handed_back() -> None:
    """It is paid for; the run says which budget had no room for the judge."""
    judged = speak.check(asks)
    run = system().run_sync(judged, "ab", budget=Budget(calls=1))
    assert (run.status, run.output, run.cost.calls) == ("budget_exceeded", "AB", 1)
    own = system().run_sync(speak.check(asks.within(Budget(tokens=1))), "ab")
    assert (own.status, own.output) == ("budget_exceeded", "AB")
