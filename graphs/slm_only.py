"""Solves a word problem with the small model alone; code evaluates its expression."""

from pydantic import BaseModel

from agentsys import step
from agentsys.tools.arithmetic import evaluate

from ..agents.solver import Solution, solver


class Answer(BaseModel, frozen=True):
    """The number, and how it was computed."""

    expression: str
    value: int | float


@step
async def calculate(solution: Solution) -> Answer:
    """Evaluate the expression in the sandbox."""
    value = evaluate(solution.expression)
    whole = int(value) if value == int(value) else value
    return Answer(expression=solution.expression, value=whole)


slm_only = solver >> calculate
