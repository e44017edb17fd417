"""Judges the expression that somebody gave as the answer to a word problem."""

from typing import Literal

from pydantic import BaseModel, Field

from agentsys import Agent


class Answered(BaseModel, frozen=True):
    """A question and the expression under judgement."""

    question: str = Field(max_length=10_000)
    answer: str = Field(max_length=1_000)


class Ruling(BaseModel, frozen=True):
    """Whether the answer is right, and which operation is the first wrong one."""

    verdict: Literal["correct", "incorrect"]
    failing_step: int | None = Field(ge=1, le=20)
    """Counted from the left of the expression, from 1; null where nothing is wrong."""


judge = Agent(Answered, Ruling, "Judge the answer.", max_tokens=48, name="judge")
