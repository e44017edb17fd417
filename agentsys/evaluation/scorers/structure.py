"""The same JSON, whichever way it is written."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from agentsys.evaluation.scorers.base import Comparison, part
from agentsys.schema import parse

_DEEPEST = 200


@dataclass(frozen=True)
class Json(Comparison):
    """Right is the reference's JSON value: the order of keys does not matter, and 1 is 1.0.

    True is not 1. Text is read as JSON where the reference is no text.
    """

    @property
    def name(self) -> str:
        """`json`."""
        return "json"

    def __call__(self, output: Any, reference: Any) -> bool:
        """Whether both are the same value."""
        given = part(output, self.field)
        if isinstance(given, str) and not isinstance(reference, str):
            given = parse(given)
        return same(given, reference)


def same(a: Any, b: Any, depth: int = 0) -> bool:
    """Whether two JSON values are the same."""
    if depth > _DEEPEST:
        raise ValueError(f"it is nested more than {_DEEPEST} deep")
    if isinstance(a, Mapping) and isinstance(b, Mapping):
        one, other = cast("Mapping[str, Any]", a), cast("Mapping[str, Any]", b)
        return one.keys() == other.keys() and all(
            same(value, other[key], depth + 1) for key, value in one.items()
        )
    if isinstance(a, list | tuple) and isinstance(b, list | tuple):
        left, right = cast("list[Any]", a), cast("list[Any]", b)
        return len(left) == len(right) and all(
            same(x, y, depth + 1) for x, y in zip(left, right, strict=True)
        )
    return isinstance(a, bool) == isinstance(b, bool) and a == b
