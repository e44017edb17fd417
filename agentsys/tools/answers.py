"""The number that a reply gives as its answer, however it is written."""

import json
import math
import re
from collections.abc import Iterator
from typing import Any, cast

_NUMBER = re.compile(r"-?\d[\d,]*(?:\.\d+)?", re.ASCII)
_FENCED = re.compile(r"```\w*\n(.*?)```", re.DOTALL)
_KEY = re.compile(r'"answer"\s*:')

LONGEST = 400
"""Characters of a number; more are none."""


def first_number(text: str) -> float | None:
    """The first number in a text: `$1,234.50 each` is 1234.5, `2:00 pm` is 2."""
    return next(_numbers(text), None)


def answer_in(reply: str) -> float | None:
    """The number that a reply gives as its answer.

    The first one of the field `answer`, where the reply is JSON, or has it in a code fence; of what
    comes after `"answer":`, where it is broken JSON; else the last one of all.
    """
    fenced = _FENCED.search(reply)
    for text in (reply, fenced.group(1) if fenced else ""):
        told = _answer_field(text)
        if told is not None:
            return first_number(told)
    *_, last = [None, *_KEY.finditer(reply)]
    if last is not None:
        return first_number(reply[last.end() :])
    *_, number = [None, *_numbers(reply)]
    return number


def _answer_field(text: str) -> str | None:
    try:
        data: object = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(data, dict):
        return None
    told: Any = cast("dict[str, Any]", data).get("answer")
    return None if told is None else str(told)


def _numbers(text: str) -> Iterator[float]:
    for match in _NUMBER.finditer(text):
        if len(match.group()) <= LONGEST:
            value = float(match.group().replace(",", ""))
            if math.isfinite(value):
                yield value
