"""Arithmetic, in a sandbox."""

from agentsys import tool
from agentsys.tools.arithmetic import evaluate


@tool
def calculate(expression: str) -> int | float:
    """Compute an expression of numbers, + - * / and brackets."""
    return evaluate(expression)
