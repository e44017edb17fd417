"""Numbers between bounds as regular expressions over JSON text.

Outlines compiles no bounds. Numbers are kept to the digits that a double holds, so that text
which is within the bounds is still within them once it is read.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

BOUNDS = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum")
INTEGER = "-?(?:0|[1-9][0-9]{0,17})"
"""At most 18 digits: every language reads it, and a model that repeats itself comes to an end."""
NUMBER = rf"{INTEGER}(?:\.[0-9]{{1,17}})?(?:[eE][+-]?[0-9]{{1,2}})?"
_LARGEST = 10**18 - 1
_DIGITS = 15
"""Decimal digits that a double keeps."""
_BEFORE = (9, 12)
"""Digits before the point in a number with bounds: the first of these that holds the bounds."""


@dataclass(frozen=True, slots=True)
class Span:
    """An interval of numbers; `None` is no bound."""

    low: Decimal | None
    high: Decimal | None
    low_in: bool = True
    high_in: bool = True

    @property
    def empty(self) -> bool:
        """Whether no number lies in it."""
        if self.low is None or self.high is None:
            return False
        return self.low > self.high or (
            self.low == self.high and not (self.low_in and self.high_in)
        )


def span(schema: Mapping[str, Any]) -> Span:
    """What the bounds of a schema leave."""
    lows = [(_decimal(schema[k]), k == "minimum") for k in BOUNDS[::2] if k in schema]
    highs = [(_decimal(schema[k]), k == "maximum") for k in BOUNDS[1::2] if k in schema]
    low, low_in = max(lows, key=lambda b: (b[0], not b[1]), default=(None, True))
    high, high_in = min(highs, default=(None, True))
    return Span(low, high, low_in, high_in)


def whole(given: Span) -> tuple[int, int] | None:
    """The least and the greatest whole number of at most 18 digits; `None` where there is none."""
    low, high = -_LARGEST, _LARGEST
    if given.low is not None:
        floor = given.low.to_integral_value("ROUND_FLOOR")
        inside = floor == given.low and given.low_in
        low = max(low, int(floor) + (0 if inside else 1))
    if given.high is not None:
        ceiling = given.high.to_integral_value("ROUND_CEILING")
        inside = ceiling == given.high and given.high_in
        high = min(high, int(ceiling) - (0 if inside else 1))
    return (low, high) if low <= high else None


def integers(low: int, high: int) -> str:
    """Matches the whole numbers from `low` to `high`."""
    options: list[str] = []
    if low < 0:
        options += ["-" + text for text in _naturals(max(1, -high), -low)]
    if high >= 0:
        options += _naturals(max(0, low), high)
    return _either(options)


def decimals(given: Span) -> str | None:
    """Matches numbers of an interval, without exponents; `None` where digits are too few for it."""
    farthest = max(abs(bound or 0) for bound in (given.low, given.high))
    far = next((Decimal(10**n - 1) for n in _BEFORE if farthest < 10**n), None)
    if far is None:
        return None
    low = -far if given.low is None else given.low
    high = far if given.high is None else given.high
    places = _DIGITS - len(str(int(max(abs(low), abs(high)))))
    if max(len(_fraction(low)), len(_fraction(high))) > places - 1:
        return None
    options: list[str] = []
    if low < 0:
        below = Span(max(-high, Decimal(0)), -low, high < 0 and given.high_in, given.low_in)
        options += ["-" + text for text in _positive(below, places)]
    if high >= 0:
        above = Span(max(low, Decimal(0)), high, low < 0 or given.low_in, given.high_in)
        options += _positive(above, places)
    return _either(options) if options else None


def _decimal(value: Any) -> Decimal:
    return Decimal(value) if isinstance(value, int) else Decimal(repr(value))


def _fraction(value: Decimal) -> str:
    return f"{abs(value):f}".partition(".")[2].rstrip("0")


def _positive(given: Span, places: int) -> Iterator[str]:
    """Options for the numbers of an interval that starts at zero or above."""
    assert given.low is not None
    assert given.high is not None
    if given.empty:
        return
    low, high, after, before = int(given.low), int(given.high), *map(_fraction, _ends(given))
    if low == high:
        if given.low_in and not after:
            yield str(low)
        inside = _between(after, given.low_in, before, given.high_in, places, 1)
        yield from (rf"{low}\.{_either(inside)}",) if inside else ()
        return
    if given.low_in and not after:
        yield str(low)
    yield rf"{low}\.{_either(_least(after, given.low_in, places, 1))}"
    if high - low > 1:
        yield rf"{_either(_naturals(low + 1, high - 1))}(?:\.[0-9]{{1,{places}}})?"
    if given.high_in or before:
        yield str(high)
    inside = _most(before, given.high_in, places, 1)
    yield from (rf"{high}\.{_either(inside)}",) if inside else ()


def _ends(given: Span) -> tuple[Decimal, Decimal]:
    assert given.low is not None
    assert given.high is not None
    return given.low, given.high


def _least(digits: str, included: bool, places: int, fewest: int) -> list[str]:
    """Digits behind the point that are at least these (or more than these)."""
    if not digits:
        if included:
            return [_any(fewest, places)]
        return [f"{'0' * zeros}[1-9]{_any(0, places - zeros - 1)}" for zeros in range(places)]
    above = [
        f"{digits[:at]}{_digit(int(digit) + 1, 9)}{_any(0, places - at - 1)}"
        for at, digit in enumerate(digits)
        if digit != "9"
    ]
    return [*above, *(digits + rest for rest in _least("", included, places - len(digits), 0))]


def _most(digits: str, included: bool, places: int, fewest: int) -> list[str]:
    """Digits behind the point that are at most these (or less than these)."""
    if not digits:
        return [f"0{{{fewest},{places}}}"] if included else []
    below = [digits[:at] for at in range(fewest, len(digits))]
    below += [
        f"{digits[:at]}{_digit(0, int(digit) - 1)}{_any(0, places - at - 1)}"
        for at, digit in enumerate(digits)
        if digit != "0"
    ]
    return below + ([f"{digits}0{{0,{places - len(digits)}}}"] if included else [])


def _between(
    low: str, low_in: bool, high: str, high_in: bool, places: int, fewest: int
) -> list[str]:
    """Digits behind the point from `low` to `high`."""
    if not low and low_in:
        return _most(high, high_in, places, fewest)
    if not high:
        return []
    first, last = low[:1] or "0", high[0]
    if first == last:
        rest = _between(low[1:], low_in, high[1:], high_in, places - 1, 0)
        return [first + _either(rest)] if rest else []
    options = [first + _either(_least(low[1:], low_in, places - 1, 0))]
    if int(last) - int(first) > 1:
        options.append(_digit(int(first) + 1, int(last) - 1) + _any(0, places - 1))
    rest = _most(high[1:], high_in, places - 1, 0)
    return [*options, *([last + _either(rest)] if rest else [])]


def _naturals(low: int, high: int) -> list[str]:
    """Options for the whole numbers from `low` to `high`, neither below zero."""
    options: list[str] = []
    full: list[int] = []
    for length in range(len(str(low)), len(str(high)) + 1):
        first, last = (10 ** (length - 1) if length > 1 else 0), 10**length - 1
        if length > 1 and low <= first and last <= high:
            full.append(length - 1)
        else:
            options += _same_length(str(max(low, first)), str(min(high, last)))
    return options + ([f"[1-9]{_any(full[0], full[-1])}"] if full else [])


def _same_length(low: str, high: str) -> list[str]:
    if low == high:
        return [low]
    rest = len(low) - 1
    if low[0] == high[0]:
        return [low[0] + _either(_same_length(low[1:], high[1:]))]
    first, last = int(low[0]), int(high[0])
    options: list[str] = []
    if low[1:] != "0" * rest:
        options.append(low[0] + _either(_same_length(low[1:], "9" * rest)))
        first += 1
    if high[1:] != "9" * rest:
        options.append(high[0] + _either(_same_length("0" * rest, high[1:])))
        last -= 1
    return options + ([_digit(first, last) + _any(rest, rest)] if first <= last else [])


def _digit(low: int, high: int) -> str:
    return str(low) if low == high else f"[{low}-{high}]"


def _any(fewest: int, most: int) -> str:
    if most <= 0:
        return ""
    return f"[0-9]{{{most}}}" if fewest == most else f"[0-9]{{{fewest},{most}}}"


def _either(options: list[str]) -> str:
    return options[0] if len(options) == 1 else f"(?:{'|'.join(options)})"
