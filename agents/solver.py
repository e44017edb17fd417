"""Turns a word problem into one arithmetic expression, for code to evaluate.

Its checks need no model: they hold the expression against the numbers of the question.
"""

import re
from collections import Counter

from pydantic import BaseModel, Field

from agentsys import Agent, ToolFailed
from agentsys.tools.arithmetic import evaluate


class Question(BaseModel, frozen=True):
    """A question in plain words."""

    text: str = Field(min_length=1, max_length=4_000)


class Solution(BaseModel, frozen=True):
    """How to compute the answer."""

    expression: str = Field(pattern=r"^(unknown|[0-9+*/().-]{1,120})$")
    """Numbers of the question and + - * / ( ); `unknown` where there is no answer."""


NO_EXPRESSION = "the model gave no expression."
"""The reason where the answer is `unknown`."""


def answered(question: Question, solution: Solution) -> bool | str:
    """There is an expression."""
    return solution.expression != "unknown" or NO_EXPRESSION


def arithmetic(question: Question, solution: Solution) -> bool | str:
    """It has a value, which counts something: a whole number that is not negative."""
    try:
        value = evaluate(solution.expression)
    except ToolFailed:
        return "the expression is not arithmetic."
    if value < 0:
        return "the value is negative."
    return value == int(value) or "the value is not a whole number."


def own_numbers(question: Question, solution: Solution) -> bool | str:
    """It uses the numbers of the question, each as often as it stands there, and no others."""
    given, used = _numbers(question.text), _numbers(solution.expression)
    foreign, unused = used - given, given - used
    if foreign:
        return f"the expression uses a number that is not in the question: {min(foreign)}."
    return not unused or f"the expression leaves out a number of the question: {min(unused)}."


def _numbers(text: str) -> Counter[str]:
    return Counter(re.findall(r"\d+(?:\.\d+)?", text))


solver = Agent(
    Question,
    Solution,
    "Answer with one arithmetic expression.",
    # Asked again after "unknown", a small model guesses: it is not asked again, the next tier is.
    repairs=0,
    max_tokens=160,
    # On the validation split this keeps the fallback close to the large model at 0.4 of its cost.
    min_confidence=0.6,
    name="solver",
).check(answered, arithmetic, own_numbers)
