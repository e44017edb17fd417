"""Letters of multiple choice."""

import re
from dataclasses import dataclass
from typing import Any

from agentsys.evaluation.scorers.base import Comparison, part

_LETTER = r"[(\[]?([A-Z])[)\]]?"
_ALONE = re.compile(rf"\W*{_LETTER}\W*", re.IGNORECASE)
_FIRST = re.compile(r"\A\s*(?:\(([A-Z])\)|\[([A-Z])\]|([A-Z])[).:])(?=\s)", re.IGNORECASE)
_SAID = re.compile(
    r"(?i:\b(?:answer|option|choice)(?:\s+is|\s*[:=])\s*(?:option\s+)?)\W{0,4}?"
    r"(?:([A-Z])(?![\w'])|([a-z])(?=[)\].*]|\s*\Z))"
)
"""A small letter is one only where nothing but punctuation follows: `the answer is a city`."""
_MARKED = re.compile(r"(?:\(([A-Z])\)|\[([A-Z])\]|\*\*([A-Z])\*\*|\\boxed\{([A-Z])\})")


@dataclass(frozen=True)
class Choice(Comparison):
    """Right is the letter of the reference.

    It is read from `B`, `(B)`, `B. Paris`, `Answer: B` and `it must be (B)`. Text that names
    several letters in the same way names none.
    """

    @property
    def name(self) -> str:
        """`choice`."""
        return "choice"

    def __call__(self, output: Any, reference: Any) -> bool:
        """Whether both name the same letter."""
        given = letter(part(output, self.field))
        return given is not None and given == letter(reference)


def letter(value: Any) -> str | None:
    """The letter that a text names; `None` where it names none, or several."""
    if not isinstance(value, str):
        return None
    if found := _ALONE.fullmatch(value):
        return found[1].upper()
    for pattern in (_SAID, _FIRST, _MARKED):
        named = {
            next(filter(None, found)).upper() for found in map(_groups, pattern.finditer(value))
        }
        if named:
            return named.pop() if len(named) == 1 else None
    return None


def _groups(found: re.Match[str]) -> tuple[str | None, ...]:
    return found.groups()
