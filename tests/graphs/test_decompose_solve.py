"""The ready-made decompositions on the shipped models, and the checks that decide."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from random import Random
from typing import Any, cast

import pytest

from agentsys import Abstain, InvalidOutput, ModelError, Node, Run, System, decompose
from agentsys.evaluation.statistics import paired_success
from agentsys.evaluation.word_problems import FreeProblem, Problem, free_problems, problems
from agentsys.models.scripted import Scripted
from agentsys.models.tiers import Tiers
from agentsys.node import Guarded
from agentsys.patterns.decomposing.node import Decompose
from agentsys.patterns.decomposing.ways import AtOnce
from agentsys.project import find_graph
from agentsys.settings import Settings
from tests.patterns.test_decompose_defects import fuzzed

PENS = "Mia has 4 boxes of 12 pens and gives 7 away. How many pens are left?"
SPLIT = ("How many pens are 4 groups of 12?", "How many pens are left when 7 are taken from #1?")


def inside(name: str) -> Decompose[Any, Any]:
    """The decomposition of a ready-made graph, without its escalation."""
    graph = find_graph(name)
    assert isinstance(graph, Guarded)
    return cast("Decompose[Any, Any]", graph.inner)


def scripted(*, expression: str = "4*12", split: Any = SPLIT, **steps: str) -> System:
    """Both tiers say the same: to the solver, the splitter, and for each sub-question."""
    said = {"Answer with one arithmetic expression.": {"expression": expression}}
    asked = {"4 groups of 12": "4*12", "7 are taken from 48": "48-7"} | steps

    def answer(request: Any) -> Any:
        instructions, task = request.messages[0].content, request.messages[1].content
        if instructions == "Split into sub-questions.":
            return split if isinstance(split, str) else {"questions": list(split)}
        if instructions in said:
            return said[instructions]
        return {"expression": next((e for q, e in asked.items() if q in task), "unknown")}

    models = {tier: Scripted(answer, confidence=0.99) for tier in ("slm", "llm")}
    return System(models)


def test_a_problem_is_answered_by_its_sub_questions() -> None:
    """Code evaluates each expression, and its value stands for `#1` in the next."""
    for name in ("decompose_solve", "decompose_always"):
        graph = find_graph(name)
        run = scripted().run_sync(graph, graph.takes(text=PENS))
        assert (run.status, run.output.value) == ("ok", 41)
        assert run.attempts[-1].text == '{"expression":"48-7"}'


def test_what_the_solver_is_sure_of_is_not_decomposed() -> None:
    """Its checks and its confidence decide."""
    graph = find_graph("decompose_solve")
    run = scripted(expression="4*12-7").run_sync(graph, graph.takes(text=PENS))
    assert (run.output.value, run.path) == (41, ("solver@slm",))


def test_a_problem_that_is_not_understood_is_given_up() -> None:
    """By both solvers, and without a sub-question."""
    graph = find_graph("decompose_solve")
    run = scripted(expression="unknown").run_sync(graph, graph.takes(text=PENS))
    assert (run.status, run.path) == ("abstained", ("solver@slm", "solver@llm"))


@pytest.mark.parametrize(
    ("split", "reason"),
    [
        ((SPLIT[0], " "), "a sub-question is empty."),
        ((SPLIT[0],), "the number 7 is not there as often as in the problem."),
        ((*SPLIT, "How many pens are 4 times #2?"), "the number 4 is not there as often as"),
        ((SPLIT[0], "How many pens are left when 7 are taken?"), "nothing needs the answer #1."),
        (("How many are 4 groups of 12 and #2?", "And 7 from #1?"), "in a circle: 0, 1."),
        (("How many are 4 groups of 12 in #4?", "And 7 from #1?"), "needs number 3, which is not"),
    ],
)
def test_a_split_that_cannot_be_right_is_refused(split: Any, reason: str) -> None:
    """By code, before a sub-question is asked."""
    graph = find_graph("decompose_always")
    run = scripted(split=split).run_sync(graph, graph.takes(text=PENS))
    assert run.status == "abstained"
    assert reason in run.error
    assert {call.node for call in run.attempts} == {"splitter"}


@pytest.mark.parametrize(
    ("expression", "reason"),
    [
        ("48-8", "uses a number that is not in the question: 8."),
        ("7-48", "the value is negative."),
        ("48/7", "the value is not a whole number."),
        ("48", "leaves out a number of the question: 7."),
    ],
)
def test_a_sub_answer_that_cannot_be_right_is_refused(expression: str, reason: str) -> None:
    """It is asked for again, and then by the large model; no later one is built on it."""
    graph = find_graph("decompose_always")
    system = scripted(**{"7 are taken from 48": expression})
    run = system.run_sync(graph, graph.takes(text=PENS))
    assert run.status == "abstained"
    assert reason in run.error
    assert run.path[-1] == "stepper@llm"


def test_the_large_model_begins_anew() -> None:
    """Where attempt and decomposition fail on the small one."""
    graph = find_graph("decompose_solve")
    answers: Mapping[str, Any] = {"expression": "4*12-7"}
    models = {"slm": Scripted("no JSON"), "llm": Scripted(answers, confidence=0.99)}
    run = System(models).run_sync(graph, graph.takes(text=PENS))
    assert (run.output.value, run.path[-1]) == (41, "solver@llm")


@pytest.fixture
async def shipped() -> AsyncIterator[System]:
    async with System(Tiers(Settings.load())) as system:
        yield system


async def runs_of(
    system: System, node: Node[Any, Any], drawn: Sequence[Problem | FreeProblem]
) -> list[Run[Any]]:
    """Some at once."""
    gate = asyncio.Semaphore(8)

    async def one(text: str) -> Run[Any]:
        async with gate:
            return await system.run(node, node.takes(text=text))

    return list(await asyncio.gather(*(one(problem.text) for problem in drawn)))


async def solved(system: System, node: Node[Any, Any], steps: int) -> list[bool]:
    """Which held-out problems of so many steps a graph solves."""
    drawn = problems("held_out", 80, 21, steps)
    runs = await runs_of(system, node, drawn)
    pairs = zip(runs, drawn, strict=True)
    return [run.has_output and run.output.value == problem.value for run, problem in pairs]


def pair(solver: str, splitter: str, *, gated: bool) -> Node[Any, Any]:
    """The ready-made decomposition with a model for each role."""
    whole = inside("decompose_solve")
    way = cast(AtOnce, whole.way)
    attempt = whole.attempt
    assert attempt is not None
    return decompose(
        way.split.at(splitter),
        way.solve.at(solver),
        way.join,
        attempt=attempt.at(solver) if gated else None,
        worth=whole.worth if gated else None,
        depends_on=way.depends_on,
        key=way.key,
    )


@pytest.mark.parametrize("steps", [3, 5])
async def test_the_gate_prevents_harm(shipped: System, steps: int) -> None:
    """Where a weak splitter hurts a strong solver, the gate costs a point at most."""
    whole = inside("decompose_solve")
    assert whole.attempt is not None
    direct = sum(await solved(shipped, whole.attempt.at("llm"), steps))
    always = sum(await solved(shipped, pair("llm", "slm", gated=False), steps))
    gated = sum(await solved(shipped, pair("llm", "slm", gated=True), steps))
    assert always < direct - 8
    assert gated >= direct - 0.8


async def test_a_decomposer_lifts_a_solver_it_was_not_trained_with(shipped: System) -> None:
    """The large model's splits, which no solver had a part in, on the small model's problems."""
    whole = inside("decompose_solve")
    assert whole.attempt is not None
    direct = await solved(shipped, whole.attempt.at("slm"), 5)
    lifted = await solved(shipped, pair("slm", "llm", gated=True), 5)
    assert paired_success(lifted, direct).clear
    assert sum(lifted) > sum(direct) + 8


async def test_what_is_not_understood_is_not_decomposed(shipped: System) -> None:
    """Outside the language, splits look sound: most wrong answers would pass for right ones.

    The solver says that it does not understand, and so no more of them pass than without a
    decomposition.
    """
    passed: dict[str, int] = {}
    for name in ("slm_fallback", "decompose_solve", "decompose_always"):
        runs = await runs_of(shipped, find_graph(name), free_problems())
        pairs = zip(runs, free_problems(), strict=True)
        passed[name] = sum(run.ok and run.output.value != problem.value for run, problem in pairs)
    assert passed["decompose_solve"] <= passed["slm_fallback"] + 1
    assert passed["decompose_always"] > 40


def test_fuzzed_splits_end_typed() -> None:
    """Whatever a splitter says: an answer, or a failure that says why."""
    graph = inside("decompose_always")
    for number in range(200):
        system = scripted(split=fuzzed(Random(f"graph {number}")))
        run = system.run_sync(graph, graph.takes(text=PENS))
        assert run.has_output or isinstance(run.cause, Abstain | InvalidOutput | ModelError)
