"""Tasks made by rule, and their own scores. The one importer of reasoning_gym.

This is called in the process of `scorers.working`: some of that library's scorers evaluate what
they are given as Python, or hang on it. So they work under a guard, and formulas are looked at
before.
"""

import inspect
import re
import sys
from functools import lru_cache
from typing import Any

from agentsys.evaluation.scorers.guard import FUNCTIONS, formula, guarded, nothing, noting

SIZE = 10_000
"""Of the data sets: the most tasks that there are."""

_EVALUATES = re.compile(
    r"\b(?:eval|exec|parse_expr|sympify|literal_eval)\(|(?<!re\.)\bcompile\(|\bsympy\b"
)
"""SymPy evaluates text that it is given for a formula."""
_FORMULAS = {
    "countdown",
    "intermediate_integration",
    "polynomial_multiplication",
    "puzzle24",
    "simple_integration",
}
"""Tasks that take any formula which is equal, and have SymPy evaluate it."""
_QUESTIONS = {"bitwise_arithmetic", "number_sorting"}
"""Tasks that evaluate their own question or answer, but not what they are given."""
_NONE = {
    "advanced_geometry",
    "basic_arithmetic",
    "bf",
    "codeio",
    "polynomial_equations",
    "propositional_logic",
    "simple_equations",
}
"""Tasks that evaluate something when they are made, and nothing when they score."""
_IN_PART = {"binary_matrix", "n_queens", "spiral_matrix", "string_insertion"}
"""Tasks that evaluate answers, but never give the full score to what they evaluated."""
_KNOWN = _FORMULAS | _QUESTIONS | _NONE | _IN_PART
"""All tasks that evaluate something (reasoning-gym 0.1.25)."""

_FORMULA = re.compile(
    rf"(?:[\d\s+\-*/^().,]|(?<!\w)(?:(?:{'|'.join(FUNCTIONS)})(?=\s*\()|(?:pi|[A-Za-z])(?!\w|\s*\()))*",
    re.ASCII,
)
"""No quotes, no name that is longer than a letter, and nothing is called but those functions."""
_LONGEST = 20_000


def tasks(task: str, seed: int, start: int, count: int) -> list[tuple[str, Any]]:
    """Questions and answers, from a place on; fewer at the end.

    Raises:
        ValueError: there is no such task, or none that can be scored without running answers.
    """
    data = _dataset(task, seed)
    entries = (data[index] for index in range(start, min(start + count, SIZE)))
    return [(entry["question"], entry["answer"]) for entry in entries]


def score_of(task: str, seed: int, index: int, answer: str) -> float:
    """The library's own score of an answer, from 0 to 1; 0 for what it would have to run."""
    data = _dataset(task, seed)
    entry = data[index]
    if answer == entry["answer"]:
        return 1.0
    if len(answer) > _LONGEST or (task in _FORMULAS and not _FORMULA.fullmatch(answer)):
        return 0.0
    passes = nothing
    if task in _FORMULAS:
        passes = formula
    elif task in _QUESTIONS:
        with noting() as own:
            data.score_answer(entry["answer"], entry)
        passes = own.__contains__
    with guarded(passes):
        return float(data.score_answer(answer, entry))


@lru_cache(maxsize=4)
def _dataset(task: str, seed: int) -> Any:
    import reasoning_gym

    library: Any = reasoning_gym
    try:
        data = library.create_dataset(task, seed=seed, size=SIZE)
    except (ValueError, AssertionError, TypeError) as error:
        raise ValueError(
            f"reasoning-gym has no task {task!r} that is made by name alone"
        ) from error
    if task not in _KNOWN and _evaluates(data):
        raise ValueError(
            f"reasoning-gym's {task!r} may run answers as Python, in a way that is not known here"
        )
    return data


def _evaluates(data: Any) -> bool:
    modules = {kind.__module__ for kind in type(data).__mro__ if kind is not object}
    return any(_EVALUATES.search(inspect.getsource(sys.modules[name])) for name in modules)
