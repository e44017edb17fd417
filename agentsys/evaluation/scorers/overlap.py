"""How much two texts, or two sets, have in common."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, cast

from agentsys.evaluation.scorers.base import Comparison, part
from agentsys.evaluation.scorers.text import choices, normalised

_DECISIVE = {"yes", "no", "noanswer"}
"""One of these and another text have nothing in common, as HotpotQA's evaluation has it."""


@dataclass(frozen=True)
class F1(Comparison):
    """Right is text whose words have an F1 of at least `at_least` with those of the reference.

    The words are those of the normalised texts, as in the evaluation scripts of SQuAD 1.1 and
    HotpotQA; of a list of references, the nearest counts.
    """

    at_least: float = 0.5

    @property
    def name(self) -> str:
        """With its threshold: `f1 ≥ 0.5`."""
        return f"f1 ≥ {self.at_least:g}"

    def sample(self, reference: Any) -> Any:
        """The first right answer."""
        return next(iter(choices(reference)), None)

    def __call__(self, output: Any, reference: Any) -> bool:
        """Whether they have enough words in common."""
        given = normalised(part(output, self.field))
        return any(_near(given, normalised(each), self.at_least) for each in choices(reference))


def _near(given: str | None, wanted: str | None, at_least: float) -> bool:
    if given is None or wanted is None:
        return False
    if not given or not wanted:
        return given == wanted  # nothing is left of them
    if given != wanted and ({given, wanted} & _DECISIVE):
        return False
    return f1(given.split(), wanted.split()) >= at_least


@dataclass(frozen=True)
class SetOf(Comparison):
    """Right is a set with the reference's elements, in any order; fewer or more where F1 allows.

    A list, or text with commas or line ends between the elements, which are compared normalised and
    count once each.
    """

    at_least: float = 1.0

    @property
    def name(self) -> str:
        """`set`, or with its threshold: `set f1 ≥ 0.8`."""
        return "set" if self.at_least == 1 else f"set f1 ≥ {self.at_least:g}"

    def __call__(self, output: Any, reference: Any) -> bool:
        """Whether they have enough elements in common."""
        given, wanted = _elements(part(output, self.field)), _elements(reference)
        if given is None or wanted is None:
            return False
        return given == wanted or f1(given, wanted) >= self.at_least


def f1(given: Iterable[str], wanted: Iterable[str]) -> float:
    """The harmonic mean of precision and recall of what both have."""
    had, asked = Counter(given), Counter(wanted)
    common = (had & asked).total()
    return 2 * common / (had.total() + asked.total()) if common else 0.0


def _elements(value: Any) -> frozenset[str] | None:
    if isinstance(value, str):
        value = [piece for line in value.splitlines() for piece in line.split(",")]
    if not isinstance(value, list | tuple):
        return None
    words = [normalised(each) for each in cast("list[Any]", value)]
    if None in words:
        return None
    return frozenset(word for word in words if word)
