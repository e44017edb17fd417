"""The same graphs on every back end whose tier `slm` knows what `rules` knows."""

import asyncio
import re

import pytest
from pydantic import BaseModel, Field, create_model

from agentsys import Agent, Run, System, step
from agentsys.events import Call
from agentsys.money import Spend
from agentsys.node import Check
from agentsys.project import find
from agentsys.tools.tool import Tool
from tests.models.backends import BackEnd
from tests.models.trouble_conformance import cancelled


class Question(BaseModel):
    text: str


class Solution(BaseModel):
    expression: str = Field(max_length=120, pattern=r"^[0-9+*/()-]+$")


class Number(BaseModel):
    value: int | float


def own_numbers(question: Question, solution: Solution) -> bool | str:
    """It uses the numbers of the question, each once."""
    given, used = (
        sorted(re.findall(r"\d+", text)) for text in (question.text, solution.expression)
    )
    return given == used or f"the expression has the numbers {used}."


def second_opinion() -> Check[Question, Solution]:
    """A check that takes what two have said."""
    seen: set[str] = set()

    def agreed(_: Question, solution: Solution) -> bool | str:
        if solution.expression in seen:
            return True
        seen.add(solution.expression)
        return "a second opinion is wanted."

    return agreed


def pens(boxes: int) -> Question:
    """A question that `boxes*12-7` answers."""
    text = f"Mia has {boxes} boxes of 12 pens and gives 7 away. How many pens are left?"
    return Question(text=text)


def ready_made(name: str) -> Tool[..., object]:
    """A tool that comes with agentsys."""
    found = find("tool", name).value
    assert isinstance(found, Tool)
    return found


MOUNTAIN = Question(text="How many meters high is Mount Dosnim?")

ASK = "Answer with one arithmetic expression."
solve = Agent(Question, Solution, ASK, max_tokens=160).check(own_numbers)
at_once = Agent(Question, Solution, ASK, max_tokens=160, repairs=0).check(own_numbers)
abandoned = Agent(Question, Solution, ASK, tier="gone", max_tokens=160)
brief = Agent(Question, Solution, ASK, max_tokens=3)
with_tools = Agent(
    Question,
    Number,
    "Search or work it out.",
    tools=[ready_made("python"), ready_made("search")],
    steps=4,
    max_tokens=160,
)


@step
async def another(_: Solution) -> Question:
    """Ask on."""
    return pens(5)


