"""What decides whether an output is right, given the reference of its task."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol, cast

from agentsys.schema import JsonObject


class Scorer(Protocol):
    """Says whether an output, as JSON data, is right."""

    @property
    def name(self) -> str:
        """How the ledger calls it."""
        ...

    @property
    def field(self) -> str | None:
        """The output's field that it looks at; `None`: the whole output."""
        ...

    def __call__(self, output: Any, reference: Any) -> bool:
        """Whether the output is right."""
        ...


@dataclass(frozen=True, slots=True)
class Numeric:
    """Right is a number within `tolerance` of the reference, relative to it where it exceeds 1."""

    tolerance: float = 1e-6
    field: str | None = "value"

    @property
    def name(self) -> str:
        """With its tolerance: `numeric ±1e-06`."""
        return f"numeric ±{self.tolerance:g}"

    def __call__(self, output: Any, reference: Any) -> bool:
        """Whether the number is close enough; anything that is no number is wrong."""
        given, wanted = _number(part(output, self.field)), _number(reference)
        if given is None or wanted is None:
            return False
        return abs(given - wanted) <= self.tolerance * max(1.0, abs(wanted))


@dataclass(frozen=True, slots=True)
class Exact:
    """Right is what equals the reference."""

    field: str | None = None

    @property
    def name(self) -> str:
        """`exact`."""
        return "exact"

    def __call__(self, output: Any, reference: Any) -> bool:
        """Whether both are the same JSON value; true is not 1."""
        given = part(output, self.field)
        return isinstance(given, bool) == isinstance(reference, bool) and given == reference


def part(output: Any, field: str | None) -> Any:
    """A field of an output; an output without fields as it is."""
    if field is not None and isinstance(output, Mapping):
        return cast("Mapping[str, Any]", output).get(field)
    return output


def has_field(schema: JsonObject, field: str | None) -> bool:
    """Whether an output of this JSON Schema can have the field; unclear schemas may."""
    if field is None or schema.get("type") != "object":
        return schema.get("type") not in ("array", "null") or field is None
    return field in schema.get("properties", {}) or bool(schema.get("additionalProperties"))


def _number(value: Any) -> float | None:
    """A finite number; JSON writes decimals as text."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None
