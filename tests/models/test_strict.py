from typing import Any, Literal

import pytest
from pydantic import BaseModel, Field

from agentsys.models.strict import strict_schema
from agentsys.schema import conform, json_schema, tagged_union


class Part(BaseModel):
    name: str = Field(max_length=9)
    tags: list[str] = []


class Whole(BaseModel):
    kind: Literal["a", "b"]
    part: Part = Field(description="the part")
    note: str | None = None


class Chain(BaseModel):
    next: "Chain | None" = None


def objects(schema: Any) -> list[dict[str, Any]]:
    """All object schemas inside a schema."""
    if isinstance(schema, list):
        return [found for part in schema for found in objects(part)]
    if not isinstance(schema, dict):
        return []
    inner = [found for part in schema.values() for found in objects(part)]
    return [schema, *inner] if schema.get("type") == "object" else inner


@pytest.mark.parametrize("kind", [Part, Whole, Chain, list[Part], int, Literal["a"], Part | None])
def test_every_object_is_closed_and_required(kind: Any) -> None:
    """Strict modes take objects that name and require all their properties."""
    strict = strict_schema(json_schema(kind))
    assert strict is not None
    for found in objects(strict.schema):
        assert found["additionalProperties"] is False
        assert found["required"] == list(found["properties"])
    assert strict.schema["type"] == "object"


def test_values_of_the_strict_schema_fit_the_original() -> None:
    """The strict schema asks for more, never for something else."""
    value = {"kind": "a", "part": {"name": "x", "tags": []}, "note": None}
    strict = strict_schema(json_schema(Whole))
    assert strict is not None
    conform(value, strict.schema)
    conform(value, json_schema(Whole))


def test_tool_step_is_wrapped() -> None:
    """The union of a tool loop is no object at its root, so it goes into one."""
    union = tagged_union({"find": json_schema(Part)}, json_schema(Whole))
    strict = strict_schema(union)
    assert strict is not None
    assert strict.key is not None
    value = {"final": {"kind": "a", "part": {"name": "x", "tags": []}, "note": None}}
    conform({strict.key: value}, strict.schema)


@pytest.mark.parametrize(
    "kind", [dict[str, int], Any, list[Any], tuple[int, str], dict[str, Any], list[dict[str, int]]]
)
def test_what_strict_modes_cannot_say(kind: Any) -> None:
    """Open maps, tuples and untyped values have no strict schema."""
    assert strict_schema(json_schema(kind)) is None


@pytest.mark.parametrize("ref", ["#", "#/items", "https://example.org/schema"])
def test_what_is_named_elsewhere_has_no_strict_schema(ref: str) -> None:
    """Wrapped in an object, the root is another one, and what was at a place is not there."""
    assert strict_schema({"type": "array", "items": {"$ref": ref}}) is None
