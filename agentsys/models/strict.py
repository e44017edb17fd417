"""JSON Schemas in the part of the language that providers' strict modes take.

OpenAI's rules, which the others copied: the root is an object; every object names all its
properties, requires them and takes no others; no `oneOf`, no open maps, no tuples.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from agentsys.schema import JsonObject, closed_object

_WRAP = "reply"

_KEPT = frozenset(
    "type enum const description title pattern format multipleOf minimum maximum"
    " exclusiveMinimum exclusiveMaximum minItems maxItems minLength maxLength".split()
)
_DROPPED = frozenset("default examples discriminator required $schema $comment".split())


class _Inexpressible(Exception):
    """The schema says something that strict mode has no words for."""


@dataclass(frozen=True, slots=True)
class StrictSchema:
    """A schema that strict modes take."""

    schema: JsonObject
    key: str | None
    """The one property that the value was wrapped in, because a root must be an object."""


def strict_schema(schema: Mapping[str, Any]) -> StrictSchema | None:
    """The schema for a strict mode; `None` if it cannot be said there.

    Properties with a default become required: the model writes them out.
    """
    try:
        definitions = {
            name: _part(part)
            for name, part in cast(Mapping[str, Any], schema.get("$defs", {})).items()
        }
        body = _part({key: part for key, part in schema.items() if key != "$defs"})
    except _Inexpressible:
        return None
    key = None if body.get("type") == "object" else _WRAP
    root = body if key is None else closed_object({key: body})
    return StrictSchema(root | ({"$defs": definitions} if definitions else {}), key)


def _part(part: Any) -> JsonObject:
    if not isinstance(part, Mapping) or not part:
        raise _Inexpressible
    schema = cast(Mapping[str, Any], part)
    if "$ref" in schema:
        # A `$ref` to the root would be one to what that is wrapped in.
        if not schema["$ref"].startswith("#/$defs/"):
            raise _Inexpressible
        # Nothing may stand beside a `$ref`; a description there is all that gets lost.
        return {"$ref": schema["$ref"]}
    made: JsonObject = {}
    for key, value in schema.items():
        match key:
            case "anyOf" | "oneOf":
                made["anyOf"] = [_part(option) for option in cast(Sequence[Any], value)]
            case "items":
                made["items"] = _part(value)
            case "properties":
                named = cast(Mapping[str, Any], value).items()
                made |= closed_object({name: _part(inner) for name, inner in named})
            case _ if key in _KEPT:
                made[key] = value
            case _ if key not in _DROPPED and (key, value) != ("additionalProperties", False):
                raise _Inexpressible
            case _:
                pass
    _complete(made)
    return made


def _complete(made: JsonObject) -> None:
    """Refuse what is left open: any value, an object without names, an array of anything."""
    if not made.keys() & {"type", "enum", "const", "anyOf"}:
        raise _Inexpressible
    if made.get("type") == "object" and "properties" not in made:
        raise _Inexpressible
    if made.get("type") == "array" and "items" not in made:
        raise _Inexpressible
