"""How long the JSON of a value can be, by its type."""

from collections.abc import Mapping
from math import inf
from typing import Any, cast

from pydantic.errors import PydanticUserError

from agentsys.errors import SchemaError
from agentsys.schema import JsonObject, adapter, compact, is_text_model

_CHARACTER = 6
"""Most bytes of a character inside JSON: a control character is written as six."""
_RAW = 4
"""Most bytes of a character in UTF-8."""
_INTEGER = 4_301
"""Characters: Python writes no number of more than 4,300 digits."""
_FIXED = {"number": 25, "boolean": 5, "null": 4}
"""Bytes of the longest."""
_FORMATS = {"date": 12, "date-time": 64, "time": 32, "duration": 64, "uuid": 38, "ipv4": 20}
"""Bytes of texts whose form is known, with quotes."""


def most_bytes(kind: Any) -> float:
    """Bytes of the compact JSON of any value of a type; infinite where nothing bounds it."""
    return _Reading(_schema(kind)).size(_schema(kind))


def most_text(kind: Any) -> float:
    """Bytes that a model is shown of any value of a type; infinite where nothing bounds it."""
    schema = _schema(kind)
    if is_text_model(kind):
        [schema] = schema["properties"].values()
    if schema.get("type") == "string" and (kind is str or "maxLength" in schema):
        return _RAW * schema.get("maxLength", inf)
    return most_bytes(kind)


def most_escaped(text: float) -> float:
    """Bytes of the JSON of a text of so many bytes."""
    return 2 + _CHARACTER * text


def most_items(kind: Any) -> float:
    """Items of any list of a type; infinite where nothing bounds it."""
    schema = _Reading(_schema(kind)).followed(_schema(kind))
    fixed: list[Any] = schema.get("prefixItems", [])
    return len(fixed) if fixed else schema.get("maxItems", inf)


def most_of_items(kind: Any) -> tuple[float, float]:
    """Bytes of the JSON of one item of any list of a type, and those that a model is shown."""
    whole = _schema(kind)
    reading = _Reading(whole)
    item: Any = reading.followed(whole).get("items", {})
    size = reading.size(item)
    is_text = isinstance(item, dict) and cast(JsonObject, item).get("type") == "string"
    return size, _RAW * cast(JsonObject, item).get("maxLength", inf) if is_text else size


def unbounded_in(kind: Any) -> str:
    """The first part of a type that nothing bounds: a field, or empty for the type itself."""
    reading = _Reading(_schema(kind))
    fields: Mapping[str, Any] = reading.followed(_schema(kind)).get("properties", {})
    return next((name for name, part in fields.items() if reading.size(part) == inf), "")


def _schema(kind: Any) -> JsonObject:
    """Of what is written, under the names that are written."""
    try:
        return adapter(kind).json_schema(mode="serialization", by_alias=False)
    except (PydanticUserError, SchemaError):
        return {}


class _Reading:
    """A schema being read."""

    def __init__(self, schema: JsonObject) -> None:
        self._definitions = cast(JsonObject, schema.get("$defs", {}))
        self._inside: set[str] = set()

    def followed(self, part: JsonObject) -> JsonObject:
        """What a reference stands for."""
        while "$ref" in part:
            part = cast(JsonObject, self._definitions.get(_name(part), {}))
        return part

    def size(self, part: Any) -> float:
        """Bytes of its longest value."""
        if not isinstance(part, dict):
            return inf
        found = cast(JsonObject, part)
        if "$ref" in found:
            return self._referred(found)
        values: list[Any] = [found["const"]] if "const" in found else found.get("enum", [])
        options: list[Any] = found.get("anyOf", found.get("oneOf", []))
        if values or options:
            return max(map(_bytes, values) if values else map(self.size, options))
        kind = found.get("type", "")
        known = {"string": _text, "integer": _integer, "array": self._array, "object": self._object}
        return known[kind](found) if kind in known else _FIXED.get(kind, inf)

    def _referred(self, part: JsonObject) -> float:
        name = _name(part)
        if name in self._inside:
            return inf  # it holds itself
        self._inside.add(name)
        size = self.size(self._definitions.get(name))
        self._inside.discard(name)
        return size

    def _array(self, part: JsonObject) -> float:
        fixed: list[Any] = part.get("prefixItems", [])
        if fixed:
            return 2 + sum(self.size(item) + 1 for item in fixed)
        items = part.get("maxItems", inf)
        return 2 if items == 0 else 2 + items * (self.size(part.get("items")) + 1)

    def _object(self, part: JsonObject) -> float:
        fields: Mapping[str, Any] = part.get("properties", {})
        size = 2 + sum(_bytes(name) + 2 + self.size(value) for name, value in fields.items())
        more = part.get("additionalProperties", not fields)
        if more is False:
            return size
        names: list[Any] | None = part.get("propertyNames", {}).get("enum")
        if names is not None:
            return size + sum(_bytes(name) + 2 + self.size(more) for name in names)
        return inf


def _name(part: JsonObject) -> str:
    return str(part["$ref"]).rpartition("/")[2]


def _bytes(value: Any) -> int:
    return len(compact(value).encode("utf-8", "surrogatepass"))


def _text(part: JsonObject) -> float:
    known = _FORMATS.get(part.get("format", ""))
    return known or most_escaped(part.get("maxLength", inf))


def _integer(part: JsonObject) -> float:
    low = part.get("minimum", part.get("exclusiveMinimum"))
    high = part.get("maximum", part.get("exclusiveMaximum"))
    return _INTEGER if low is None or high is None else max(len(str(low)), len(str(high)))
