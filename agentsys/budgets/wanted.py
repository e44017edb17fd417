"""What a call would like to take, and how far that can be shrunk before it is refused."""

from collections.abc import Callable
from dataclasses import dataclass

from agentsys.money import Spend, Worst


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a call would like to take, and how far that can be shrunk."""

    worst: Worst
    max_tokens: int
    seconds: float

    @property
    def spend(self) -> Spend:
        """The most that it costs."""
        return self.worst.spend(self.max_tokens, self.seconds)

    def least(self) -> Spend:
        """With a quarter of the reply (16 tokens at least) and a tenth of the time (a second)."""
        return self.worst.spend(self._fewest(), self._shortest())

    def within(self, left: Spend) -> "Wanted | None":
        """As much of it as fits: time goes first, because calls rarely take all of theirs."""
        fewest, shortest = self._fewest(), self._shortest()
        seconds = min(self.seconds, left.microseconds / 1_000_000)
        if not self._fits(fewest, shortest, left) or seconds < shortest:
            return None
        if self.worst.price.usd_per_hour and not self._fits(self.max_tokens, seconds, left):
            seconds = self._longest(fewest, shortest, seconds, left)
        tokens = _greatest(fewest, self.max_tokens, lambda n: self._fits(n, seconds, left))
        return Wanted(self.worst, tokens, seconds)

    def _longest(self, tokens: int, shortest: float, seconds: float, left: Spend) -> float:
        low, high = round(shortest * 1000), round(seconds * 1000)
        return _greatest(low, high, lambda ms: self._fits(tokens, ms / 1000, left)) / 1000

    def _fits(self, tokens: int, seconds: float, left: Spend) -> bool:
        return not self.worst.spend(tokens, seconds).beyond(left)

    def _fewest(self) -> int:
        return min(self.max_tokens, max(16, self.max_tokens // 4))

    def _shortest(self) -> float:
        return min(self.seconds, max(1.0, self.seconds / 10))


def _greatest(low: int, high: int, fits: Callable[[int], bool]) -> int:
    """The largest number that fits, where `low` does and the smaller ones always do."""
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if fits(middle) else (low, middle - 1)
    return low
