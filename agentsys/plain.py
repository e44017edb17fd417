"""Values of a graph's state as JSON text, and back: nothing in a text makes an object of a class.

What JSON has no word for comes back as `Kept`, until a node says of which type it should be.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, TypeVar, cast

from pydantic_core import to_jsonable_python

from agentsys.errors import StoreError
from agentsys.schema import adapter, restored, validate

T = TypeVar("T")

_KEPT = "kept"
_PAIRS = "pairs"
"""The one key of an object that stands for something else than an object."""


@dataclass(frozen=True, slots=True)
class Kept:
    """JSON data of a value whose type the reader knows."""

    data: Any


def to_text(value: Any) -> str:
    """A value as text.

    Raises:
        StoreError: it cannot be told in JSON.
    """
    try:
        return json.dumps(_packed(value))
    except RecursionError as error:
        raise _untold(value, error) from error


def from_text(text: str) -> Any:
    """The value of a text, with `Kept` in it."""
    return _unpacked(json.loads(text))


def typed(value: Any, kind: type[T]) -> T:
    """The value as `kind`, whether it is alive or was kept.

    Raises:
        InvalidOutput: it does not fit.
    """
    if not _has_kept(value):
        return validate(value, kind)
    # What is alive beside it is told as a checkpoint would tell it.
    return restored(opened(from_text(to_text(value))), kind)


def opened(value: Any) -> Any:
    """The value with JSON data in place of what was kept."""
    match value:
        case Kept():
            return value.data
        case list() | tuple():
            return [opened(part) for part in cast("list[Any]", value)]
        case dict():
            fields = cast("dict[Any, Any]", value)
            return {name: opened(part) for name, part in fields.items()}
        case _:
            return value


def digest(value: Any, kind: Any) -> str:
    """Of a value of type `kind`: the same in every process."""
    plain = adapter(kind).dump_python(value, warnings=False)
    text = json.dumps(_canonical(plain), sort_keys=True)
    return blake2b(text.encode(), digest_size=8).hexdigest()


def _packed(value: Any) -> Any:
    if value is None or type(value) in (str, int, float, bool):
        return value
    if type(value) is list or _holds_kept(value):
        return [_packed(part) for part in cast("list[Any]", value)]
    if type(value) is dict and all(type(key) is str for key in cast("dict[Any, Any]", value)):
        fields = {name: _packed(part) for name, part in cast("dict[str, Any]", value).items()}
        return {_PAIRS: [*fields.items()]} if fields.keys() & {_KEPT, _PAIRS} else fields
    data = value.data if isinstance(value, Kept) else _jsonable(value)
    return {_KEPT: data}


def _jsonable(value: Any) -> Any:
    if isinstance(value, BaseException):
        return repr(value)
    try:
        return to_jsonable_python(value, by_alias=False, round_trip=True)
    except (ValueError, TypeError) as error:  # pydantic's own is a `ValueError`, too
        raise _untold(value, error) from error


def _untold(value: Any, error: Exception) -> StoreError:
    return StoreError(
        f"A value of type {type(value).__name__} cannot be kept in a checkpoint: {error}.",
        hint="Give the node types that JSON can hold, or run it without a run id.",
    )


def _unpacked(data: Any) -> Any:
    match data:
        case list():
            return [_unpacked(part) for part in cast("list[Any]", data)]
        case {"kept": kept}:
            return Kept(kept)
        case {"pairs": pairs}:
            return {name: _unpacked(part) for name, part in pairs}
        case dict():
            fields = cast("dict[str, Any]", data)
            return {name: _unpacked(part) for name, part in fields.items()}
        case _:
            return data


def _holds_kept(value: Any) -> bool:
    """Whether it is a tuple with something in it that was kept."""
    return isinstance(value, tuple) and _has_kept(value)


def _has_kept(value: Any) -> bool:
    match value:
        case Kept():
            return True
        case list() | tuple():
            return any(_has_kept(part) for part in cast("list[Any]", value))
        case dict():
            return any(_has_kept(part) for part in cast("dict[Any, Any]", value).values())
        case _:
            return False


def _canonical(value: Any) -> Any:
    match value:
        case set() | frozenset():
            parts = [_canonical(part) for part in cast("frozenset[Any]", value)]
            return sorted(parts, key=lambda part: json.dumps(part, sort_keys=True))
        case Mapping():
            fields = cast("Mapping[Any, Any]", value)
            return {str(name): _canonical(part) for name, part in fields.items()}
        case list() | tuple():
            return [_canonical(part) for part in cast("list[Any]", value)]
        case _:
            return to_jsonable_python(value, fallback=lambda odd: type(odd).__qualname__)
