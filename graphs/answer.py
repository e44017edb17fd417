"""Answers a question with a number: the model must give JSON that fits."""

from pydantic import BaseModel

from agentsys import step
from agentsys.tools.answers import first_number

from ..agents.answerer import Reasoned, answerer


class Number(BaseModel, frozen=True):
    """The number that is the answer."""

    value: float


@step
async def number_of(reasoned: Reasoned) -> Number:
    """The first number of the answer; the agent's check has seen that there is one."""
    return Number(value=first_number(str(reasoned.answer)) or 0.0)


answer = answerer >> number_of
