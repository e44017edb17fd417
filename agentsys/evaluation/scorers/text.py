"""Text that says the same, whatever its case, articles and punctuation; and yes or no."""

import re
import string
import unicodedata
from dataclasses import dataclass
from typing import Any, cast

from agentsys.evaluation.scorers.base import Comparison, part

_ARTICLES = re.compile(r"\b(?:a|an|the)\b")
_PUNCTUATION = str.maketrans("", "", string.punctuation)

_YES_NO = {"yes": True, "true": True, "no": False, "false": False}


def normalised(value: Any) -> str | None:
    """Text in lower case, without punctuation, articles and superfluous spaces.

    As the evaluation script of SQuAD 1.1 has it (Rajpurkar et al. 2016, section 6.1), after
    Unicode's NFKC; but for text of articles alone, which stays. Numbers are text as JSON writes
    them, truth values are yes and no; `None` of other values.
    """
    if isinstance(value, bool):
        value = "yes" if value else "no"
    if isinstance(value, int | float):
        value = f"{value:g}" if isinstance(value, float) else str(value)
    if not isinstance(value, str):
        return None
    text = unicodedata.normalize("NFKC", value).lower().translate(_PUNCTUATION)
    return " ".join(_ARTICLES.sub(" ", text).split() or text.split())


def choices(reference: Any) -> list[Any]:
    """A reference that is a list has several right answers."""
    return cast("list[Any]", reference) if isinstance(reference, list) else [reference]


@dataclass(frozen=True)
class Text(Comparison):
    """Right is text that equals the reference, or one of a list of them, once normalised."""

    @property
    def name(self) -> str:
        """`text`."""
        return "text"

    def sample(self, reference: Any) -> Any:
        """The first right answer."""
        return next(iter(choices(reference)), None)

    def __call__(self, output: Any, reference: Any) -> bool:
        """Whether both say the same."""
        given = normalised(part(output, self.field))
        return given is not None and given in [normalised(each) for each in choices(reference)]


@dataclass(frozen=True)
class YesNo(Comparison):
    """Right is the same of yes and no: a truth value, or text that begins with one of the words."""

    @property
    def name(self) -> str:
        """`yes-no`."""
        return "yes-no"

    def __call__(self, output: Any, reference: Any) -> bool:
        """Whether both say yes, or both say no."""
        given = yes_or_no(part(output, self.field))
        return given is not None and given is yes_or_no(reference)


def yes_or_no(value: Any) -> bool | None:
    """What a value says; `None` where it says neither."""
    if isinstance(value, bool):
        return value
    first = (normalised(value) or "").split(maxsplit=1)[:1] if isinstance(value, str) else []
    return _YES_NO.get(first[0]) if first else None
