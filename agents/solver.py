"""Turns a word problem into one arithmetic expression, for code to evaluate."""

from pydantic import BaseModel, Field

from agentsys import Agent


class Question(BaseModel, frozen=True):
    """A question in plain words."""

    text: str = Field(min_length=1)


class Solution(BaseModel, frozen=True):
    """How to compute the answer."""

    expression: str = Field(max_length=120, pattern=r"^(unknown|[0-9+*/().-]+)$")
    """Numbers of the question and + - * / ( ); `unknown` where there is no answer."""


solver = Agent(
    Question, Solution, "Answer with one arithmetic expression.", max_tokens=160, name="solver"
)
