"""Answers a question in plain words: the reasoning first, then the answer.

What does not fit goes to the next tier; it is not put to the same model again.
"""

from pydantic import BaseModel

from agentsys import Agent
from agentsys.tools.answers import first_number

from .solver import Question

INSTRUCTIONS = (
    "Solve the problem step by step. Then answer with JSON alone: "
    '{"reasoning": "the steps", "answer": "the number alone, without a unit"}'
)

MAX_TOKENS = 4096
"""Some models reason at length; what they say is cut off nowhere."""


class Reasoned(BaseModel, frozen=True):
    """An answer, and what led to it."""

    reasoning: str
    answer: str | int | float


def a_number(question: Question, reasoned: Reasoned) -> bool | str:
    """There is a number in the answer."""
    return first_number(str(reasoned.answer)) is not None or "the answer is not a number."


answerer = Agent(
    Question, Reasoned, INSTRUCTIONS, repairs=0, max_tokens=MAX_TOKENS, name="answerer"
).check(a_number)
