"""What had finished in a run answers from its journal: in every combination, and of every type."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import Any, TypedDict

import pytest
from pydantic import BaseModel, ConfigDict, Field, computed_field

from agentsys import (
    Abstain,
    Agent,
    Budget,
    Node,
    Run,
    System,
    both,
    from_langgraph,
    interrupt,
    open_store,
    step,
)
from agentsys.events import Call
from agentsys.models.scripted import Script, Scripted
from tests.shapes import ASK, Answer, Question, add, double, length_of_question, solve, total, words

broken: list[bool] = []
"""Whether the last step breaks."""
counted: list[str] = []
"""The steps that were run."""


@pytest.fixture(autouse=True)
def fresh() -> None:
    broken[:] = [True]
    counted.clear()


@step
async def last(answer: Answer) -> Answer:
    """Breaks the first time."""
    if broken and broken.pop():
        raise RuntimeError("the first time it breaks.")
    return answer


@step
async def counts(question: Question) -> Question:
    counted.append(question.text)
    return question


@step
async def first(pair: tuple[Answer, Answer]) -> Answer:
    return pair[0]


@step
async def nothing(question: Question) -> Answer:
    raise Abstain("there is nothing.")


def not_small(question: Question, answer: Answer) -> bool | str:
    return answer.value > 100 or "it is too small."


def foreign() -> Node[Question, Answer]:
    """A graph written by hand, which counts how often it is run."""
    from langgraph.graph import END, START, StateGraph

    class State(TypedDict, total=False):
        text: str
        value: int

    def measure(state: State) -> State:
        counted.append("foreign")
        return {"value": len(state.get("text", ""))}

    graph = StateGraph(State)
    graph.add_node("measure", measure)
    graph.add_edge(START, "measure")
    graph.add_edge("measure", END)
    return from_langgraph(graph.compile(), Question, Answer, name="foreign")


def sure(tool: str) -> Callable[[Any], Any]:
    """A model that uses a tool, then answers."""

    def script(request: Any) -> Any:
        if any("Result of" in message.content for message in request.messages):
            return {"final": {"value": len(request.messages)}}
        return {"tool": tool, "args": {"a": 1, "b": 2}}

    return script


def system_in(folder: Path, slm: Script = length_of_question, llm: Script = "", **more: Any):
    """A system of scripted models with a store and checkpoints in a folder."""
    models = {"slm": Scripted(slm, confidence=0.9), "llm": Scripted(llm)}
    store = open_store(f"sqlite:///{folder / 'store.db'}")
    return System(models, store=store, checkpoints=f"sqlite:///{folder / 'c.db'}", **more)


def requests(system: System) -> int:
    return sum(len(m.requests) for m in system.models.values() if isinstance(m, Scripted))


async def broken_and_resumed(
    node: Node[Any, Any], folder: Path, durable: bool, **models: Any
) -> tuple[Run[Any], int]:
    """A run that breaks and is resumed, and how much was asked for that."""
    async with system_in(folder, **models) as system:
        run = await system.run(node, ASK, run_id="x" if durable else None)
        assert "the first time it breaks" in run.error
    async with system_in(folder, **models) as system:
        return await system.run(node, resume=run.run_id), requests(system)


careful = solve.check(not_small).escalate("llm")
large = {"llm": {"value": 101}}
COMBINED: dict[str, tuple[Node[Question, Answer], dict[str, Any]]] = {
    "agent": (solve >> last, {}),
    "tools": (
        Agent(Question, Answer, "Add.", tools=[add], min_confidence=0.95, name="adds") >> last,
        {"slm": sure("add")},
    ),
    "repaired": (careful >> last, large),
    "both": (both(solve >> double, solve.vote(2)) >> first >> last, {}),
    "each": (
        words >> (counts >> solve.check(not_small).escalate("llm")).each() >> total >> last,
        large,
    ),
    "votes": ((words >> solve.vote(3).each(limit=2) >> total).vote(2) >> last, {}),
    "guarded": (
        (counts >> solve.vote(3) >> double).check(not_small).escalate("llm") >> last,
        large,
    ),
    "inside": (((counts >> solve).within(Budget(calls=9)) >> last).at("slm").vote(1), {}),
    "foreign": (counts >> foreign() >> last, {}),
}


@pytest.mark.parametrize("durable", [True, False])
@pytest.mark.parametrize("name", COMBINED)
async def test_nothing_is_done_again(name: str, durable: bool, tmp_path: Path) -> None:
    """In every combination, a resumed run asks nobody again and ends as if it had not broken."""
    node, models = COMBINED[name]
    run, asked = await broken_and_resumed(node, tmp_path / "broken", durable, **models)
    done, counted[:] = counted[:], []
    async with system_in(tmp_path / "whole", **models) as system:
        whole = await system.run(node, ASK)
    assert run.status == whole.status
    assert asked == 0
    assert done == counted
    assert (run.value, run.confidence, run.error) == (whole.value, whole.confidence, whole.error)
    assert run.path == whole.path
    assert kept(run.attempts) == kept(whole.attempts)
    assert kept(run.tool_calls) == kept(whole.tool_calls)
    assert replace(run.cost, seconds=0) == replace(whole.cost, seconds=0)


def kept(events: Iterable[Any]) -> dict[str, Any]:
    """Events by their place in the run, without what differs from run to run."""
    own: dict[str, Any] = {"run_id": "", "call_id": "", "seconds": 0}
    return {
        event.call_id.partition("/")[2]: replace(
            event, **own, **({"accounts": ()} if isinstance(event, Call) else {})
        )
        for event in events
    }


class Colour(Enum):
    RED = "red"


@dataclass(frozen=True)
class Point:
    x: int
    y: tuple[int, ...] = ()


class Odd(BaseModel):
    model_config = ConfigDict(extra="forbid")
    named: int = Field(0, alias="Name")
    day: date = date(2026, 11, 20)
    price: Decimal = Decimal("1.10")
    colour: Colour = Colour.RED
    many: frozenset[str] = frozenset({"a", "b"})
    point: Point = Point(1, (2, 3))


class Derived(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)
    x: int

    @computed_field
    @property
    def twice(self) -> int:
        return 2 * self.x


ODD: list[tuple[Any, Any]] = [
    (None, type(None)),
    (Odd(Name=7), Odd),
    (Derived(x=3), Derived),
    ([Odd(Name=1), Derived(x=2)], list[Odd | Derived]),
    ((1, Point(2)), tuple[int, Point]),
    ({1: {Colour.RED}}, dict[int, set[Colour]]),
    (b"bytes", bytes),
    (float("inf"), float),
    (Colour.RED, Colour),
    ("\ud800 \0", str),
]


@pytest.mark.parametrize("durable", [True, False])
@pytest.mark.parametrize(("value", "kind"), ODD, ids=[str(kind) for _, kind in ODD])
async def test_outputs_of_odd_types(value: Any, kind: Any, durable: bool, tmp_path: Path) -> None:
    """What a step gave is the same after a resumption, whatever JSON makes of it."""

    async def given(question: Question) -> Any:
        counted.append("given")
        return value

    async def seen(got: Any) -> Answer:
        assert got == value
        assert type(got) is type(value)
        if broken.pop():
            interrupt("Go on?")
        return Answer(value=1)

    given.__annotations__["return"] = seen.__annotations__["got"] = kind
    node = step(given) >> step(seen)
    async with system_in(tmp_path) as system:
        run = await system.run(node, ASK, run_id="x" if durable else None)
        assert run.status == "interrupted", run.error
    broken[:] = [False]
    async with system_in(tmp_path) as system:
        run = await system.run(node, resume=run.run_id)
    assert run.ok, run.error
    assert counted == ["given"]


async def test_a_changed_prompt_is_asked_anew(tmp_path: Path) -> None:
    """What another request was answered with is no answer to this one; the old one stays paid."""
    async with system_in(tmp_path) as system:
        run = await system.run(solve >> last, ASK, run_id="x")
        assert run.status == "failed"
        changed = Agent(Question, Answer, "Give another number.", name="solve") >> last
        run = await system.run(changed, resume="x")
        assert run.ok
        assert requests(system) == run.cost.calls == 2
        assert len({call.call_id for call in run.attempts}) == 2


async def test_a_cut_off_graph_that_has_changed_begins_anew(tmp_path: Path) -> None:
    """LangGraph's state of another graph is not gone on with; the journal still answers."""

    @step
    async def asks(answer: Answer) -> Answer:
        return Answer(value=answer.value + int(interrupt("How many more?")))

    async with system_in(tmp_path) as system:
        run = await system.run(counts >> solve >> asks, ASK, run_id="x")
        assert run.status == "interrupted"
        run = await system.run(counts >> solve >> double >> asks, resume="x", answer=1)
        assert run.output == Answer(value=2 * len(ASK.text) + 1)
        assert counted == [ASK.text]
        assert run.cost.calls == 1


