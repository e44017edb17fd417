"""Tasks made by rule, and their own scores. The one importer of reasoning_gym.

This is called in the process of `scorers.working`: some of that library's scorers evaluate what
they are given as Python, or hang on it. What they would evaluate is looked at before.
"""

import inspect
import re
import sys
from functools import lru_cache
from typing import Any

SIZE = 10_000
"""Of the data sets: the most tasks that there are."""

_EVALUATES = re.compile(r"\b(?:eval|exec)\(|\bsympy\b")
"""SymPy evaluates text that it is given for a formula."""
_ONLY_ITS_OWN = {
    "basic_arithmetic",
    "bitwise_arithmetic",
    "codeio",
    "number_sorting",
    "propositional_logic",
}
"""Tasks whose code evaluates something, but never an answer (reasoning-gym 0.1.25)."""

_NAMES = "exp|log|ln|sqrt|a?sinh?|a?cosh?|a?tanh?|pi|Abs"
_TEXT = r"[A-Za-z\d .+-]*"
_HARMLESS = re.compile(
    rf"(?:[\d\s+\-*/^().,=|°\[\]]|'{_TEXT}'|\"{_TEXT}\"|(?<!\w)(?:[A-Za-z]|{_NAMES})(?!\w))*"
)
"""Formulas and lists: no name that is longer than a letter, but for functions of mathematics."""
_LONGEST = 20_000


def tasks(task: str, seed: int, start: int, count: int) -> list[tuple[str, Any]]:
    """Questions and answers, from a place on; fewer at the end.

    Raises:
        ValueError: there is no such task.
    """
    data = _dataset(task, seed)
    entries = (data[index] for index in range(start, min(start + count, SIZE)))
    return [(entry["question"], entry["answer"]) for entry in entries]


def score_of(task: str, seed: int, index: int, answer: str) -> float:
    """The library's own score of an answer, from 0 to 1."""
    data = _dataset(task, seed)
    entry = data[index]
    if answer == entry["answer"]:
        return 1.0
    if len(answer) > _LONGEST or (_evaluates(task, data) and not _HARMLESS.fullmatch(answer)):
        return 0.0
    return float(data.score_answer(answer, entry))


@lru_cache(maxsize=4)
def _dataset(task: str, seed: int) -> Any:
    import reasoning_gym

    library: Any = reasoning_gym
    try:
        return library.create_dataset(task, seed=seed, size=SIZE)
    except (ValueError, AssertionError, TypeError) as error:
        raise ValueError(
            f"reasoning-gym has no task {task!r} that is made by name alone"
        ) from error


def _evaluates(task: str, data: Any) -> bool:
    if task in _ONLY_ITS_OWN:
        return False
    modules = {kind.__module__ for kind in type(data).__mro__ if "reasoning_gym" in kind.__module__}
    return any(_EVALUATES.search(inspect.getsource(sys.modules[name])) for name in modules)
