"""Splits a word problem into sub-questions; `#1` stands for the answer to the first."""

from pydantic import BaseModel, Field

from agentsys import Agent

from .solver import Question


class SubQuestions(BaseModel, frozen=True):
    """Questions to answer in turn; the last one's answer is the problem's."""

    questions: tuple[str, ...] = Field(min_length=1, max_length=8)


splitter = Agent(
    Question, SubQuestions, "Split into sub-questions.", max_tokens=400, name="splitter"
)