async def test_a_step_with_another_input_is_run_again(tmp_path: Path) -> None:
    """A step's output counts only for the input that it was given for."""

    @step
    async def other(question: Question) -> Question:
        return Question(text=question.text + "!")

    async with system_in(tmp_path) as system:
        run = await system.run(counts >> counts >> solve >> last, ASK)
        assert run.status == "failed"
        run = await system.run(other >> counts >> solve >> last, resume=run.run_id)
        assert run.output == Answer(value=len(ASK.text) + 1)
        assert counted == [ASK.text, ASK.text, ASK.text + "!"]


async def test_a_changed_question_is_asked_anew(tmp_path: Path) -> None:
    """An answer is to its question; another question waits for its own."""

    def asking(question: str) -> Node[Question, Answer]:
        @step
        async def asks(given: Question) -> Answer:
            return Answer(value=int(interrupt(question)) + int(interrupt("And more?")))

        return asks

    async with system_in(tmp_path) as system:
        run = await system.run(asking("How many?"), ASK)
        run = await system.run(asking("How many?"), resume=run.run_id, answer=1)
        assert [q.question for q in run.questions] == ["And more?"]
        run = await system.run(asking("How few?"), resume=run.run_id)
        assert [q.question for q in run.questions] == ["How few?"]
        run = await system.run(asking("How few?"), resume=run.run_id, answer=5)
        run = await system.run(asking("How few?"), resume=run.run_id, answer=2)
        assert run.output == Answer(value=7)
