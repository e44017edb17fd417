"""Recorded runs of real models: what is read, what each request is answered, and what it costs."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from agentsys import Agent, Budget, Run, System, agree, step
from agentsys.errors import NotRecorded, Rejected, Truncated, UnknownName, UserError
from agentsys.evaluation.recorded import RecordedModels, RecordedRuns, recorded_suite, routed
from agentsys.node import Node
from agentsys.project import catalog, find_graph
from tests.evaluation.recorded.conftest import TASKS, Write, call, said, usual


class Question(BaseModel):
    text: str


class Reply(BaseModel):
    reasoning: str
    answer: str


ask = Agent(Question, Reply, "Answer.", repairs=0, name="ask")
free = Agent(Question, str, "Answer.", repairs=0, name="free")


def question(n: int) -> Question:
    return Question(text=f"What is {n} and {n}?")


async def run(
    folder: Path,
    node: Node[Question, Any],
    n: int = 1,
    *,
    seed: int = 0,
    budget: Budget | None = None,
    slm: str = "small",
) -> Run[Any]:
    models = RecordedModels(RecordedRuns.load(folder), slm=[slm], llm="large")
    async with System(models) as system:
        return await system.run(node, question(n), seed=seed, budget=budget)


async def test_answer_of_the_task(write: Write) -> None:
    """A request is answered by the task that it is about and the model of its tier."""
    for n in (1, 2):
        found = await run(write(), ask, n)
        assert found.output.answer == str(2 * n)
        assert found.attempts[0].deployment == "small"


async def test_cost_on_record(write: Write) -> None:
    """Cost is tokens by price, or what is on record; seconds are those on record, if any."""
    plain = await run(write(), ask)
    assert plain.cost.usd == Decimal("0.00006")
    calls = [call(1, "small", said(2), usd=0.25, latency_s=1.5)]
    told = await run(write(calls), ask)
    assert told.cost.usd == Decimal("0.25")
    assert told.attempts[0].seconds == 1.5


async def test_fence_is_taken_off(write: Write) -> None:
    """A code fence around all of a reply is taken off where JSON is wanted, and kept in text."""
    assert (await run(write(), ask.at("llm"))).output.answer == "2"
    assert (await run(write(), free.at("llm"))).output == said(2, fenced=True)


async def test_json_input(write: Write) -> None:
    """An input with several fields is found as JSON, whatever the order of its fields."""

    class Pair(BaseModel):
        b: int
        a: int

    tasks = [{"task_id": "t1", "input": {"a": 1, "b": 1}, "reference": 2}]
    folder = write([call(1, "small", said(2))], tasks)
    models = RecordedModels(RecordedRuns.load(folder), slm=["small"])
    node = Agent(Pair, Reply, "Add.", name="add")
    async with System(models) as system:
        assert (await system.run(node, Pair(a=1, b=1))).output.answer == "2"


async def test_escalation(write: Write) -> None:
    """What does not fit goes to the next tier, whose recorded answer counts with its own cost."""
    found = await run(write(), ask.check(lambda _q, _r: True).escalate("llm"), 3)
    assert found.path == ("ask@slm", "ask@llm")
    assert found.output.answer == "6"
    assert found.cost.usd == Decimal("0.00006") + Decimal("0.0014")


async def test_no_repair(write: Write) -> None:
    """Asked to mend its own answer a model says nothing, for nothing: the next tier is asked."""
    mending = Agent(Question, Reply, "Answer.", repairs=3, escalate="llm", name="ask")
    found = await run(write(), mending, 3)
    assert [(c.tier, c.error, c.nano_usd) for c in found.attempts] == [
        ("slm", "", 60_000),
        ("slm", Rejected.__name__, 0),
        ("llm", "", 1_400_000),
    ]
    assert found.output.answer == "6"


async def test_samples_in_turn(write: Write) -> None:
    """Greedy is sample 0; each further seed at a temperature has the next sample."""
    calls = [call(1, "small", said(n), sample=n) for n in range(3)]
    folder = write(calls)
    voted = await run(folder, (ask >> answer_of).vote(3))
    assert sorted(call.text for call in voted.attempts) == [said(n) for n in range(3)]
    assert (await run(folder, ask, seed=7)).output.answer == "0"
    short = await run(folder, (ask >> answer_of).vote(4))
    assert isinstance(short.cause, NotRecorded)
    assert "no sample 3 of 'small' for the task 't1'" in short.error


async def test_samples_of_each_graph(write: Write) -> None:
    """A graph that draws samples of a task takes none from another one that does."""
    calls = [call(1, "small", said(n), sample=n) for n in range(3)]
    models = RecordedModels(RecordedRuns.load(write(calls)), slm=["small"])
    node = (ask >> answer_of).vote(3)
    async with System(models) as system:
        for seed, name in enumerate(("one", "two", "three")):
            found = await system.run(node, question(1), seed=seed, name=name)
            assert sorted(call.text for call in found.attempts) == [said(n) for n in range(3)]


@step
async def answer_of(reply: Reply) -> str:
    return reply.answer


async def test_what_is_not_recorded(write: Write) -> None:
    """A task or a model's output that is not on record ends the run, with the nearest task."""
    folder = write([each for each in usual() if each["task_id"] != "t2"])
    absent = await run(folder, ask.check(lambda _q, _r: True).escalate("llm"), 2)
    assert (absent.status, absent.path) == ("failed", ())
    assert isinstance(absent.cause, NotRecorded)
    other = await run(folder, ask, 7)
    assert "-What is 1 and 1?" in other.error.splitlines()
    assert "+What is 7 and 7?" in other.error.splitlines()


