"""Answers with labels for nothing: right solutions, and such with one error put into them.

After RISE (arXiv 2410.06638), where models learn from small errors in right solutions. Half of the
answers are wrong, each by one error:

| kind | is |
|---|---|
| `operand` | another number of the same solution in the place of one |
| `operator` | another operation |
| `unit` | a number in another unit: times or by 10, 12, 60, 100 or 1000 |
| `off by one` | a number that is one more or less |

What is still right, because the value stays, is no error; nor is what has no value. The failing
step is the first operation from the left whose sign or number is wrong, from 1.
"""

import ast
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from random import Random
from typing import Any

from agentsys.errors import ToolFailed, UserError
from agentsys.evaluation.scorers import Comparison
from agentsys.evaluation.suites import Suite, Task
from agentsys.tools.arithmetic import evaluate

FIELD = "expression"
"""What an answer's one field is called, as in the ready-made `Solution`."""

_FACTORS = (10, 12, 60, 100, 1000)
_LONGEST = 9999
"""Numbers that grow beyond this would give themselves away."""
_TRIES = 20

_TOKEN = re.compile(r"\d+(?:\.\d+)?|[-+*/()]")


@dataclass(frozen=True, slots=True)
class Injected:
    """A solution with an error in it."""

    expression: str
    failing_step: int
    error: str


def gold_set(suite: Suite, *, pairs: bool = False) -> Iterator[dict[str, Any]]:
    """The lines of a gold file; the same suite gives the same.

    Args:
        suite: Tasks with solutions. Every second one is answered wrong.
        pairs: Answer every task twice instead, right and wrong.

    Raises:
        UserError: a task has no solution, or one that is not right.
    """
    wrong = 0
    for index, task in enumerate(suite.tasks):
        right = _solved(suite, task)
        if pairs or index % 2 == 0:
            yield _line(task, task.id, right) | {"label": "correct"}
        if pairs or index % 2 == 1:
            random, kind = Random(f"gold {suite.seed} {task.id}"), KINDS[wrong % len(KINDS)]
            found = inject(random, right, kind, partial(_right, suite, task))
            yield _line(task, f"{task.id}-wrong" if pairs else task.id, found.expression) | {
                "label": "incorrect",
                "failing_step": found.failing_step,
                "error": found.error,
            }
            wrong += 1


def _line(task: Task, name: str, expression: str) -> dict[str, Any]:
    return {"id": name, "task": task.data, "answer": {FIELD: expression}}


def inject(random: Random, expression: str, kind: str, right: Callable[[str], bool]) -> Injected:
    """A solution with one error of a kind; where there can be none of it, of the next kind.

    Args:
        random: What is drawn from.
        expression: The right solution.
        kind: One of `KINDS`.
        right: Whether an expression is right all the same; it raises `ToolFailed` where that has
            no value.

    Raises:
        UserError: no error changes the value.
    """
    first = KINDS.index(kind)
    for each in (*KINDS[first:], *KINDS[:first]):
        for _ in range(_TRIES):
            found = _ERRORS[each](random, _TOKEN.findall(expression))
            if found is None:
                break
            tokens, step = found
            try:
                wrong = plain("".join(tokens))
                if not right(wrong):
                    return Injected(wrong, step, each)
            except ToolFailed:
                continue
    raise UserError(f"No error in {expression!r} changes its value.")


def plain(expression: str) -> str:
    """The same without spaces, and with no brackets but those that are needed.

    Raises:
        ToolFailed: it is no expression.
    """
    try:
        return ast.unparse(ast.parse(expression, mode="eval")).replace(" ", "")
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise ToolFailed("the expression is malformed.") from error


def _solved(suite: Suite, task: Task) -> str:
    if not task.solution:
        raise UserError(
            f"The suite {suite.name!r} has no solutions that an error could be put into.",
            hint="'word-problems' has; label answers by hand for others.",
        )
    solution = plain(task.solution)
    if not _right(suite, task, solution):
        raise UserError(f"The solution {solution!r} of the task {task.id!r} is not right.")
    return solution


def _right(suite: Suite, task: Task, expression: str) -> bool:
    scorer = suite.scorer
    return isinstance(scorer, Comparison) and scorer(evaluate(expression), task.reference)


Tokens = list[str]
Error = Callable[[Random, Tokens], tuple[Tokens, int] | None]
"""The tokens with one of them changed, and the step that is wrong now; `None`: there is none."""


def _numbers(tokens: Tokens) -> list[int]:
    return [at for at, token in enumerate(tokens) if token[0].isdigit()]


def _with_number(tokens: Tokens, which: int, number: str) -> tuple[Tokens, int]:
    """The `which`th number changed; it belongs to the operation before it."""
    at = _numbers(tokens)[which]
    return [*tokens[:at], number, *tokens[at + 1 :]], max(which, 1)


def _operand(random: Random, tokens: Tokens) -> tuple[Tokens, int] | None:
    places = _numbers(tokens)
    which = random.randrange(len(places))
    others = [tokens[at] for at in places if tokens[at] != tokens[places[which]]]
    return _with_number(tokens, which, random.choice(others)) if others else None


def _operator(random: Random, tokens: Tokens) -> tuple[Tokens, int] | None:
    signs = [
        at
        for at, token in enumerate(tokens)
        if token in "+-*/" and at and (tokens[at - 1] == ")" or tokens[at - 1][0].isdigit())
    ]
    if not signs:
        return None
    which = random.randrange(len(signs))
    at = signs[which]
    other = random.choice([sign for sign in "+-*/" if sign != tokens[at]])
    return [*tokens[:at], other, *tokens[at + 1 :]], which + 1


def _unit(random: Random, tokens: Tokens) -> tuple[Tokens, int] | None:
    def scaled(number: int) -> list[int]:
        more = [number * factor for factor in _FACTORS if number * factor <= _LONGEST]
        return more + [number // f for f in _FACTORS if number % f == 0 and number > f]

    return _changed(random, tokens, scaled)


def _off_by_one(random: Random, tokens: Tokens) -> tuple[Tokens, int] | None:
    return _changed(
        random, tokens, lambda number: [number + 1, *([number - 1] if number > 1 else [])]
    )


def _changed(
    random: Random, tokens: Tokens, ways: Callable[[int], list[int]]
) -> tuple[Tokens, int] | None:
    """One of the whole numbers changed in one of these ways."""
    whole = [
        (which, ways(int(tokens[at])))
        for which, at in enumerate(_numbers(tokens))
        if tokens[at].isdecimal() and ways(int(tokens[at]))
    ]
    if not whole:
        return None
    which, choices = random.choice(whole)
    return _with_number(tokens, which, str(random.choice(choices)))


_ERRORS: dict[str, Error] = {
    "operand": _operand,
    "operator": _operator,
    "unit": _unit,
    "off by one": _off_by_one,
}
KINDS = tuple(_ERRORS)
"""The kinds of errors, in the order in which they take turns."""
