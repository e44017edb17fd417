"""Wrong expressions for the judge to catch and for the solver to repair."""

import ast
from dataclasses import dataclass
from random import Random
from typing import cast

Operand = int | tuple[int, int]
"""A number, or two numbers multiplied before they are added or taken."""


@dataclass(frozen=True)
class Terms:
    """An expression in the order of its text: a first number, then operations from the left."""

    first: int
    rest: tuple[tuple[str, Operand], ...]

    def __str__(self) -> str:
        text, loose = str(self.first), False
        for op, operand in self.rest:
            if op in "*/" and loose:
                text = f"({text})"
            text += op + (
                str(operand) if isinstance(operand, int) else f"{operand[0]}*{operand[1]}"
            )
            loose = op in "+-"
        return text

    def flat(self) -> list[tuple[str, int]]:
        """Every operation with its number, from the left of the text; the first number has none."""
        pairs = [("", self.first)]
        for op, operand in self.rest:
            if isinstance(operand, int):
                pairs.append((op, operand))
            else:
                pairs += [(op, operand[0]), ("*", operand[1])]
        return pairs


_SIGNS = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/"}


def terms(expression: str) -> Terms:
    """The terms of an expression of the language."""

    def number(node: ast.expr) -> int:
        return int(cast("int", cast("ast.Constant", node).value))

    def walk(node: ast.expr) -> Terms:
        if not isinstance(node, ast.BinOp):
            return Terms(number(node), ())
        left, right = walk(node.left), node.right
        operand: Operand = (
            (number(right.left), number(right.right))
            if isinstance(right, ast.BinOp)
            else number(right)
        )
        return Terms(left.first, (*left.rest, (_SIGNS[type(node.op)], operand)))

    return walk(ast.parse(expression, mode="eval").body)


def failing_step(right: Terms, wrong: Terms) -> int:
    """The first operation from the left, counted from 1, whose operator or number is wrong."""
    good, bad = right.flat(), wrong.flat()
    for position, (a, b) in enumerate(zip(good, bad, strict=False)):
        if a != b:
            return max(position, 1)
    return max(min(len(good), len(bad)), 1)


def corrupt(random: Random, expression: str) -> tuple[str, int]:
    """A wrong variant of an expression, and its failing step."""
    right = terms(expression)
    while True:
        wrong = random.choice((_operator, _operator, _number, _number, _missing, _extra, _order))(
            random, right
        )
        if wrong.flat() != right.flat() and str(wrong) != expression:
            return str(wrong), failing_step(right, wrong)


def _operator(random: Random, t: Terms) -> Terms:
    if not t.rest:
        return t
    at = random.randrange(len(t.rest))
    op, operand = t.rest[at]
    near = {"+": "-", "-": "+", "*": "/", "/": "*"}[op]
    new = near if random.random() < 0.5 else random.choice("+-*/")
    if not isinstance(operand, int) and new in "*/":
        new = near
    return Terms(t.first, (*t.rest[:at], (new, operand), *t.rest[at + 1 :]))


def _changed(random: Random, number: int, others: list[int]) -> int:
    if random.random() < 0.4:
        return random.choice(others)
    digits = list(str(number))
    how = random.random()
    at = random.randrange(len(digits))
    if how < 0.6:
        digits[at] = str(random.randint(1 if at == 0 else 0, 9))
    elif how < 0.8 and len(digits) > 1:
        del digits[at]
    else:
        digits.insert(at, str(random.randint(1, 9)))
    return int("".join(digits)[:4])


def _number(random: Random, t: Terms) -> Terms:
    numbers = [number for _, number in t.flat()]
    at = random.randrange(len(t.rest) + 1)
    if at == 0:
        return Terms(_changed(random, t.first, numbers), t.rest)
    op, operand = t.rest[at - 1]
    new: Operand
    if isinstance(operand, int):
        new = _changed(random, operand, numbers)
    elif random.random() < 0.5:
        new = (_changed(random, operand[0], numbers), operand[1])
    else:
        new = (operand[0], _changed(random, operand[1], numbers))
    return Terms(t.first, (*t.rest[: at - 1], (op, new), *t.rest[at:]))


def _missing(random: Random, t: Terms) -> Terms:
    if not t.rest:
        return t
    at = random.randrange(len(t.rest))
    return Terms(t.first, (*t.rest[:at], *t.rest[at + 1 :]))


def _extra(random: Random, t: Terms) -> Terms:
    at = random.randint(0, len(t.rest))
    numbers = [number for _, number in t.flat()]
    number = random.choice(numbers) if random.random() < 0.6 else random.randint(2, 99)
    return Terms(t.first, (*t.rest[:at], (random.choice("+-*/"), number), *t.rest[at:]))


def _order(random: Random, t: Terms) -> Terms:
    """Two neighbouring operations change places."""
    if len(t.rest) < 2:
        return t
    at = random.randrange(len(t.rest) - 1)
    return Terms(t.first, (*t.rest[:at], t.rest[at + 1], t.rest[at], *t.rest[at + 2 :]))