async def test_cut_off(write: Write) -> None:
    """An output that is longer than `max_tokens` is cut off there, and costs so much."""
    short = Agent(Question, Reply, "Answer.", repairs=0, max_tokens=5, name="ask")
    found = await run(write(), short)
    assert isinstance(found.cause, Truncated)
    assert found.cost.tokens_out == 5
    assert found.cost.usd == Decimal("0.000055")


@pytest.mark.parametrize("usd", ["0.00006", "0.00005"])
async def test_budget_holds(write: Write, usd: str) -> None:
    """A budget has room for a recorded call, or it is not made; it is never overspent."""
    exact = Agent(Question, Reply, "Answer.", repairs=0, max_tokens=10, name="ask")
    found = await run(write(), exact, budget=Budget(usd=Decimal(usd)))
    assert found.cost.usd <= Decimal(usd)
    assert found.ok == (usd == "0.00006")


async def test_tiers(write: Write) -> None:
    """Models serve slm, slm-2, … and llm in the order given, and each its own name."""
    runs = RecordedRuns.load(write())
    models = RecordedModels(runs, slm=["tiny", "small"], llm="large")
    assert models.of_tier["slm-2"] == "small"
    assert models.families("slm-2") == {"s"}
    gate = agree(ask.at("slm"), ask.at("slm-2"), by=lambda reply: reply.answer)
    async with System(models) as system:
        assert (await system.run(gate, question(1))).ok
        assert (await system.run(gate, question(2))).status == "abstained"
        assert (await system.run(ask.at("tiny"), question(2))).output.answer == "99"
    with pytest.raises(UnknownName, match="--slm MODEL, once for each"):
        models["slm-3"]
    with pytest.raises(UnknownName, match=r"no recorded model 'smal'\. Did you mean 'small'"):
        RecordedModels(runs, slm=["smal"])
    assert "slm" not in RecordedModels(runs)
    assert RecordedModels(runs).of_tier["llm"] == "large"