class GraphConformance:
    """The suite. Subclass it and give the fixtures `backend` and `system`, one on the other."""

    async def test_an_agent_with_checks_answers(self, backend: BackEnd, system: System) -> None:
        """One call, valid and accepted, as sure as its tokens are."""
        run = await system.run(solve, pens(4))
        assert (run.status, run.output.expression) == ("ok", "4*12-7")
        [call] = run.attempts
        assert (call.schema_valid, call.decision, call.guided) == (True, "accept", backend.guided)
        assert run.path == ("solution@slm",)
        assert (run.confidence is not None) == backend.gives_tokens
        assert 0 < (run.confidence or 1) <= 1

    @pytest.mark.parametrize(
        ("question", "tool", "value"),
        [(pens(4), "python", 41), (MOUNTAIN, "search", 3407)],
        ids=["python", "search"],
    )
    async def test_a_tool_loop_uses_the_right_tool(
        self, system: System, question: Question, tool: str, value: int
    ) -> None:
        """Of two: it is asked for, it runs, and the answer is made of what it gave."""
        run = await system.run(with_tools, question)
        assert (run.status, run.output.value) == ("ok", value)
        assert [(call.tool, call.executable) for call in run.tool_calls] == [(tool, True)]
        assert str(value) in run.tool_calls[0].observation
        assert [call.decision for call in run.attempts] == ["tool", "accept"]
        assert all(call.schema_valid for call in run.attempts)

    async def test_a_failed_check_escalates(self, system: System) -> None:
        """The next tier is told the attempt with the reason, and passes the check."""
        run = await system.run(at_once.check(second_opinion()).escalate("llm"), pens(4))
        assert said(run) == "4*12-7"
        assert run.path == ("solution@slm", "solution@llm")
        first, last = run.attempts
        assert (first.decision, first.reason) == ("escalate", "a second opinion is wanted.")
        assert last.decision == "accept"
        assert last.tokens_in > first.tokens_in + first.tokens_out

    async def test_runs_side_by_side_answer_their_own_question(self, system: System) -> None:
        """Twenty runs at once, of different questions."""
        boxes = range(2, 22)
        runs = await asyncio.gather(*(system.run(solve, pens(n)) for n in boxes))
        assert [said(run) for run in runs] == [f"{n}*12-7" for n in boxes]

    async def test_a_run_costs_what_the_server_counted(
        self, backend: BackEnd, system: System
    ) -> None:
        """All calls of all its agents, in the result, the ledger and the budget."""
        before = backend.server and backend.server.counted()
        first = at_once.check(second_opinion()).escalate("llm")
        run = await system.run(first >> another >> with_tools, pens(4))
        assert (run.ok, run.cost.calls) == (True, 4)
        booked = [call.spend for call in recorded(system)]
        spent = sum(booked, start=Spend())
        assert spent.tokens == run.cost.tokens_in + run.cost.tokens_out
        assert spent.nano_usd == run.cost.nano_usd == await spent_of(system)
        if backend.server is not None and before is not None:
            await backend.server.idle()
            after = backend.server.counted()
            assert run.cost.tokens_in == after.tokens_in - before.tokens_in
            assert run.cost.tokens_out == after.tokens_out - before.tokens_out

    async def test_a_reply_that_is_cut_off_fails_the_run(self, system: System) -> None:
        """It says so, and is paid for."""
        run = await system.run(brief, pens(4))
        assert (run.status, errors(run)) == ("failed", ["Truncated"])
        assert "cut off" in run.error
        assert run.cost.tokens_out == 3
        assert run.cost.nano_usd > 0

    async def test_cancelled_runs_are_booked(self, backend: BackEnd, system: System) -> None:
        """With what they had taken; nothing stays held, and the next run is answered."""
        if not backend.endless:
            pytest.skip("it answers at once")
        letters = Field(pattern=f"^a{{{backend.endless}}}$")
        kind = create_model("Endless", text=(str, letters))
        agent = Agent(Question, kind, "Go on.", tier="long", max_tokens=backend.longest)
        await cancelled(
            backend,
            lambda: system.run(agent, pens(4)),
            lambda _: len([c for c in recorded(system) if c.tokens_in]) >= backend.places,
        )
        # Before those that were cancelled at work, others may have come to their end.
        calls = recorded(system)
        assert [call.decision for call in calls[-backend.places :]] == ["cancel"] * backend.places
        assert all(call.nano_usd > 0 for call in calls if call.tokens_in)
        assert await spent_of(system) == sum(call.nano_usd for call in calls)
        assert (await system.run(solve, pens(4))).ok

    async def test_a_question_that_is_too_long_fails_the_run(
        self, backend: BackEnd, system: System
    ) -> None:
        """It is not asked again."""
        if not backend.context:
            pytest.skip("it takes prompts of any length")
        run = await system.run(solve, Question(text="word " * backend.context))
        assert (run.status, errors(run)) == ("failed", ["Rejected"])

    async def test_the_next_tier_answers_where_nobody_is_there(self, system: System) -> None:
        """An agent without another tier fails, and says who could not be reached."""
        if "gone" not in system.models:
            pytest.skip("it runs in this process")
        alone = await system.run(abandoned, pens(4))
        assert (alone.status, errors(alone)) == ("failed", ["Unreachable"])
        assert alone.cost.nano_usd == 0
        run = await system.run(abandoned.escalate("slm"), pens(4))
        assert said(run) == "4*12-7"
        assert run.path == ("solution@gone", "solution@slm")


def said(run: Run[Solution]) -> str:
    """The answer, or why there is none."""
    return run.output.expression if run.ok else run.error


def errors(run: Run[Solution]) -> list[str]:
    """What came in place of replies."""
    return [call.error for call in run.attempts]


def recorded(system: System) -> list[Call]:
    """The calls in the ledger."""
    assert system.ledger is not None
    events = (found.event for found in system.ledger.events(Call))
    return [event for event in events if isinstance(event, Call)]


async def spent_of(system: System) -> int:
    """Nano-dollars that the budget of everything has booked."""
    assert system.store is not None
    return (await system.store.balances(["total"]))["total"].spent.nano_usd
