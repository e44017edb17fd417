"""Two schemas that both hold, as one."""

from collections.abc import Callable
from typing import Any, cast

from agentsys.guide.refusals import Impossible, Refused
from agentsys.guide.words import ANNOTATIONS, NEVER
from agentsys.schema import JsonObject

_LARGER = ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties")
_SMALLER = ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties")
_LOOK_AROUND = {"additionalProperties": "properties", "items": "prefixItems"}
"""Keywords that speak of what the other names, in their own schema alone."""


def merged(first: JsonObject, second: JsonObject, place: str) -> JsonObject:
    """One schema for what satisfies both.

    Raises:
        Refused: they have a keyword in common that cannot be joined.
        Impossible: nothing satisfies both.
    """
    for one, other in ((first, second), (second, first)):
        for keyword, named in _LOOK_AROUND.items():
            if one.get(keyword, True) is not True and _foreign(other, one, named):
                raise Refused(f"{place}.allOf: {keyword!r} of one part speaks of another's")
    made = dict(first)
    for key, value in second.items():
        made[key] = _joined(key, made[key], value, place) if key in made else value
    return made


def _foreign(other: JsonObject, one: JsonObject, named: str) -> bool:
    if named == "prefixItems":
        return named in other and other.get(named) != one.get(named)
    return not set(other.get(named, ())) <= set(one.get(named, ()))


def _joined(key: str, first: Any, second: Any, place: str) -> Any:
    if first == second:
        return first
    if key in _LARGER or key in _SMALLER:
        choose: Callable[..., Any] = max if key in _LARGER else min
        return choose(first, second)
    match key:
        case "required":
            return list(dict.fromkeys([*first, *second]))
        case "properties" | "$defs" | "definitions":
            both = {
                name: {"allOf": [first[name], second[name]]} for name in first if name in second
            }
            return {**first, **second, **both}
        case "items":
            return {"allOf": [first, second]}
        case "type":
            return _types(first, second, place)
        case "enum":
            left = [value for value in first if value in second]
            if not left:
                raise Impossible(f"{place} allows no value")
            return left
        case _ if key in NEVER or key in ANNOTATIONS:
            return first
        case _:
            raise Refused(f"{place}.allOf: its parts have {key!r} in common")


def _types(first: Any, second: Any, place: str) -> list[str]:
    one, other = (
        cast(list[str], kinds if isinstance(kinds, list) else [kinds]) for kinds in (first, second)
    )
    left = [kind for kind in one if kind in other or (kind == "integer" and "number" in other)]
    left += [kind for kind in other if kind == "integer" and "number" in one and kind not in left]
    if not left:
        raise Impossible(f"{place} allows no value")
    return left
