"""Arithmetic without `eval`."""

import ast
import operator
from collections.abc import Callable

from agentsys import ToolFailed, tool

OPERATIONS: dict[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: lambda left, right: left / right,
}


@tool
def calculate(expression: str) -> float:
    """Compute an expression of numbers, + - * / and brackets."""
    try:
        return value_of(ast.parse(expression, mode="eval").body)
    except (SyntaxError, ArithmeticError) as error:
        raise ToolFailed(f"{expression} cannot be computed: {error}.") from error


def value_of(part: ast.expr) -> float:
    match part:
        case ast.Constant(value=int() | float() as number):
            return number
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -value_of(operand)
        case ast.BinOp(left=left, op=sign, right=right) if type(sign) in OPERATIONS:
            return OPERATIONS[type(sign)](value_of(left), value_of(right))
        case _:
            raise ToolFailed("Only numbers, + - * / and brackets can be computed.")
