"""Answers a word problem: a model writes the expression, checks test it, code computes it."""

import re

from pydantic import BaseModel

from agentsys import ToolFailed, step

from ..agents.reader import Question, Solution, reader
from ..tools.calculate import calculate


class Answer(BaseModel, frozen=True):
    """The number, and how it was computed."""

    value: int | float
    expression: str


# A check gives True or the reason that the model is told when it is asked again.
def uses_the_numbers(question: Question, solution: Solution) -> bool | str:
    """Every number in the expression stands in the question."""
    made_up = numbers(solution.expression) - numbers(question.text)
    return not made_up or f"{', '.join(sorted(made_up))} is not in the question."


def can_be_computed(_: Question, solution: Solution) -> bool | str:
    """The expression has a value."""
    try:
        calculate(solution.expression)
    except ToolFailed as error:
        return str(error)
    return True


def numbers(text: str) -> set[str]:
    """The whole numbers of a text."""
    return set(re.findall(r"\d+", text))


@step
async def compute(solution: Solution) -> Answer:
    """Let code do the arithmetic."""
    return Answer(value=calculate(solution.expression), expression=solution.expression)


answer = reader.check(uses_the_numbers, can_be_computed) >> compute
