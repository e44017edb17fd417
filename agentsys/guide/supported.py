"""The part of a JSON Schema that Outlines compiles faithfully, and the names of the rest."""

import math
from collections.abc import Mapping
from typing import Any, cast

from agentsys.errors import InvalidOutput
from agentsys.guide.pattern import Unsupported, text_pattern
from agentsys.schema import JsonObject, conform

MAX_PARTS = 2_000
"""Sub-schemas after `$ref` is written out; more make a mask that takes seconds to build."""
MAX_VALUES = 256
"""Whole numbers between two bounds that are written out one by one."""

ANNOTATIONS = frozenset(
    "title description default examples deprecated readOnly writeOnly discriminator format "
    "contentEncoding contentMediaType contentSchema $defs definitions $schema $id $comment "
    "$anchor".split()
)
"""They ask nothing of a reply; `format` does for text only."""
_BOUNDS = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf")
_KEYWORDS = {
    "string": ("pattern", "minLength", "maxLength"),
    "integer": _BOUNDS,
    "number": _BOUNDS,
    "boolean": (),
    "null": (),
    "array": ("items", "prefixItems", "minItems", "maxItems", "uniqueItems", "contains"),
    "object": (
        *("properties", "required", "additionalProperties", "patternProperties"),
        *("propertyNames", "minProperties", "maxProperties", "dependentRequired"),
        "dependentSchemas",
    ),
}
_DEFINITIONS = ("$defs", "definitions")
_ANYWHERE = ("not", "if", "unevaluatedItems", "unevaluatedProperties")
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


class Refused(ValueError):
    """No part of the schema can be given to Outlines without changing what it means."""


def supported(schema: JsonObject) -> tuple[JsonObject, tuple[str, ...]]:
    """The schema without `$ref` and without what is not enforced, and the names of the latter.

    Raises:
        Refused: dropping keywords is not enough.
    """
    reader = _Reader(schema)
    part = reader.read(schema, "$", ())
    return part, tuple(dict.fromkeys(reader.dropped))


