"""What a text is made of: runs of letters, weighed by how rare they are, and its length."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from math import log, sqrt

_SHORTEST, _LONGEST = 3, 5
"""Characters of a run; runs do not reach from word to word."""


def grams_of(text: str) -> Counter[str]:
    """The runs of characters in a text, with how often each occurs."""
    found: Counter[str] = Counter()
    for word in text.lower().split():
        framed = f" {word} "
        for size in range(_SHORTEST, _LONGEST + 1):
            found.update(_runs(framed, size))
    return found


def _runs(word: str, size: int) -> Iterator[str]:
    return (word[at : at + size] for at in range(max(1, len(word) - size + 1)))


@dataclass(frozen=True)
class Grams:
    """What texts are measured by: TF-IDF of runs of characters, and the logarithm of the length."""

    rarity: Mapping[str, float] = field(default_factory=dict[str, float])
    """Of each run that counts, by how few texts have it (inverse document frequency)."""
    mean: float = 0.0
    """Of the logarithm of the length."""
    spread: float = 1.0

    @classmethod
    def of(cls, texts: Iterable[str], *, most: int, least: int) -> "Grams":
        """Measures by the texts of a sample.

        Args:
            texts: The sample.
            most: Runs that count: the most frequent ones.
            least: Texts that have a run which counts.
        """
        every = list(texts)
        spread_over: Counter[str] = Counter()
        for text in every:
            spread_over.update({*grams_of(text)})
        # Ties in the order of the runs, so that the same texts always make the same measures.
        common = sorted(spread_over.items(), key=lambda item: (-item[1], item[0]))[:most]
        rarity = {
            run: log((1 + len(every)) / (1 + count)) + 1 for run, count in common if count >= least
        }
        lengths = [_length(text) for text in every]
        mean = sum(lengths) / len(lengths)
        spread = sqrt(sum((length - mean) ** 2 for length in lengths) / len(lengths))
        return cls(rarity, mean, spread or 1.0)

    def length(self, text: str) -> float:
        """How long a text is: in standard deviations of the logarithm, from the mean."""
        return (_length(text) - self.mean) / self.spread

    def weights(self, text: str) -> dict[str, float]:
        """The weight of each run in a text that counts; their squares add up to 1."""
        found = {
            run: (1 + log(count)) * self.rarity[run]
            for run, count in grams_of(text).items()
            if run in self.rarity
        }
        norm = sqrt(sum(weight**2 for weight in found.values())) or 1.0
        return {run: weight / norm for run, weight in found.items()}


def _length(text: str) -> float:
    return log(1 + len(text))
