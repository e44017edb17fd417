"""What a call would like to take, and how far that can be shrunk before it is refused."""

from collections.abc import Callable
from dataclasses import dataclass

from agentsys.money import Spend, Worst

_SECOND = 1_000_000


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a call would like to take, and how far that can be shrunk."""

    worst: Worst
    max_tokens: int
    microseconds: int

    @property
    def spend(self) -> Spend:
        """The most that it costs."""
        return self._spend(self.max_tokens, self.microseconds)

    def least(self) -> Spend:
        """With a quarter of the reply (16 tokens at least) and a tenth of the time (a second)."""
        return self._spend(self._fewest(), self._shortest())

    def within(self, left: Spend) -> "Wanted | None":
        """As much of it as fits: time goes first, because calls rarely take all of theirs."""
        if self.least().beyond(left):
            return None
        shortest, longest = self._shortest(), min(self.microseconds, left.microseconds)
        tokens = _greatest(
            self._fewest(), self.max_tokens, lambda n: not self._spend(n, shortest).beyond(left)
        )
        time = _greatest(shortest, longest, lambda time: not self._spend(tokens, time).beyond(left))
        return Wanted(self.worst, tokens, time)

    def _spend(self, max_tokens: int, microseconds: int) -> Spend:
        return self.worst.spend(max_tokens, microseconds / _SECOND)

    def _fewest(self) -> int:
        return min(self.max_tokens, max(16, self.max_tokens // 4))

    def _shortest(self) -> int:
        return min(self.microseconds, max(_SECOND, self.microseconds // 10))


def _greatest(low: int, high: int, fits: Callable[[int], bool]) -> int:
    """The largest number that fits, where `low` does and the smaller ones always do."""
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if fits(middle) else (low, middle - 1)
    return low
