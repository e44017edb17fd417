"""Tasks in plain JSON lines and CSV, and the scorer that suits their references."""

from collections.abc import Callable, Sequence
from typing import Any

from agentsys.evaluation.scorers import PICK, Exact, Numeric, Scorer, Text, YesNo
from agentsys.evaluation.scorers.numeric import number
from agentsys.evaluation.scorers.text import yes_or_no
from agentsys.evaluation.suites.files import Entry
from agentsys.evaluation.task import Task

QUESTIONS = ("question", "text", "problem", "prompt")
REFERENCES = ("reference", "answer", "target")
IDS = ("id", "task_id", "_id")


def plain(name: str, entry: Entry) -> Task:
    """`input` (any JSON) or a text called as in `QUESTIONS`, one of `REFERENCES`, one of `IDS`.

    Without an id, the line is the id.
    """
    task_id = entry.value(*IDS) if entry.has(*IDS) else entry.place.replace(" ", "-")
    if isinstance(task_id, bool) or not isinstance(task_id, str | int):
        entry.refuse(f"the id is neither text nor a whole number: {str(task_id)[:60]!r}")
    reference = entry.value(*REFERENCES)
    if entry.has("input"):
        return Task(str(task_id), entry.value("input"), reference)
    if not entry.has(*QUESTIONS):
        entry.value("input", *QUESTIONS)  # raises
    return Task(str(task_id), {"question": entry.text(*QUESTIONS)}, reference)


def suitable(references: Sequence[Any]) -> Scorer:
    """Numbers are compared as numbers, yes and no as such, text normalised, all else exactly."""
    for fits, scorer in _KINDS:
        if all(fits(reference) for reference in references):
            return scorer
    return Exact(PICK)


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


_KINDS: tuple[tuple[Callable[[Any], bool], Scorer], ...] = (
    (lambda value: number(value) is not None, Numeric(field=PICK)),
    (lambda value: isinstance(value, bool) or yes_or_no(value) is not None, YesNo(PICK)),
    (_is_text, Text(PICK)),
)
