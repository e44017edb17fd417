"""Solves a word problem by worked steps, without code."""

from pydantic import BaseModel, Field

from agentsys import Agent

from .solver import Question


class Worked(BaseModel, frozen=True):
    """The steps, then the number they lead to."""

    steps: tuple[str, ...] = Field(max_length=12)
    value: int | float


reasoner = Agent(
    Question, Worked, "Work step by step, then give the number.", max_tokens=320, name="reasoner"
)
