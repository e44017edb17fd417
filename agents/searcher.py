"""Looks a fact up with the search tool and answers from the passage."""

from pydantic import BaseModel, Field

from agentsys import Agent

from ..tools.search import search
from .solver import Question


class Found(BaseModel, frozen=True):
    """The answer as it stands in a passage."""

    answer: str = Field(min_length=1, max_length=60)


searcher = Agent(
    Question,
    Found,
    "Search, then answer from the passage.",
    tools=[search],
    steps=3,
    max_tokens=160,
    name="searcher",
)
