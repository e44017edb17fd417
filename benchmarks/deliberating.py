"""The miniatures as judges that deliberate, for `judging.py`.

Nothing in their training showed them other judges' opinions: this is outside their language, and it
is measured, not recommended.
"""

import re
from typing import Any, Literal

from pydantic import BaseModel

from agentsys import Agent, Candidate, Node, Verdict, both, step
from agentsys.patterns.judging import Discussion, Revision, as_judge
from agentsys.project import find

_JUDGE: Any = find("agent", "judge").value
_SOLVER: Any = find("agent", "solver").value
Answered, Ruling = _JUDGE.takes, _JUDGE.gives
Question, Solution = _SOLVER.takes, _SOLVER.gives
Asked = Candidate[Question, Solution]
Told = Discussion[Question, Solution]


class Claim(BaseModel, frozen=True):
    """What another judge says, in the words that the miniatures judge in."""

    verdict: Literal["correct", "incorrect", "unknown"]
    failing_step: int | None


class Again(BaseModel, frozen=True):
    """A question, the expression under judgement, and what others say of it."""

    question: str
    answer: str
    others: tuple[Claim, ...]


def _operation(expression: str, number: int | None) -> str:
    """The operation of that number from the left, as it is written."""
    found = re.findall(r"[-+*/]\(?\d+", expression)
    return found[number - 1] if number is not None and number <= len(found) else ""


@step
async def to_judge(candidate: Asked) -> tuple[Answered, Asked]:
    """What the judge is shown, and what it is about."""
    shown = Answered(question=candidate.task.text, answer=candidate.answer.expression)
    return shown, candidate


@step
async def shown(pair: tuple[Answered, Asked]) -> Answered:
    return pair[0]


@step
async def kept(pair: tuple[Answered, Asked]) -> Asked:
    return pair[1]


@step
async def to_verdict(found: tuple[Ruling, Asked]) -> Verdict:
    """The ruling, with the operation that fails as its evidence."""
    ruling, candidate = found
    quote = _operation(candidate.answer.expression, ruling.failing_step)
    return Verdict(
        label=ruling.verdict,
        failing_step=ruling.failing_step,
        evidence=(quote,) if quote else (),
    )


@step
async def to_judge_again(told: Told) -> tuple[Again, Told]:
    """What the judge is shown after the first round."""
    others = tuple(
        Claim(verdict=other.verdict, failing_step=other.failing_step) for other in told.others
    )
    candidate = told.candidate
    again = Again(question=candidate.task.text, answer=candidate.answer.expression, others=others)
    return again, told


@step
async def shown_again(pair: tuple[Again, Told]) -> Again:
    return pair[0]


@step
async def kept_again(pair: tuple[Again, Told]) -> Told:
    return pair[1]


@step
async def to_revision(found: tuple[Ruling, Told]) -> Revision:
    """The ruling, with the step that it names as the error."""
    ruling, told = found
    number = ruling.failing_step
    return Revision(
        reasoning="",
        error=f"step {number} is wrong." if number is not None else "",
        quote=_operation(told.candidate.answer.expression, number),
        verdict=ruling.verdict,
        confidence=None,
    )


def deliberating(tier: str, name: str) -> Node[Any, Verdict]:
    """A miniature that gives the failing step, and may be asked again."""
    judge = Agent(Answered, Ruling, "Judge the answer.", tier=tier, max_tokens=48, name="judge")
    again = Agent(Again, Ruling, "Judge the answer.", tier=tier, max_tokens=48, name="judge-again")
    first = to_judge >> both(shown >> judge, kept) >> to_verdict
    second = to_judge_again >> both(shown_again >> again, kept_again) >> to_revision
    return as_judge(first, name=name, revise=second)
