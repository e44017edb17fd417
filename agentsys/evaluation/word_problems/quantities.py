"""Choosing numbers: one to four digits, exact divisions, results from 0 to 9999."""

from functools import cache
from random import Random

from .words import Split, is_held_out

LIMIT = 9999
"""The largest number and the largest result."""
_LENGTHS = (8, 8, 3, 2)
"""How often a number has one, two, three and four digits where all of them fit."""
HELD_OUT_NUMBERS = 0.1
"""Share of the numbers of two to four digits that no training problem states."""


class NoNumberError(Exception):
    """No number fits here; the problem is drawn again."""


@cache
def is_held_out_number(number: int) -> bool:
    """Whether a number is kept out of the texts of training problems."""
    return number > 9 and is_held_out(f"number {number}", HELD_OUT_NUMBERS)


class Numbers:
    """Draws numbers that a split may use."""

    def __init__(self, random: Random, split: Split) -> None:
        self._random = random
        self._may_use_held_out = split == "held_out"

    def allowed(self, number: int) -> bool:
        """Whether this split's texts may state the number."""
        return self._may_use_held_out or not is_held_out_number(number)

    def upto(self, high: int, *, low: int = 2, digits: int = 4) -> int:
        """A number from `low` to `high`; its length is drawn first."""
        high = min(high, 10**digits - 1)
        if high < low:
            raise NoNumberError
        for _ in range(20):
            lengths = range(len(str(low)), len(str(high)) + 1)
            length = self._random.choices(lengths, _LENGTHS[lengths[0] - 1 : lengths[-1]])[0]
            number = self._random.randint(max(low, 10 ** (length - 1)), min(high, 10**length - 1))
            if self.allowed(number):
                return number
        raise NoNumberError

    def factor(self, high: int) -> int:
        """A multiplier: mostly one digit."""
        return self.upto(high, digits=1 if self._random.random() < 0.6 else 2)

    def pair(self, high: int) -> tuple[int, int]:
        """Two numbers whose product is at most `high`."""
        if high < 4:
            raise NoNumberError
        first = self.upto(high // 2, digits=self._random.choice((1, 1, 1, 2, 2, 3)))
        second = self.upto(high // first, digits=self._random.choice((1, 1, 1, 2, 2, 3)))
        return (first, second) if self._random.random() < 0.5 else (second, first)

    def divisor(self, number: int) -> int:
        """A number of at most two digits that divides `number` exactly."""
        found = [d for d in range(2, min(number, 99) + 1) if number % d == 0 and self.allowed(d)]
        if not found:
            raise NoNumberError
        short = [d for d in found if d < 10]
        return self._random.choice(short if short and self._random.random() < 0.6 else found)
