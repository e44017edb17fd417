"""Judges an expression with the small model: one word, and how likely it is."""

from typing import Literal

from agentsys import Choice, choose, step
from agentsys.verdict import Candidate, Verdict

from ..agents.judge import Answered
from ..agents.solver import Question, Solution

Decided = Literal["correct", "incorrect"]


@step
async def to_judge(candidate: Candidate[Question, Solution]) -> Answered:
    """What the judge is shown."""
    return Answered(question=candidate.task.text, answer=candidate.answer.expression)


@step
async def to_verdict(choice: Choice[Decided]) -> Verdict:
    """The decision with its probability, where the deployment tells one."""
    if choice.probabilities is None:
        return Verdict(label=choice.choice)
    p = choice.probabilities["correct"]
    return Verdict(label=choice.choice, confidence=choice.probabilities[choice.choice], p_correct=p)


# The miniatures were trained to judge in these words, and to reply with this key.
decide = choose(
    Answered, Decided, "Judge the answer.", key="verdict", list_choices=False, name="judge"
)

judge_slm = to_judge >> decide >> to_verdict
