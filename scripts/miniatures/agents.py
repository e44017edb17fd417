"""The agents the models are trained for, as they render their prompts."""

from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel

from agentsys.messages import Message
from agentsys.prompt import Turn, render
from agentsys.tools.tool import Tool, tool


class Question(BaseModel):
    text: str


class Answered(BaseModel):
    question: str
    answer: str


class SubQuestion(BaseModel):
    known: list[int | float]
    question: str


@tool
def python(code: str) -> str:
    """Run Python and give the value of its last expression."""
    return code


@tool
def search(query: str) -> list[str]:
    """Find passages in the local corpus."""
    return [query]


_AGENTS: dict[str, tuple[str, tuple[Tool[..., Any], ...], type[BaseModel]]] = {
    "solver": ("Answer with one arithmetic expression.", (), Question),
    "coder": ("Work it out with Python.", (python,), Question),
    "reasoner": ("Work step by step, then give the number.", (), Question),
    "guesser": ("Give the number.", (), Question),
    "judge": ("Judge the answer.", (), Answered),
    "splitter": ("Split into sub-questions.", (), Question),
    "stepper": ("Answer the question with the known numbers.", (), SubQuestion),
    "searcher": ("Search, then answer from the passage.", (search,), Question),
}


def render_for(role: str, value: dict[str, Any], turns: Sequence[Turn] = ()) -> tuple[Message, ...]:
    """The conversation that the agent of a role sends."""
    instructions, tools, kind = _AGENTS[role]
    return render(instructions, tools, kind.model_validate(value), kind, turns)
