"""A right and a wrong answer to the same task: what judges of pairs are measured on."""

from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b
from typing import Any

from agentsys.evaluation.judging.gold import Gold, Item


@dataclass(frozen=True)
class Matchup:
    """Two answers to one task, of which one is correct."""

    correct: Item
    incorrect: Item

    @cached_property
    def digest(self) -> str:
        """Of both: the same in every file."""
        text = f"{self.correct.digest} {self.incorrect.digest}"
        return blake2b(text.encode(), digest_size=8).hexdigest()

    @property
    def correct_first(self) -> bool:
        """Whether the correct one is `a`: in about half of all pairs, and always in this one."""
        return int(self.digest, 16) % 2 == 0

    @property
    def shown(self) -> dict[str, Any]:
        """What a judge of pairs is shown, as JSON data: never which is correct."""
        a, b = self.correct.answer, self.incorrect.answer
        if not self.correct_first:
            a, b = b, a
        return {"task": self.correct.task, "a": a, "b": b}

    @property
    def place(self) -> str:
        """Where in the file they stand."""
        return f"Lines {self.correct.line} and {self.incorrect.line} are"


def matchups(gold: Gold) -> tuple[Matchup, ...]:
    """Each incorrect answer with a correct one to the same task, where there is one."""
    correct: dict[str, list[Item]] = {}
    for item in gold.items:
        if item.correct:
            correct.setdefault(item.task_digest, []).append(item)
    found: list[Matchup] = []
    taken: dict[str, int] = {}
    for item in gold.items:
        task = item.task_digest
        if not item.correct and task in correct:
            at = taken[task] = taken.get(task, -1) + 1
            found.append(Matchup(correct[task][at % len(correct[task])], item))
    return tuple(found)
