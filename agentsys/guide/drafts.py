"""Older drafts of JSON Schema in the words of 2020-12, and what none of them may do here."""

from collections.abc import Iterator
from typing import Any, cast

from agentsys.guide.refusals import Refused
from agentsys.schema import JsonObject

_ONE = (
    *("items", "additionalItems", "unevaluatedItems", "contains", "additionalProperties"),
    *("unevaluatedProperties", "propertyNames", "not", "if", "then", "else"),
)
_SEVERAL = ("prefixItems", "allOf", "anyOf", "oneOf")
_NAMED = ("properties", "patternProperties", "dependentSchemas", "$defs", "definitions")


def modern(schema: Any) -> Any:
    """The schema in the words of draft 2020-12, with its places kept.

    Raises:
        Refused: it is written in draft 3 or 4, or a part of it changes what `$ref` means.
    """
    if not isinstance(schema, dict):
        return schema
    given = cast(JsonObject, schema)
    draft = str(given.get("$schema", ""))
    if "draft-03" in draft or "draft-04" in draft:
        raise Refused(f"it is written in {draft!r}: draft 6 is the oldest that is read")
    older = any(name in draft for name in ("draft-06", "draft-07", "2019-09"))
    made = _modern(given, older)
    inside = [part for part in _parts(made) if part is not made and "$id" in part]
    if any("$ref" in part for resource in inside for part in _parts(resource)):
        raise Refused("an '$id' inside changes what '$ref' means")
    return made


def _modern(schema: Any, older: bool) -> Any:
    if not isinstance(schema, dict):
        return schema
    made = dict(cast(JsonObject, schema))
    for key in _ONE:
        if isinstance(made.get(key), dict):
            made[key] = _modern(made[key], older)
    for key in _SEVERAL:
        if isinstance(made.get(key), list):
            made[key] = [_modern(part, older) for part in made[key]]
    for key in _NAMED:
        if isinstance(made.get(key), dict):
            made[key] = {name: _modern(part, older) for name, part in made[key].items()}
    return _tuples(made) if older else made


def _tuples(made: JsonObject) -> JsonObject:
    """A list of `items` is `prefixItems`, and what may follow it is `items`."""
    if isinstance(made.get("items"), list):
        made["prefixItems"] = [_modern(part, older=True) for part in made.pop("items")]
        if "additionalItems" in made:
            made["items"] = made.pop("additionalItems")
    else:
        made.pop("additionalItems", None)
    return made


def _parts(schema: Any) -> Iterator[JsonObject]:
    """The schema and all schemas in it."""
    if not isinstance(schema, dict):
        return
    given = cast(JsonObject, schema)
    yield given
    for key in _ONE:
        yield from _parts(given.get(key))
    for key in _SEVERAL:
        for part in cast(list[Any], given.get(key) or ()):
            yield from _parts(part)
    for key in _NAMED:
        if isinstance(given.get(key), dict):
            for part in given[key].values():
                yield from _parts(part)
