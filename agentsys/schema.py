"""Python types as JSON Schema, and JSON back into Python types.

The one importer of jsonschema. What a model wrote is validated twice: by the
JSON Schema that it was asked to satisfy, then by pydantic, whose validators may
ask for more than a schema can say.
"""

import json
import math
import re
import sys
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, TypeVar, cast

from jsonschema import Draft202012Validator
from jsonschema.validators import validator_for
from jsonschema_specifications import REGISTRY
from pydantic import BaseModel, PydanticSchemaGenerationError, PydanticUserError, TypeAdapter
from pydantic import ValidationError as PydanticInvalid
from referencing.exceptions import Unresolvable

from agentsys.errors import InvalidOutput, SchemaError

T = TypeVar("T")

JsonObject = dict[str, Any]


@lru_cache(maxsize=1024)
def _adapter(kind: Any) -> TypeAdapter[Any]:
    try:
        return TypeAdapter(kind)
    except (PydanticSchemaGenerationError, PydanticUserError) as error:
        raise SchemaError(
            f"The type {name_of(kind)} cannot be validated: {str(error).splitlines()[0]}",
            hint="Use pydantic models, dataclasses and plain Python types.",
        ) from error


def adapter(kind: type[T]) -> TypeAdapter[T]:
    """The pydantic adapter of a type, built once.

    Raises:
        SchemaError: pydantic cannot validate the type.
    """
    return _adapter(kind)


def name_of(kind: Any) -> str:
    """A type as one would write it: `Question`, `list[Answer]`, `tuple[A, B]`."""
    if isinstance(kind, type) and not hasattr(kind, "__args__"):
        return kind.__name__
    arguments: tuple[Any, ...] = getattr(kind, "__args__", ())
    origin = getattr(kind, "__origin__", None)
    if origin is None or not arguments:
        return str(kind).replace("typing.", "")
    return f"{name_of(origin)}[{', '.join(name_of(a) for a in arguments)}]"


@lru_cache(maxsize=1024)
def _schema(kind: Any) -> str:
    try:
        return json.dumps(_adapter(kind).json_schema())
    except PydanticUserError as error:
        raise SchemaError(
            f"The type {name_of(kind)} has no JSON Schema: {str(error).splitlines()[0]}"
        ) from error


def json_schema(kind: Any) -> JsonObject:
    """The JSON Schema (draft 2020-12) of a type, as a fresh dictionary.

    Raises:
        SchemaError: the type has none.
    """
    return json.loads(_schema(kind))


def parse(text: str) -> Any:
    """The JSON value in `text`.

    Raises:
        InvalidOutput: it is not JSON.
    """
    try:
        return json.loads(text, parse_constant=_no_number, parse_float=_finite)
    except (ValueError, RecursionError) as error:
        raise InvalidOutput(f"the reply is not JSON: {why_no_json(error)}.") from error


def why_no_json(error: Exception) -> str:
    """Why a text is no JSON, or none that is read here, without Python's own advice."""
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    if "set_int_max_str_digits" in str(error):
        return f"a number has more than {sys.get_int_max_str_digits():,} digits"
    return str(error)


def _no_number(text: str) -> float:
    """Python reads NaN and Infinity; JSON has no such numbers."""
    raise ValueError(f"{text} is no number")


def _finite(text: str) -> float:
    number = float(text)
    return number if math.isfinite(number) else _no_number(text)


def conform(value: Any, schema: Mapping[str, Any]) -> None:
    """Check a JSON value against a JSON Schema.

    Raises:
        InvalidOutput: the first thing that does not fit, with its place.
    """
    # With a registry of its own, jsonschema does not fetch what `$ref` names from the network.
    validator: Any = validator_for(schema, default=Draft202012Validator)(schema, registry=REGISTRY)
    try:
        error = next(validator.iter_errors(value), None)
    except RecursionError as too_deep:
        raise InvalidOutput("the reply is nested too deeply.") from too_deep
    except Unresolvable as unknown:
        raise SchemaError(f"The schema has a '$ref' that leads nowhere: {unknown}.") from unknown
    except re.error as bad:
        raise SchemaError(
            f"The schema has a pattern that Python cannot read: {bad}.",
            hint="jsonschema checks patterns as Python's 're' does.",
        ) from bad
    if error is not None:
        place = error.json_path.removeprefix("$").removeprefix(".")
        raise InvalidOutput(f"{place or 'the value'}: {error.message}.")


def fits(value: Any, schema: Mapping[str, Any]) -> bool:
    """Whether a JSON value satisfies a JSON Schema."""
    try:
        conform(value, schema)
    except InvalidOutput:
        return False
    return True


