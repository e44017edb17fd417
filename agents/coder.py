"""Works out a word problem with the Python tool."""

from pydantic import BaseModel

from agentsys import Agent

from ..tools.python import python
from .solver import Question


class Number(BaseModel, frozen=True):
    """A number as the answer."""

    value: int | float


coder = Agent(
    Question,
    Number,
    "Work it out with Python.",
    tools=[python],
    steps=4,
    max_tokens=160,
    name="coder",
)
