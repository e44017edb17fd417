"""The suite `word-problems-free`: ordinary English, written by hand, never trained on."""

import json
from dataclasses import dataclass
from functools import cache
from importlib import resources


@dataclass(frozen=True)
class FreeProblem:
    """A problem outside the controlled language, with its answer."""

    id: str
    text: str
    value: int


@cache
def free_problems() -> tuple[FreeProblem, ...]:
    """All of them, in the order of the file."""
    file = resources.files("agentsys.evaluation.word_problems") / "free.jsonl"
    lines = file.read_text(encoding="utf-8")
    return tuple(FreeProblem(**json.loads(line)) for line in lines.splitlines())