def validate(value: Any, kind: type[T]) -> T:
    """The value as `kind`; an instance passes as it is, JSON data is converted.

    Raises:
        InvalidOutput: it does not fit; the message names the first field and why.
    """
    try:
        return adapter(kind).validate_python(value)
    except PydanticInvalid as error:
        raise InvalidOutput(_first_problem(error)) from error


def validate_json(value: Any, kind: type[T]) -> T:
    """JSON data as `kind`, in pydantic's JSON mode (a list may become a tuple, a string a date).

    Raises:
        InvalidOutput: it does not fit; the message names the first field and why.
    """
    try:
        return adapter(kind).validate_json(json.dumps(value))
    except PydanticInvalid as error:
        raise InvalidOutput(_first_problem(error)) from error


def dump(value: Any, kind: Any) -> Any:
    """A value of type `kind` as JSON data."""
    return _adapter(kind).dump_python(value, mode="json")


def stored(value: Any, kind: Any) -> Any:
    """A value of type `kind` as JSON data that `restored` makes the same value of.

    Raises:
        InvalidOutput: there is none.
    """
    try:
        data = _adapter(kind).dump_python(
            value, mode="json", by_alias=False, round_trip=True, warnings=False
        )
        restored(data, kind)
    except (ValueError, TypeError, RecursionError) as error:
        raise InvalidOutput(f"JSON cannot hold it: {error}.") from error
    return data


def restored(data: Any, kind: type[T]) -> T:
    """The value that `stored` was given.

    Raises:
        InvalidOutput: it does not fit; the message names the first field and why.
    """
    reader = adapter(kind)
    try:
        return reader.validate_json(json.dumps(data), by_alias=False, by_name=True)
    except PydanticInvalid as error:
        if error.errors(include_url=False)[0]["type"] != "json_invalid":
            raise InvalidOutput(_first_problem(error)) from error
    try:  # half a character, which models may write, is JSON to Python and not to pydantic
        return reader.validate_python(data, by_alias=False, by_name=True)
    except PydanticInvalid as error:
        raise InvalidOutput(_first_problem(error)) from error


def compact(value: Any) -> str:
    """JSON text without spaces."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def tagged_union(tools: Mapping[str, JsonObject], final: JsonObject) -> JsonObject:
    """One schema for a step of a tool loop: `{"tool": name, "args": …}` or `{"final": …}`.

    Definitions (`$defs`) of the parts are merged; the names that agentsys gives them cannot clash.
    """
    definitions: JsonObject = {}
    options: list[JsonObject] = []
    for name, arguments in tools.items():
        tag = {"const": name, "type": "string"}
        options.append(
            closed_object({"tool": tag, "args": _lift(arguments, f"{name}.", definitions)})
        )
    options.append(closed_object({"final": _lift(final, "", definitions)}))
    union: JsonObject = {"anyOf": options}
    return union | ({"$defs": definitions} if definitions else {})


def closed_object(properties: JsonObject) -> JsonObject:
    """The schema of an object that has all of these properties and no others."""
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _lift(schema: JsonObject, prefix: str, definitions: JsonObject) -> JsonObject:
    """The schema with its own `$defs` moved to `definitions` under a prefix."""
    own = cast(JsonObject, schema.get("$defs", {}))
    for name, part in own.items():
        definitions[prefix + name] = _renamed(part, prefix)
    body = {key: part for key, part in schema.items() if key != "$defs"}
    return cast(JsonObject, _renamed(body, prefix))


def _renamed(part: Any, prefix: str) -> Any:
    if isinstance(part, Mapping):
        items = cast(Mapping[str, Any], part).items()
        return {
            key: f"#/$defs/{prefix}{value.removeprefix('#/$defs/')}"
            if key == "$ref" and isinstance(value, str)
            else _renamed(value, prefix)
            for key, value in items
        }
    if isinstance(part, Sequence) and not isinstance(part, str):
        return [_renamed(item, prefix) for item in cast(Sequence[Any], part)]
    return part


def _first_problem(error: PydanticInvalid) -> str:
    problem = error.errors(include_url=False)[0]
    place = ".".join(str(part) for part in problem["loc"])
    return f"{place}: {problem['msg']}." if place else f"{problem['msg']}."


def is_text_model(kind: Any) -> bool:
    """Whether a type is a pydantic model with one single field, which is text."""
    if not (isinstance(kind, type) and issubclass(kind, BaseModel)):
        return False
    fields = list(kind.model_fields.values())
    return len(fields) == 1 and fields[0].annotation is str