class _Reader:
    def __init__(self, root: JsonObject) -> None:
        self._root = root
        self._parts = 0
        self.dropped: list[str] = []

    def read(self, schema: Any, place: str, refs: tuple[str, ...]) -> JsonObject:
        self._parts += 1
        if self._parts > MAX_PARTS:
            raise Refused(f"it has more than {MAX_PARTS:,} parts once '$ref' is written out")
        if schema is False:
            raise Refused(f"{place} allows no value")
        given = cast(JsonObject, {} if schema is True else schema)
        for keyword in ("$ref", "const", "enum", "anyOf", "oneOf", "allOf"):
            if keyword in given:
                read = getattr(self, f"_{keyword.removeprefix('$').lower()}")
                return cast(JsonObject, read(given, place, refs))
        self._drop(given, place, _ANYWHERE)
        kinds = _kinds(given)
        options = [self._typed(kind, given, place, refs) for kind in kinds]
        return options[0] if len(options) == 1 else {"anyOf": options}

    def _drop(self, schema: Mapping[str, Any], place: str, keywords: tuple[str, ...]) -> None:
        self.dropped.extend(f"{place}.{keyword}" for keyword in keywords if keyword in schema)

    def _drop_beside(self, keyword: str, schema: JsonObject, place: str) -> None:
        """Outlines looks at one of these keywords and passes over what stands beside it."""
        beside = tuple(k for k in schema if k != keyword and k not in ANNOTATIONS)
        self._drop(schema, place, tuple(k for k in beside if k in _ALL))

    # References and combinations

    def _ref(self, schema: JsonObject, place: str, refs: tuple[str, ...]) -> JsonObject:
        ref = str(schema["$ref"])
        if ref in refs:
            raise Refused(f"{place} is recursive")
        self._drop_beside("$ref", schema, place)
        return self.read(self._target(ref), place, (*refs, ref))

    def _target(self, ref: str) -> Any:
        found: Any = self._root
        if not (ref == "#" or ref.startswith("#/")):
            raise Refused(f"'$ref' leads out of the schema, to {ref!r}")
        for step in ref.removeprefix("#").split("/")[1:]:
            key = step.replace("~1", "/").replace("~0", "~")
            if not isinstance(found, dict) or key not in found:
                raise Refused(f"'$ref' leads nowhere, to {ref!r}")
            found = cast(JsonObject, found)[key]
        return found

    def _const(self, schema: JsonObject, place: str, refs: tuple[str, ...]) -> JsonObject:
        rest = {key: part for key, part in schema.items() if key != "const"}
        return self._enum(rest | {"enum": [schema["const"]]}, place, refs)

    def _enum(self, schema: JsonObject, place: str, refs: tuple[str, ...]) -> JsonObject:
        definitions = {
            key: self._root[key] for key in ("$defs", "definitions") if key in self._root
        }
        values = [value for value in schema["enum"] if _fits(value, definitions | schema)]
        if not values:
            raise Refused(f"{place} allows no value")
        return {"enum": values}

    def _anyof(self, schema: JsonObject, place: str, refs: tuple[str, ...]) -> JsonObject:
        self._drop_beside("anyOf", schema, place)
        return {"anyOf": [self.read(part, place, refs) for part in schema["anyOf"]]}

    def _oneof(self, schema: JsonObject, place: str, refs: tuple[str, ...]) -> JsonObject:
        self._drop_beside("oneOf", schema, place)
        if "discriminator" not in schema:
            self._drop(schema, place, ("oneOf",))
        return {"anyOf": [self.read(part, place, refs) for part in schema["oneOf"]]}

    def _allof(self, schema: JsonObject, place: str, refs: tuple[str, ...]) -> JsonObject:
        if len(schema["allOf"]) != 1:
            raise Refused(f"{place}.allOf: Outlines matches its parts one after the other")
        self._drop_beside("allOf", schema, place)
        return self.read(schema["allOf"][0], place, refs)

    # Types

    def _typed(
        self, kind: str, schema: JsonObject, place: str, refs: tuple[str, ...]
    ) -> JsonObject:
        match kind:
            case "string":
                return self._string(schema, place)
            case "integer":
                return self._integer(schema, place)
            case "array":
                return self._array(schema, place, refs)
            case "object":
                return self._object(schema, place, refs)
            case "number":
                self._drop(schema, place, _BOUNDS)
            case "boolean" | "null":
                pass
            case _:
                raise Refused(f"{place}.type: there is no type {kind!r}")
        return {"type": kind}

    def _string(self, schema: JsonObject, place: str) -> JsonObject:
        lengths = {key: schema[key] for key in ("minLength", "maxLength") if key in schema}
        if _more(schema, "minLength", "maxLength"):
            raise Refused(f"{place} allows no value")
        pattern = schema.get("pattern")
        if pattern is None:
            pattern = _FORMATS.get(schema.get("format", ""))
        if schema.get("format") != "uuid" or "pattern" in schema:
            self._drop(schema, place, ("format",))
        if pattern is not None:
            try:
                found = text_pattern(pattern, schema.get("minLength", 0), schema.get("maxLength"))
            except Unsupported:
                self._drop(schema, place, ("pattern",))
            else:
                if not found.bounded:
                    self._drop(schema, place, tuple(lengths))
                return {"type": "string", "pattern": f"^{found.regex}$"}
        return {"type": "string", **lengths}

    def _integer(self, schema: JsonObject, place: str) -> JsonObject:
        bounds = {key: schema[key] for key in _BOUNDS if key in schema}
        low, high = _span(schema)
        if low is None or high is None or high - low >= MAX_VALUES:
            self._drop(schema, place, tuple(bounds))
            return {"type": "integer"}
        values = [value for value in range(low, high + 1) if _fits(value, bounds)]
        if not values:
            raise Refused(f"{place} allows no value")
        return {"enum": values}

    def _array(self, schema: JsonObject, place: str, refs: tuple[str, ...]) -> JsonObject:
        self._drop(schema, place, ("uniqueItems", "contains"))
        if _more(schema, "minItems", "maxItems"):
            raise Refused(f"{place} allows no value")
        first = schema.get("prefixItems")
        if first:
            if not schema.get("minItems", 0) <= len(first) <= schema.get("maxItems", len(first)):
                raise Refused(f"{place}.prefixItems: Outlines gives exactly these items")
            items = [self.read(part, f"{place}[{i}]", refs) for i, part in enumerate(first)]
            return {"type": "array", "prefixItems": items}
        limits = {key: schema[key] for key in ("minItems", "maxItems") if key in schema}
        if schema.get("items") is False or limits.get("maxItems") == 0:
            return {"enum": [[]]}
        if schema.get("items", True) in (True, {}):
            return {"type": "array", **limits}
        items = self.read(schema["items"], f"{place}[*]", refs)
        return {"type": "array", "items": items, **limits}

    def _object(self, schema: JsonObject, place: str, refs: tuple[str, ...]) -> JsonObject:
        properties = cast(JsonObject, schema.get("properties", {}))
        required = set(schema.get("required", ()))
        if required - set(properties):
            raise Refused(f"{place}.required: {min(required - set(properties))!r} has no schema")
        self._drop(
            schema,
            place,
            ("patternProperties", "propertyNames", "dependentRequired", "dependentSchemas"),
        )
        least, most = schema.get("minProperties", 0), schema.get("maxProperties", len(properties))
        if not properties and schema.get("additionalProperties", True) is not False:
            self._drop(schema, place, ("minProperties", "maxProperties"))
            if schema.get("properties") is not None and "additionalProperties" not in schema:
                return {"type": "object", "properties": {}}
            return self._map(schema, place, refs)
        self._drop(schema, place, ("minProperties",) * (least > len(required)))
        self._drop(schema, place, ("maxProperties",) * (most < len(properties)))
        odd = next((name for name in properties if not _plain(name)), None)
        if odd is not None:
            raise Refused(f"{place}: Outlines does not escape the name {odd!r}")
        parts = {
            name: self.read(part, f"{place}.{name}", refs) for name, part in properties.items()
        }
        return {"type": "object", "properties": parts, "required": sorted(required)}

    def _map(self, schema: JsonObject, place: str, refs: tuple[str, ...]) -> JsonObject:
        values = schema.get("additionalProperties", True)
        if values in (True, {}):
            return {"type": "object"}
        part = self.read(values, f"{place}.*", refs)
        return {"type": "object", "additionalProperties": part}


