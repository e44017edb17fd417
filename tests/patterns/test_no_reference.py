"""A reference answer that a caller's object has besides its declared fields: nobody is shown it."""

from collections.abc import Sequence
from typing import Any

import pytest
from pydantic import BaseModel

from agentsys import (
    Agent,
    Attempted,
    Candidate,
    Node,
    Solved,
    SubTask,
    System,
    cot_pot_cascade,
    decompose,
    sample_verify,
    step,
    vote_until,
)
from agentsys.models.base import Request
from agentsys.models.scripted import Scripted
from agentsys.patterns.judging import judge_by_solving

SECRET = "the-reference-is-41"


class Problem(BaseModel, frozen=True):
    text: str


class Known(Problem, frozen=True):
    """A problem that knows what no model should."""

    reference: str


class Answer(BaseModel, frozen=True):
    value: int


class Parts(BaseModel, frozen=True):
    questions: tuple[str, ...]


class Next(BaseModel, frozen=True):
    question: str


Part = SubTask[Problem, str, Answer]
Answers = Solved[Problem, str, Answer]


@step
async def listed(parts: Parts) -> Sequence[str]:
    """The questions alone."""
    return parts.questions


@step
async def one_more(asked: Next) -> str | None:
    """The question alone, until it is empty."""
    return asked.question or None


solve = Agent(Problem, Answer, "Solve.", repairs=0)
never = solve.check(lambda _problem, _answer: "it will not do.")
part = Agent(Part, Answer, "Solve the part.", repairs=0)
join = Agent(Answers, Answer, "Join.", repairs=0)
split: Node[Problem, Sequence[str]] = Agent(Problem, Parts, "Split.", repairs=0) >> listed
seeing: Node[Attempted[Problem, Answer], Sequence[str]] = (
    Agent(Attempted[Problem, Answer], Parts, "Split.", repairs=0) >> listed
)
asking: Node[Answers, str | None] = Agent(Answers, Next, "Ask.", repairs=0) >> one_more


def says(request: Request) -> dict[str, Any]:
    """Two questions, and the same answer to everything."""
    match request.messages[0].content.split(".")[0]:
        case "Split":
            return {"questions": ["first", "second"]}
        case "Ask":
            return {"question": "" if "first" in request.messages[1].content else "first"}
        case _:
            return {"value": 7}


PROBLEM = Known(text="How many?", reference=SECRET)


@pytest.mark.parametrize(
    ("node", "value", "least"),
    [
        (sample_verify(never, most=2), PROBLEM, 2),
        (vote_until(solve, most=2), PROBLEM, 2),
        (cot_pot_cascade(never, solve, solve, value=lambda a: a.value, rounds=1), PROBLEM, 3),
        (decompose(split, part, join), PROBLEM, 4),
        (decompose(split, part, join, remember=60), PROBLEM, 4),
        (decompose(seeing, part, join, attempt=never), PROBLEM, 5),
        (decompose(asking, part, join, max_questions=2), PROBLEM, 4),
        (
            judge_by_solving(solve, lambda a, b: a == b),
            Candidate[Problem, Answer](task=PROBLEM, answer=Answer(value=7)),
            1,
        ),
    ],
    ids=["draws", "votes", "two-ways", "parts", "kept-parts", "attempt", "one-by-one", "solving"],
)
def test_no_reference_reaches_a_prompt(node: Node[Any, Any], value: Any, least: int) -> None:
    """Only what a node's type declares is shown."""
    model = Scripted(says)
    System({"slm": model}).run_sync(node, value)
    assert len(model.requests) >= least
    assert not any(SECRET in m.content for request in model.requests for m in request.messages)
