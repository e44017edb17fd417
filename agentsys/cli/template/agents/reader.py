"""Turns a word problem into one arithmetic expression."""

from pydantic import BaseModel, Field

from agentsys import Agent


class Question(BaseModel, frozen=True):
    """A question in plain words."""

    text: str = Field(min_length=1, max_length=4_000)


class Solution(BaseModel, frozen=True):
    """How to compute the answer."""

    expression: str = Field(pattern=r"^(unknown|[0-9+*/().-]{1,120})$")


# The small model answers; "llm" is asked only where a check fails or the small one is not sure.
reader = Agent(
    Question,
    Solution,
    "Answer with one arithmetic expression.",
    tier="slm",
    escalate="llm",
    min_confidence={"slm": 0.9, "llm": 0.6},
    max_tokens=160,
)
