"""Types as JSON Schema, and what a model wrote back into types."""

from dataclasses import dataclass
from typing import Any, Optional

import pytest
from jsonschema import Draft202012Validator
from pydantic import BaseModel, create_model

from agentsys.errors import InvalidOutput, SchemaError
from agentsys.schema import (
    compact,
    conform,
    dump,
    is_text_model,
    json_schema,
    name_of,
    parse,
    tagged_union,
    validate,
    validate_json,
)


class Leaf(BaseModel):
    text: str


class Tree(BaseModel):
    leaves: list[Leaf]
    parent: Optional["Tree"] = None


@dataclass
class Point:
    x: int


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        (Leaf, "Leaf"),
        (list[Leaf], "list[Leaf]"),
        (tuple[Leaf, list[int]], "tuple[Leaf, list[int]]"),
        (int | None, "int | None"),
        (Any, "Any"),
    ],
)
def test_types_are_named_as_written(kind: Any, name: str) -> None:
    """Messages show a type as one would write it."""
    assert name_of(kind) == name


def test_type_without_schema_is_refused() -> None:
    """A type that pydantic cannot validate is named, with what to use instead."""

    class Opaque:
        pass

    with pytest.raises(SchemaError, match="Opaque"):
        json_schema(Opaque)


def test_schema_is_a_fresh_copy() -> None:
    """Changing a schema that was handed out changes no other."""
    json_schema(Leaf)["properties"].clear()
    assert "text" in json_schema(Leaf)["properties"]


@pytest.mark.parametrize(
    ("value", "reason"),
    [({}, "'text' is a required property."), ({"text": 1}, "text: 1 is not of type 'string'.")],
)
def test_mismatch_is_placed(value: Any, reason: str) -> None:
    """The reason names the place and what is wrong there."""
    with pytest.raises(InvalidOutput) as caught:
        conform(value, json_schema(Leaf))
    assert reason in caught.value.message


def test_validate_passes_instances() -> None:
    """An instance of the type is not copied."""
    leaf = Leaf(text="x")
    assert validate(leaf, Leaf) is leaf


def test_validate_does_not_convert_between_models() -> None:
    """A model of another class is no instance, whatever its fields."""

    class Other(BaseModel):
        text: str

    with pytest.raises(InvalidOutput):
        validate(Other(text="x"), Leaf)


def test_json_mode_makes_tuples_and_dataclasses() -> None:
    """JSON data becomes what the type says."""
    assert validate_json([1, 2], tuple[int, ...]) == (1, 2)
    assert validate_json({"x": 1}, Point) == Point(1)
    assert dump(Point(1), Point) == {"x": 1}


def test_parse_refuses_what_is_not_json() -> None:
    """Text that is not JSON is a reason for the model, not a crash."""
    for text in ("{", "", "NaN and more", "[" * 50_000):
        with pytest.raises(InvalidOutput):
            parse(text)


def test_tagged_union_merges_definitions_without_clash() -> None:
    """Parts with a definition of the same name keep their own."""
    first = json_schema(list[create_model("Inner", a=(int, ...))])
    second = json_schema(list[create_model("Inner", b=(str, ...))])
    union = tagged_union({"use": first}, second)
    validator = Draft202012Validator(union)
    Draft202012Validator.check_schema(union)
    assert validator.is_valid({"tool": "use", "args": [{"a": 1}]})
    assert not validator.is_valid({"tool": "use", "args": [{"b": "x"}]})
    assert validator.is_valid({"final": [{"b": "x"}]})
    assert not validator.is_valid({"final": [{"a": 1}]})
    assert not validator.is_valid({"tool": "use", "args": [], "final": []})


def test_tagged_union_of_a_recursive_type() -> None:
    """References inside a definition follow it."""
    union = tagged_union({}, json_schema(Tree))
    assert Draft202012Validator(union).is_valid(
        {"final": {"leaves": [], "parent": {"leaves": [{"text": "x"}]}}}
    )


def test_text_models() -> None:
    """Only a model with one single text field counts as text."""
    assert is_text_model(Leaf)
    assert not any(is_text_model(kind) for kind in (Tree, Point, str, int))


def test_compact_keeps_unicode() -> None:
    """Compact JSON has no spaces and no escapes for letters."""
    assert compact({"a": ["é", 1]}) == '{"a":["é",1]}'


def test_a_schema_is_read_in_its_own_draft() -> None:
    """A list of `items` is a tuple in draft 7."""
    schema = {"$schema": "http://json-schema.org/draft-07/schema#", "items": [{"type": "null"}]}
    conform([None, 1], schema)
    with pytest.raises(InvalidOutput):
        conform([1], schema)


def test_nothing_is_fetched_for_a_schema() -> None:
    """A `$ref` to an address is a mistake in the schema, not a request."""
    with pytest.raises(SchemaError, match="leads nowhere"):
        conform(1, {"$ref": "http://127.0.0.1:1/schema.json"})
