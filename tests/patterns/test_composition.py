"""The patterns inside each other: typed end to end, with budgets and ledger entries right."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from agentsys import (
    Agent,
    Budget,
    Judge,
    Node,
    Solved,
    SubTask,
    System,
    cot_pot_cascade,
    decompose,
    judge_panel,
    open_store,
    sample_verify,
    step,
)
from agentsys.events import Call
from agentsys.models.base import Request
from agentsys.models.scripted import Scripted
from agentsys.verdict import Candidate, Verdict


class Problem(BaseModel, frozen=True):
    text: str


class Answer(BaseModel, frozen=True):
    value: int


Part = SubTask[Problem, str, Answer]


@step
async def halves(_problem: Problem) -> Sequence[str]:
    """Two sub-questions."""
    return ("first", "second")


@step
async def total(solved: Solved[Problem, str, Answer]) -> Answer:
    """The sum of the answers."""
    return Answer(value=sum(known.answer.value for known in solved.answers))


solve_part = Agent(Part, Answer, "Solve the part.", name="part", repairs=0)
large_part = Agent(Part, Answer, "Solve the part.", name="large-part", tier="llm")


def system(tmp_path: Path, small: Any, large: Any) -> System:
    """With a ledger, and models at a dollar a token."""
    store = open_store(f"sqlite:///{tmp_path}/runs.db")
    return System({"slm": Scripted(small), "llm": Scripted(large)}, store=store)


def asked(request: Request) -> dict[str, Any]:
    """The input of the agent."""
    return json.loads(request.messages[1].content)


def calls(system: System) -> list[tuple[str, str]]:
    """Who was asked, in the ledger's order."""
    assert system.ledger is not None
    events = [recorded.event for recorded in system.ledger.events(Call)]
    return [(event.node, event.tier) for event in events if isinstance(event, Call)]


def test_a_cascade_is_the_solver_of_a_decomposition(tmp_path: Path) -> None:
    """Each sub-question goes to the large model only where its own check says so."""
    cascade = solve_part.check(
        lambda part, answer: part.question == "first" or answer.value > 0 or "not positive."
    ).escalate("llm")
    node: Node[Problem, Answer] = decompose(halves, cascade, total)
    made = system(tmp_path, lambda _r: {"value": -1}, lambda _r: {"value": 5})
    run = made.run_sync(node, Problem(text="x"))
    assert (run.status, run.output) == ("ok", Answer(value=4))
    assert calls(made) == [("part", "slm"), ("part", "slm"), ("part", "llm")]


def test_two_ways_and_repeated_draws_solve_sub_questions(tmp_path: Path) -> None:
    """`cot_pot_cascade` and `sample_verify` are nodes like any other."""
    drawn = sample_verify(
        solve_part.check(lambda _part, answer: answer.value == 2 or "not two."), most=3
    )
    both_ways = cot_pot_cascade(drawn, solve_part, large_part, value=lambda answer: answer.value)
    node: Node[Problem, Answer] = decompose(halves, both_ways, total)
    made = system(tmp_path, lambda _r: {"value": 2}, lambda _r: {"value": 9})
    run = made.run_sync(node, Problem(text="x"))
    assert (run.output, run.cost.calls) == (Answer(value=4), 4)


@step
async def claims(_candidate: Candidate[Problem, Answer]) -> Sequence[str]:
    """What has to hold for the answer to be right."""
    return ("the sign", "the size")


@step
async def all_hold(
    solved: Solved[Candidate[Problem, Answer], str, Verdict],
) -> Verdict:
    """Right where every claim holds."""
    wrong = [known for known in solved.answers if known.answer.label != "correct"]
    label = "incorrect" if wrong else "correct"
    return Verdict(label=label, reason=", ".join(known.question for known in wrong), judge="parts")


check_claim = Agent(
    SubTask[Candidate[Problem, Answer], str, Verdict], Verdict, "Does it hold?", name="claim"
)
by_parts: Node[Candidate[Problem, Answer], Verdict] = decompose(claims, check_claim, all_hold)
plain = Judge(Problem, Answer, "Sums.", tier="llm", name="plain")


def claim_says(request: Request) -> dict[str, Any]:
    """The size of seven is wrong; whatever else is asked is answered with seven."""
    if request.messages[0].content.startswith("Does it hold?"):
        told = asked(request)
        wrong = told["question"] == "the size" and told["problem"]["answer"]["value"] == 7
        return {"label": "incorrect" if wrong else "correct"}
    return {"value": 7}


def large_says(request: Request) -> Any:
    """As a judge it objects to seven; as a solver it says eight."""
    text = request.messages[-1].content
    if "Solve it" in request.messages[0].content:
        return {"value": 8}
    return "incorrect" if "7" in text else "correct"


def test_a_decomposition_is_a_judge_of_a_panel_that_is_a_check(tmp_path: Path) -> None:
    """The panel rejects the small model's answer, twice, and takes the large one's."""
    panel = judge_panel(by_parts, plain)
    solver = Agent(Problem, Answer, "Solve it.", name="solver", repairs=0)
    made = system(tmp_path, claim_says, large_says)
    run = made.run_sync(solver.check(panel).escalate("llm"), Problem(text="x"))
    assert (run.status, run.output) == ("ok", Answer(value=8))
    judged = [("claim", "slm"), ("claim", "slm"), ("plain", "llm")]
    assert [call for call in calls(made) if call[0] != "plain"].count(("claim", "slm")) == 6
    assert calls(made)[0] == ("solver", "slm")
    assert set(calls(made)) == {("solver", "slm"), ("solver", "llm"), *judged}


@pytest.mark.parametrize("most", range(1, 9))
def test_a_budget_holds_through_all_of_them(tmp_path: Path, most: int) -> None:
    """However deep the call is made, no more are made than it allows, and the end is typed."""
    panel = judge_panel(by_parts, plain)
    node = decompose(halves, sample_verify(solve_part, most=2), total).check(panel).escalate("llm")
    made = system(tmp_path, claim_says, large_says)
    run = made.run_sync(node, Problem(text="x"), budget=Budget(calls=most))
    assert run.cost.calls == len(calls(made)) <= most
    assert run.status == ("ok" if most >= 5 else "budget_exceeded")
