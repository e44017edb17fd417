"""Numbers, within a tolerance."""

import math
import re
from dataclasses import dataclass
from typing import Any

from agentsys.evaluation.scorers.base import Comparison, part

_SIGNS = "$€£"
_LONGEST = 400
"""Characters of a text that may be a number."""

_NUMBER = re.compile(
    rf"[{_SIGNS}]?\s*([+-]?)\s*[{_SIGNS}]?\s*"
    r"(\d{1,3}(?:,\d{3})+(?:\.\d*)?|\d+(?:\.\d*)?|\.\d+)(e[+-]?\d+)?\s*"
    rf"[%{_SIGNS}]?\.?",
    re.ASCII | re.IGNORECASE,
)


@dataclass(frozen=True)
class Numeric(Comparison):
    """Right is a number within `tolerance` of the reference, relative to it where it exceeds 1.

    Text may have commas between thousands, a currency sign and a percent sign, which do not change
    the value: `$1,234.50` is 1234.5, and `50%` is 50.
    """

    field: str | None = "value"
    tolerance: float = 1e-6

    @property
    def name(self) -> str:
        """With its tolerance: `numeric ±1e-06`."""
        return f"numeric ±{self.tolerance:g}"

    def __call__(self, output: Any, reference: Any) -> bool:
        """Whether the number is close enough; anything that is no number is wrong."""
        given, wanted = number(part(output, self.field)), number(reference)
        if given is None or wanted is None:
            return False
        return abs(given - wanted) <= self.tolerance * max(1.0, abs(wanted))


def number(value: Any) -> float | None:
    """A finite number, also one that is written as text; `None` of anything else."""
    if isinstance(value, str):
        value = _read(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        finite = float(value)
    except OverflowError:
        return None
    return finite if math.isfinite(finite) else None


def _read(text: str) -> float | None:
    text = text.strip()
    if len(text) > _LONGEST or (found := _NUMBER.fullmatch(text)) is None:
        return None
    sign, digits, exponent = found.groups()
    return float(f"{sign}{digits.replace(',', '')}{exponent or ''}")