def test_suite(write: Write) -> None:
    """The tasks are a suite, scored as suits their references."""
    suite = recorded_suite(write(), limit=3)
    assert (suite.name, len(suite.tasks)) == ("recorded:runs", 3)
    assert suite.scorer.name == "numeric ±1e-06"


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"calls": ["{"]}, r"calls.jsonl.gz, line 1: this is not JSON"),
        ({"calls": [*usual(), call(9, "small", "")]}, "line 16: there is no task 't9'"),
        ({"calls": [call(1, "none", "")]}, "line 1: there is no model 'none'"),
        ({"calls": [call(1, "small", "")] * 2}, "line 2: there is a sample 0 of this task"),
        ({"calls": [call(1, "small", "", tokens_in=-1)]}, "line 1: 'tokens_in': it should be"),
        ({"tasks": [*TASKS, TASKS[0]]}, "line 6: there is a task 't1' before"),
        ({"tasks": [*TASKS, TASKS[0] | {"task_id": "t6"}]}, "line 6: its input is that of 't1'"),
        ({"models": {"x": {"family": "y"}}}, "models.json, model 'x': 'tier': Field required"),
        ({"models": {"small": {"tier": "slm"}}}, "line 1: there is no model 'large'"),
    ],
)
def test_broken_files(write: Write, changed: dict[str, Any], reason: str) -> None:
    """What is wrong with a file is said in one line that names it, and the line."""
    with pytest.raises(UserError, match=reason) as caught:
        RecordedRuns.load(write(**changed))
    assert "\n" not in str(caught.value)


def test_no_prices(write: Write) -> None:
    """A call without a cost, of a model without prices, is refused."""
    folder = write([call(1, "small", "")], models={"small": {"tier": "slm"}})
    with pytest.raises(UserError, match="no 'usd', and the model 'small' has no prices"):
        RecordedRuns.load(folder)


def test_no_folder(tmp_path: Path) -> None:
    """Where there are no recorded runs, it is said what belongs there."""
    with pytest.raises(UserError, match=r"models.json is missing. A folder of recorded runs has"):
        RecordedRuns.load(tmp_path)


class Expression(BaseModel):
    expression: str


other_form = Agent(Question, Expression, "Write an expression.", name="coder")


@step
async def work_out(given: Expression) -> Reply:
    return Reply(reasoning="", answer=given.expression)


@pytest.mark.parametrize(
    ("graph", "tiers"),
    [
        (other_form >> work_out, ("slm",)),
        (other_form.check(lambda _q, _e: True).escalate("llm") >> work_out, ("slm", "llm")),
        ((other_form >> work_out).escalate("llm", "tiny"), ("slm", "llm", "tiny")),
        ((other_form >> work_out).at("llm"), ("llm",)),
        ((other_form >> work_out).within(Budget(calls=3)), ("slm",)),
    ],
)
def test_routing_alone(write: Write, graph: Node[Question, Reply], tiers: tuple[str, ...]) -> None:
    """A graph whose one agent gives another form keeps its tiers, over one that gives this one."""
    runs = RecordedRuns.load(write())
    answering = find_graph("answer", start=catalog())
    found = routed("mine", graph, runs, ["small", "large"], answering)
    assert found.node.tiers == tiers
    assert found.note == (
        f"mine runs for its routing alone ({' -> '.join(tiers)}): answerer answers in place of"
        " coder."
    )


def test_own_form(write: Write) -> None:
    """A graph whose agents give what was recorded runs as it is."""
    runs = RecordedRuns.load(write())
    answering = find_graph("answer", start=catalog())
    for graph in (ask, free, agree(ask.at("slm"), ask.at("llm"))):
        found = routed("mine", graph, runs, ["small", "large"], answering)
        assert (found.node, found.note) == (graph, "")


def test_several_agents(write: Write) -> None:
    """A graph with several agents of another form is refused, and it is said what to write."""
    runs = RecordedRuns.load(write())
    answering = find_graph("answer", start=catalog())
    gate = agree(other_form >> work_out, ask)
    with pytest.raises(UserError, match=r"coder would have to.*graphs/unanimous.py"):
        routed("mine", gate, runs, ["small"], answering)
