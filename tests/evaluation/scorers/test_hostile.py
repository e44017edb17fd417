"""Outputs that were made to break what scores them, or happen to."""

from typing import Any

import pytest

from agentsys import System
from agentsys.evaluation.scorers import SCORERS, Comparison, scored, scorer_named
from agentsys.evaluation.scorers.base import MAX_TEXT
from agentsys.evaluation.task import Task
from agentsys.models.scripted import Scripted

SYSTEM = System({"slm": Scripted("")})


def nested(depth: int, *, keyed: bool = False) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = {"answer": value} if keyed else [value]
    return value


HOSTILE = {
    "long text": "9" * (MAX_TEXT + 1),
    "many commas": "1," * 90_000,
    "many brackets": "(" * 90_000,
    "many spaces": " " * 150_000 + "x",
    "many dollars": "$" * 90_000,
    "answer is": "answer is " * 15_000,
    "huge number": 10**100_000,
    "number beyond floats": 10**400,
    "not a number": float("nan"),
    "infinite": float("inf"),
    "huge exponent": "1e999999999",
    "many digits": "1" * 100_000,
    "half a character": "\ud800",
    "null character": "a\x00b",
    "deep list": nested(100_000),
    "deep fields": nested(5_000, keyed=True),
    "long list": list(range(MAX_TEXT + 1)),
    "long keys": {"answer": {"x" * (MAX_TEXT + 1): 1}},
    "keys that are no text": {"answer": {1: 2, None: 3}},
    "no JSON": {"answer": {1, 2}},
    "own class": {"answer": object()},
    "formula": "9^{9^{9^{9}}}" * 3,
    "code": "__import__('os').abort()",
    "nothing": None,
    "fields": {"a": 1, "b": 2},
}
REFERENCES = {"choice": "B", "yes-no": True, "text": "Ada", "f1": "Ada", "executable": "assert f()"}
NAMES = [*(name for name in SCORERS if name != "judge"), "executable:data", "set:0.5", "f1:0.1"]


@pytest.mark.parametrize("name", NAMES)
async def test_no_output_breaks_or_stalls_a_scorer(name):
    """It is wrong, in a moment, and the bench goes on."""
    scorer = scorer_named(name)
    reference = REFERENCES.get(name, REFERENCES.get(name.partition(":")[0], "42"))
    for output in HOSTILE.values():
        score = await scored(scorer, output, Task("t", "?", reference), SYSTEM)
        assert not score.success


class Broken(Comparison):
    """A scorer with a mistake in it."""

    @property
    def name(self) -> str:
        return "broken"

    def __call__(self, output: Any, reference: Any) -> bool:
        raise ZeroDivisionError("oh")


async def test_a_scorer_that_raises_is_told_of(caplog):
    """The output counts as wrong, and outcome and log say why."""
    score = await scored(Broken(), 1, Task("t", "?", 1), SYSTEM)
    assert (score.success, score.error) == (False, "not scored: ZeroDivisionError: oh")
    assert "The scorer broken could not tell of task t: ZeroDivisionError: oh" in caplog.text
