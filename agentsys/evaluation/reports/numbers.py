"""Figures as people read them."""

from collections.abc import Callable
from math import floor, log10

NONE = "-"
"""What is not known, or does not apply."""


def percent(share: float | None) -> str:
    """A share: `97.0%`."""
    return NONE if share is None else f"{share:.1%}"


def money(amount: float | None) -> str:
    """Dollars: three significant digits, never an exponent."""
    if amount is None:
        return NONE
    digits = 2 if amount <= 0 else max(2, 2 - floor(log10(amount)))
    return f"${amount:.{digits}f}"


def seconds(amount: float | None) -> str:
    """A time: `0.540 s`."""
    return NONE if amount is None else f"{amount:.3f} s"


def joules(amount: float | None) -> str:
    """An energy: three significant digits, never an exponent."""
    if amount is None:
        return "not measured"
    digits = 0 if amount <= 0 else max(0, 2 - floor(log10(amount)))
    return f"{amount:,.{digits}f} J"


def several(number: int, what: str) -> str:
    """How many there are of a thing with an ordinary plural: `1 task`, `1,234 tasks`."""
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def count(number: float | None) -> str:
    """A whole number: `1,234`."""
    return NONE if number is None else f"{number:,.0f}"


def coefficient(value: float | None) -> str:
    """A number around 0 and 1: `0.873`."""
    return NONE if value is None else f"{value:.3f}"


def span(ends: tuple[float, float | None] | None, text: Callable[[float | None], str]) -> str:
    """An interval, to stand behind a figure: ` (93.6% to 98.6%)`; without an upper end, to ∞."""
    if ends is None:
        return ""
    low, high = ends
    return f" ({text(low)} to {'∞' if high is None else text(high)})"
