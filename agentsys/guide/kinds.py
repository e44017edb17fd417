"""What each type of JSON can be held to."""

import re
from collections.abc import Mapping
from typing import Any, Protocol, cast

from agentsys.guide.numbers import INTEGER, NUMBER, decimals, integers, span, whole
from agentsys.guide.pattern import Unsupported, text_pattern
from agentsys.guide.refusals import Impossible, Refused
from agentsys.guide.size import size
from agentsys.guide.words import NUMERIC
from agentsys.schema import JsonObject, fits

MAX_VALUES = 256
"""Whole numbers between two bounds that are written out one by one."""
_FORMATS = {
    "date": r"^\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])$",
    "time": r"^([01]\d|2[0-3]):[0-5]\d:[0-5]\d$",
    "date-time": (
        r"^\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])"
        r"T([01]\d|2[0-3]):[0-5]\d:[0-5]\d(Z|[+-]([01]\d|2[0-3]):[0-5]\d)$"
    ),
    "email": r"^[a-z0-9_+-]+(\.[a-z0-9_+-]+)*@[a-z0-9-]+(\.[a-z0-9-]+)*\.[a-z]{2,}$",
    "uri": r"^https?://[a-z0-9-]+(\.[a-z0-9-]+)*\.[a-z]{2,}(/[A-Za-z0-9._~/-]*)?$",
    "uuid": r"^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$",
}
"""Shapes. Outlines' own let raw quotes into addresses and backslashes into times."""
_CHARACTER = r"""(?:[^"\\\x00-\x1F\x7F-\x9F]|\\[\\/bfnrt])"""
"""Without an escaped quote."""
_SHORT = 8
_FEW = 24
_STATES = 12
"""Of the automaton, for one counted character of any text."""
_SCALAR = {"type": ["string", "number", "boolean", "null"]}
VALUE: JsonObject = {
    "anyOf": [
        _SCALAR,
        {"type": "array", "items": _SCALAR},
        {"type": "object", "additionalProperties": _SCALAR},
    ]
}
"""Stands for any value; nested deeper, the automaton would have thousands of states."""


class Parts(Protocol):
    """What reads the parts of a schema."""

    depth: int
    repeats: int
    narrowed: list[str]
    searches: bool

    def read(self, schema: Any, place: str, refs: tuple[str, ...]) -> JsonObject:
        """The part of a sub-schema that is compiled."""
        ...

    def drop(self, schema: Mapping[str, Any], place: str, keywords: Any) -> None:
        """Name what is not compiled."""
        ...

    def name(self, name: str) -> str:
        """A property's name for Outlines."""
        ...

    def regex(self, pattern: str) -> JsonObject:
        """A part that stands for a regular expression of our own."""
        ...


def typed(
    parts: Parts, kind: str, schema: JsonObject, place: str, refs: tuple[str, ...]
) -> JsonObject:
    """The part of a schema that is compiled for one type.

    Raises:
        Refused: dropping keywords is not enough.
        Impossible: no value of the type fits.
    """
    match kind:
        case "string":
            return _string(parts, schema, place)
        case "integer":
            return _integer(parts, schema, place)
        case "number":
            return _number(parts, schema, place)
        case "array":
            return _array(parts, schema, place, refs)
        case "object":
            return _object(parts, schema, place, refs)
        case "boolean" | "null":
            return {"type": kind}
        case _:
            raise Refused(f"{place}.type: there is no type {kind!r}")


def _string(parts: Parts, schema: JsonObject, place: str) -> JsonObject:
    if _more(schema, "minLength", "maxLength"):
        raise Impossible(f"{place} allows no value")
    lengths = _counted(parts, schema, place, ("minLength", "maxLength"))
    pattern = schema.get("pattern")
    if pattern is None:
        pattern = _FORMATS.get(schema.get("format", ""))
    if schema.get("format") != "uuid" or "pattern" in schema:
        parts.drop(schema, place, ("format",))
    if pattern is not None:
        made = _patterned(parts, str(pattern), schema, place, lengths)
        if made is not None:
            return made
    most = lengths.get("maxLength")
    if place == "$" and max(lengths.values(), default=0) > _SHORT:
        # A quote inside could begin the value anew, which makes the automaton grow exponentially.
        least, end = lengths.get("minLength", 0), "" if most is None else most
        return parts.regex(f'"{_CHARACTER}{{{least},{end}}}"')
    return {"type": "string", **lengths}


def _patterned(
    parts: Parts, pattern: str, schema: JsonObject, place: str, lengths: dict[str, int]
) -> JsonObject | None:
    """Text that fits a pattern; `None` where there is no equivalent."""
    try:
        found = text_pattern(pattern, lengths.get("minLength", 0), lengths.get("maxLength"))
    except Unsupported:
        parts.drop(schema, place, ("pattern",))
        return None
    if size(found.regex) > _STATES * parts.repeats:
        parts.drop(schema, place, ("pattern", *lengths))
        return {"type": "string"}
    if "pattern" in schema and _grows(found.regex):
        parts.searches = True
    if not found.bounded:
        parts.drop(schema, place, tuple(lengths))
    return {"type": "string", "pattern": f"^{found.regex}$"}


