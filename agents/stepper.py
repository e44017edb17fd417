"""Answers one sub-question, given the numbers that answer the earlier ones."""

from pydantic import BaseModel, Field

from agentsys import Agent

from .solver import Solution


class SubQuestion(BaseModel, frozen=True):
    """A sub-question; `#1` in it stands for the first of the known numbers."""

    known: tuple[int | float, ...] = Field(max_length=8)
    question: str = Field(max_length=2_000)


stepper = Agent(
    SubQuestion,
    Solution,
    "Answer the question with the known numbers.",
    max_tokens=96,
    name="stepper",
)