_ALL = frozenset(
    ("type", "$ref", "const", "enum", "anyOf", "oneOf", "allOf", "format", *_ANYWHERE)
) | {keyword for keywords in _KEYWORDS.values() for keyword in keywords}


def _kinds(schema: JsonObject) -> list[str]:
    """The types that a schema speaks of; all of them where it names none."""
    named = schema.get("type")
    if isinstance(named, str):
        return [named]
    if named:
        return list(named)
    implied = [kind for kind, keys in _KEYWORDS.items() if any(key in schema for key in keys)]
    if implied:
        return [kind for kind in implied if not (kind == "integer" and "number" in implied)]
    return [kind for kind in _KEYWORDS if kind != "integer"]


def _fits(value: Any, schema: Mapping[str, Any]) -> bool:
    try:
        conform(value, schema)
    except InvalidOutput:
        return False
    return True


def _more(schema: JsonObject, least: str, most: str) -> bool:
    return most in schema and schema.get(least, 0) > schema[most]


def _span(schema: JsonObject) -> tuple[int | None, int | None]:
    """The least and the greatest whole number between the bounds; `None` where there is none."""
    lows = [math.ceil(schema["minimum"])] if "minimum" in schema else []
    lows += [math.floor(schema["exclusiveMinimum"]) + 1] if "exclusiveMinimum" in schema else []
    highs = [math.floor(schema["maximum"])] if "maximum" in schema else []
    highs += [math.ceil(schema["exclusiveMaximum"]) - 1] if "exclusiveMaximum" in schema else []
    return max(lows, default=None), min(highs, default=None)


def _plain(name: str) -> bool:
    return name.isprintable() and not set(name) & {'"', "\\"}
