"""Checks: `(input, output) -> True`, or the reason why the output will not do."""

from collections.abc import Callable, Iterable
from typing import Any

from agentsys.errors import Abstain, ToolFailed

UNCERTAIN = "the answer is not certain enough."
"""The reason given where an answer passed its checks but the model was not sure of it."""


def first_objection(
    checks: Iterable[Callable[[Any, Any], bool | str]], value: Any, output: Any
) -> str:
    """The first reason against an output; empty where every check passes.

    A check may also raise `Abstain` or `ToolFailed` with the reason.
    """
    for check in checks:
        try:
            verdict = check(value, output)
        except (Abstain, ToolFailed) as error:
            return error.message
        if verdict is not True:
            return verdict if isinstance(verdict, str) and verdict else _unexplained(check)
    return ""


def _unexplained(check: Callable[..., Any]) -> str:
    return f"the check {getattr(check, '__name__', 'given')!r} is not passed."