def _grows(regex: str) -> bool:
    """Whether a pattern could be looked for in many places at once, which multiplies states."""
    return size(regex) > _FEW and re.search(r"[*+]|,\}", regex) is not None


def _counted(
    parts: Parts, schema: JsonObject, place: str, keywords: tuple[str, str]
) -> dict[str, int]:
    """Lengths that are small enough to be counted."""
    given = {key: int(schema[key]) for key in keywords if key in schema}
    kept = {key: number for key, number in given.items() if number <= parts.repeats}
    parts.drop(schema, place, tuple(key for key in given if key not in kept))
    return kept


def _integer(parts: Parts, schema: JsonObject, place: str) -> JsonObject:
    given = span(schema)
    if "multipleOf" not in schema and given.low is None and given.high is None:
        return parts.regex(INTEGER)
    if given.empty:
        raise Impossible(f"{place} allows no value")
    found = whole(given)
    if found is None:
        raise Impossible(f"{place} allows no whole number of at most 18 digits")
    low, high = found
    if "multipleOf" in schema and high - low < MAX_VALUES:
        bounds = {key: schema[key] for key in NUMERIC if key in schema}
        values = [value for value in range(low, high + 1) if fits(value, bounds)]
        if not values:
            raise Impossible(f"{place} allows no value")
        return {"enum": values}
    if schema.get("multipleOf", 1) != 1:
        parts.drop(schema, place, ("multipleOf",))
    return parts.regex(integers(low, high))


def _number(parts: Parts, schema: JsonObject, place: str) -> JsonObject:
    given = span(schema)
    parts.drop(schema, place, ("multipleOf",))
    if given.empty:
        raise Impossible(f"{place} allows no value")
    if given.low is None and given.high is None:
        return parts.regex(NUMBER)
    found = decimals(given)
    if found is None:
        parts.drop(schema, place, NUMERIC[:-1])
    return parts.regex(found or NUMBER)


def _array(parts: Parts, schema: JsonObject, place: str, refs: tuple[str, ...]) -> JsonObject:
    parts.drop(schema, place, ("uniqueItems", "contains"))
    if _more(schema, "minItems", "maxItems"):
        raise Impossible(f"{place} allows no value")
    first = schema.get("prefixItems")
    if first:
        if not schema.get("minItems", 0) <= len(first) <= schema.get("maxItems", len(first)):
            raise Refused(f"{place}.prefixItems: Outlines gives exactly these items")
        items = [parts.read(part, f"{place}[{i}]", refs) for i, part in enumerate(first)]
        return {"type": "array", "prefixItems": items}
    limits = _counted(parts, schema, place, ("minItems", "maxItems"))
    if limits.get("maxItems") == 0:
        return {"enum": [[]]}
    try:
        items = parts.read(schema.get("items", True), f"{place}[*]", refs)
    except Impossible:
        if schema.get("minItems", 0) > 0:
            raise
        return {"enum": [[]]}
    return {"type": "array", "items": items, **limits}


def _object(parts: Parts, schema: JsonObject, place: str, refs: tuple[str, ...]) -> JsonObject:
    properties = dict(cast(JsonObject, schema.get("properties", {})))
    required = list(dict.fromkeys(cast(list[str], schema.get("required", ()))))
    others = schema.get("additionalProperties", True)
    parts.drop(
        schema,
        place,
        (
            *("patternProperties", "propertyNames", "dependentRequired", "dependentSchemas"),
            "dependencies",
        ),
    )
    for name in required:
        properties.setdefault(name, others)
    if not properties and others is not False:
        parts.drop(schema, place, ("minProperties", "maxProperties"))
        if "properties" in schema and "additionalProperties" not in schema:
            return {"type": "object", "properties": {}}
        return _map(parts, others, place, refs)
    made: JsonObject = {}
    names = {name: parts.name(name) for name in properties}
    for name, part in properties.items():
        try:
            made[names[name]] = parts.read(part, f"{place}.{name}", refs)
        except Impossible:
            if name in required:
                raise
    parts.drop(schema, place, ("minProperties",) * (schema.get("minProperties", 0) > len(required)))
    parts.drop(
        schema, place, ("maxProperties",) * (schema.get("maxProperties", len(made)) < len(made))
    )
    return {"type": "object", "properties": made, "required": [names[name] for name in required]}


def _map(parts: Parts, values: Any, place: str, refs: tuple[str, ...]) -> JsonObject:
    try:
        part = parts.read(values, f"{place}.*", refs)
    except Impossible:
        return {"type": "object", "properties": {}}
    return {"type": "object", "additionalProperties": part}


def _more(schema: JsonObject, least: str, most: str) -> bool:
    return most in schema and schema.get(least, 0) > schema[most]
