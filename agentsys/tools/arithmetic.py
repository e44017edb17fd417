"""The value of an arithmetic expression: for checks of what a model answered."""

import re

from agentsys.errors import ToolFailed
from agentsys.tools.sandbox import run

MAX_LENGTH = 200
MAX_DEPTH = 20
"""Brackets within brackets."""

_EXPRESSION = re.compile(r"[0-9+\-*/(). ]+")


def evaluate(expression: str) -> int | float:
    """The value of an expression of numbers, `+`, `-`, `*`, `/` and brackets.

    Raises:
        ToolFailed: it is something else, it is malformed, or it divides by zero.
    """
    if len(expression) > MAX_LENGTH:
        raise ToolFailed(f"the expression has more than {MAX_LENGTH} characters.")
    if not _EXPRESSION.fullmatch(expression) or re.search(r"\*\s*\*|/\s*/", expression):
        raise ToolFailed("an expression has only numbers, + - * / and brackets.")
    if _depth(expression) > MAX_DEPTH:
        raise ToolFailed(f"the expression has more than {MAX_DEPTH} brackets within brackets.")
    try:
        value = run(expression.strip()).value
    except ToolFailed as error:
        raise ToolFailed(_plain(error.message)) from error
    if isinstance(value, int | float):
        return value
    raise ToolFailed("the expression has no value.")


def _depth(expression: str) -> int:
    deepest = depth = 0
    for sign in expression:
        depth += (sign == "(") - (sign == ")")
        deepest = max(deepest, depth)
    return deepest


def _plain(reason: str) -> str:
    if reason.startswith("ZeroDivisionError"):
        return "the expression divides by zero."
    if reason.startswith("OverflowError"):
        return "the value of the expression is too large."
    return "the expression is malformed."
