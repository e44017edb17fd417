"""What Outlines is given of a JSON Schema, and what it is said to leave out."""

import json
import re
from datetime import date
from enum import Enum
from typing import Annotated, Any, Literal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from pydantic import BaseModel, ConfigDict, Field

from agentsys.guide import Limits, guide
from agentsys.guide.forced import forced
from agentsys.schema import json_schema, tagged_union
from benchmarks.walks import walks

TEXT = {"type": "string"}
WHOLE = {"type": "integer"}


def record(**properties: Any) -> dict[str, Any]:
    """An object of which every property is required."""
    return {"type": "object", "properties": properties, "required": list(properties)}


class Colour(Enum):
    RED = "red"
    GREEN = "green"


class Line(BaseModel):
    model_config = ConfigDict(extra="forbid")
    name: str = Field(min_length=1, max_length=8)
    price: float
    colour: Colour
    kind: Literal["a", 'quote " and / slash']


class Order(BaseModel):
    code: Annotated[str, Field(pattern=r"^[A-Z]{2}-\d{3}$")]
    expression: str = Field(pattern=r"^[0-9+\-*/(). ]+$", max_length=12)
    lines: list[Line] = Field(min_length=1, max_length=2)
    rating: int = Field(ge=1, le=5)
    note: str | None = None
    pair: tuple[int, bool] = (1, True)


class Tree(BaseModel):
    children: list["Tree"]


def texts(schema: Any) -> st.SearchStrategy[str]:
    """Strings that the guide's regex matches."""
    found = guide(schema)
    assert found.regex is not None, found.refused
    regex = found.regex
    return st.integers(0, 10**6).map(lambda seed: next(walks(regex, 1, seed)))


@given(st.data())
@settings(max_examples=40, deadline=None)
def test_a_pydantic_model_is_enforced_whole(data: st.DataObject) -> None:
    """Whatever the regex of a model lets through is a valid instance of the model."""
    schema = json_schema(Order)
    assert guide(schema).unenforced == ()
    Order.model_validate_json(data.draw(texts(schema)))


@given(st.data())
@settings(max_examples=40, deadline=None)
def test_tools_and_answer_are_enforced_as_one_union(data: st.DataObject) -> None:
    """A step of a tool loop is either a tool with its arguments or the final answer."""
    union = tagged_union({"search": json_schema(Line)}, json_schema(Order))
    value = json.loads(data.draw(texts(union)))
    assert value.get("tool") == "search" or "final" in value


def simple_schemas() -> st.SearchStrategy[dict[str, Any]]:
    """Schemas of the kinds that people write, sensible or not."""
    small = st.integers(0, 4)
    patterns = [
        "^[a-c]+$",
        "x|y",
        "^a|b$",
        'say "[^"]"',
        "[^a-y]",
        r"^\w+\s?\S$",
        r"\\",
        ".",
        r"\bz",
    ]
    text = st.fixed_dictionaries(
        {"type": st.just("string")},
        optional={
            "minLength": small,
            "maxLength": st.integers(3, 6),
            "pattern": st.sampled_from(patterns),
            "format": st.sampled_from(["date", "time", "email", "uri", "uuid", "ipv4"]),
        },
    )
    number = st.fixed_dictionaries(
        {"type": st.sampled_from(["integer", "number"])},
        optional={
            "minimum": st.integers(-3, 3),
            "exclusiveMaximum": st.sampled_from([4, 4.5, 9]),
            "multipleOf": st.sampled_from([1, 2]),
        },
    )
    values = st.lists(st.sampled_from(["é/\n", 'q"', 1, None, True, [1], {"k": 2}]), min_size=1)
    plain = st.one_of(text, number, values.map(lambda v: {"enum": v}))
    return st.recursive(plain, nested_schemas, max_leaves=3)


def nested_schemas(inner: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
    """Lists, objects and alternatives of other schemas."""
    limits = {
        "minItems": st.integers(0, 2),
        "maxItems": st.integers(2, 3),
        "uniqueItems": st.just(True),
    }
    lists = st.fixed_dictionaries({"type": st.just("array"), "items": inner}, optional=limits)
    names = st.sampled_from(["a", "b c", "ü.*"])
    objects = st.dictionaries(names, inner, min_size=1).flatmap(
        lambda properties: st.fixed_dictionaries(
            {"type": st.just("object"), "properties": st.just(properties)},
            optional={
                "required": st.lists(st.sampled_from(sorted(properties)), unique=True),
                "additionalProperties": st.booleans(),
                "minProperties": st.integers(0, 1),
                "maxProperties": st.integers(1, 2),
            },
        )
    )
    either = st.lists(inner, min_size=1, max_size=2).flatmap(
        lambda parts: st.sampled_from(["anyOf", "oneOf"]).map(lambda key: {key: parts})
    )
    return st.one_of(lists, objects, either)


@given(st.data())
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_only_what_is_named_can_be_violated(data: st.DataObject) -> None:
    """Every match is JSON, and valid unless a keyword was named as not enforced."""
    schema = data.draw(simple_schemas())
    found = guide(schema)
    if found.regex is None:
        assert found.refused
        return
    value = json.loads(data.draw(texts(schema)))
    error = next(Draft202012Validator(schema).iter_errors(value), None)
    assert error is None or found.unenforced


@pytest.mark.parametrize(
    ("schema", "named"),
    [
        ({"type": "number", "minimum": 10**12}, ("$.minimum",)),
        (WHOLE | {"minimum": 0, "multipleOf": 7}, ("$.multipleOf",)),
        (TEXT | {"maxLength": 100_000}, ("$.maxLength",)),
        ({"type": "array", "items": TEXT, "minItems": 9_999}, ("$.minItems",)),
        (TEXT | {"pattern": "^[a-z]{1,5000}$"}, ("$.pattern",)),
        (TEXT | {"pattern": ".*a.{14}"}, ("$.pattern",)),
        (record(a={"type": "number", "multipleOf": 0.5}), ("$.a.multipleOf",)),
        ({"type": "array", "items": WHOLE, "uniqueItems": True}, ("$.uniqueItems",)),
        ({"type": "array", "items": WHOLE, "contains": {"const": 1}}, ("$.contains",)),
        (TEXT | {"not": {"const": "x"}}, ("$.not",)),
        (TEXT | {"format": "ipv4"}, ("$.format",)),
        (TEXT | {"format": "date"}, ("$.format",)),
        (TEXT | {"pattern": r"^(?!no)\w+$"}, ("$.pattern",)),
        (TEXT | {"pattern": r"^\d+,\d+$", "maxLength": 5}, ("$.maxLength",)),
        ({"oneOf": [WHOLE, {"type": "number"}]}, ("$.oneOf",)),
        ({"anyOf": [WHOLE], "minimum": 2}, ("$.minimum",)),
        ({"$ref": "#/$defs/A", "maximum": 3, "$defs": {"A": WHOLE}}, ("$.maximum",)),
        (WHOLE | {"if": {"const": 1}, "then": {"const": 1}}, ("$.if",)),
        (record(a=WHOLE) | {"dependentRequired": {"a": ["b"]}}, ("$.dependentRequired",)),
        ({"type": "object", "propertyNames": {"maxLength": 3}}, ("$.propertyNames",)),
        (
            {"type": "object", "additionalProperties": WHOLE, "maxProperties": 2},
            ("$.maxProperties",),
        ),
        ({"type": "object", "patternProperties": {"^a": WHOLE}}, ("$.patternProperties",)),
        ({"$dynamicRef": "#node"}, ("$.$dynamicRef",)),
        ({"dependencies": {"a": ["b"]}}, ("$.dependencies",)),
    ],
    ids=str,
)
def test_what_the_regex_ignores_is_named(schema: dict[str, Any], named: tuple[str, ...]) -> None:
    """A keyword that replies may violate is named with its place."""
    found = guide(schema)
    assert found.regex is not None
    assert found.unenforced == named


@pytest.mark.parametrize(
    ("schema", "reason"),
    [
        ({"$ref": "#"}, "recursive, without an end"),
        (record(a={"$ref": "#"}), "recursive, without an end"),
        ({"allOf": [{"anyOf": [WHOLE]}, {"anyOf": [TEXT]}]}, "$.allOf"),
        ({"allOf": [WHOLE, TEXT]}, "allows no value"),
        ({"$schema": "http://json-schema.org/draft-04/schema#"}, "draft 6 is the oldest"),
        (record(a={"$id": "http://x/y", "items": {"$ref": "#"}}), "changes what '$ref' means"),
        ({"$ref": "https://example.org/schema"}, "leads out of the schema"),
        ({"$ref": "#/$defs/Missing"}, "leads nowhere"),
        ({"type": "integer", "minimum": 3, "maximum": 2}, "allows no value"),
        (TEXT | {"minLength": 3, "maxLength": 2}, "allows no value"),
        (TEXT | {"enum": [1, 2]}, "allows no value"),
        (record(a=False), "$.a allows no value"),
        ({"type": "array", "prefixItems": [WHOLE], "minItems": 2}, "exactly these items"),
        ({"type": "wish"}, "no type 'wish'"),
        ({"type": "object", "properties": 3}, "not a JSON Schema"),
    ],
    ids=str,
)
def test_what_cannot_be_compiled_is_refused_with_the_reason(
    schema: dict[str, Any], reason: str
) -> None:
    """There is no regex where one would change what the schema means."""
    found = guide(schema)
    assert found.regex is None
    assert reason in found.refused


@pytest.mark.parametrize(
    ("pattern", "fits", "fails"),
    [
        ("^[a-z]+$", ["abc"], ["Abc", "a1", ""]),
        ("[0-9]", ["7", "a7b"], ["ab"]),
        ("^a|b$", ["ax", "xb"], ["xa"]),
        ("^(a|b)$", ["a", "b"], ["ab", "x"]),
        ('^"$', ['"'], ["x"]),
        (r"^\\n$", [r"\n"], ["\n"]),
        ("^.$", ["é", "😀", "\\"], ["\n", "ab"]),
        (r"^a/b\.c$", ["a/b.c"], ["a/bxc"]),
        ("^[^a]$", ["b", "\n", '"'], ["a"]),
        (r"^x{2,3}$", ["xx", "xxx"], ["x", "xxxx"]),
    ],
)
def test_a_pattern_means_the_string_not_its_json(
    pattern: str, fits: list[str], fails: list[str]
) -> None:
    """Anchors, quotes and backslashes are those of the value."""
    regex = guide(TEXT | {"pattern": pattern}).regex
    assert regex is not None
    matched = [s for s in fits + fails if re.fullmatch(regex, json.dumps(s, ensure_ascii=False))]
    assert matched == fits


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_numbers_stay_within_their_bounds(data: st.DataObject) -> None:
    """Bounds hold for what is written, and what is within them can be written."""
    bound = st.integers(-2000, 2000) | st.decimals(-99, 99, places=2).map(float)
    keys = ("minimum", "exclusiveMinimum", "maximum", "exclusiveMaximum")
    bounds: dict[str, Any] = data.draw(st.dictionaries(st.sampled_from(keys), bound))
    schema = bounds | {"type": data.draw(st.sampled_from(["integer", "number"]))}
    found, valid = guide(schema), Draft202012Validator(schema).is_valid
    if found.regex is None:
        assert "allows no" in found.refused
        return
    assert found.unenforced == ()
    assert valid(json.loads(data.draw(texts(schema))))
    near = [number + step for number in bounds.values() for step in (-1, -0.01, 0, 0.01, 1)]
    for number in near:
        number = round(number, 2) if schema["type"] == "number" else int(number)
        if number or not str(number).startswith("-"):
            assert valid(number) == bool(re.fullmatch(found.regex, json.dumps(number))), number


def test_a_recursive_type_is_enforced_to_a_depth() -> None:
    """What is nested deeper cannot be written, and that is said."""
    schema = json_schema(Tree)
    shallow, deep = '{"children":[{"children":[]}]}', '{"children":[' * 3 + "]}" * 3
    for depth, fits in ((2, [shallow]), (3, [shallow, deep])):
        found = guide(schema, Limits(depth=depth))
        assert found.narrowed == (f"#/$defs/Tree: at most {depth} inside each other",)
        assert [t for t in (shallow, deep) if re.fullmatch(found.regex or "", t)] == fits


def test_lengths_are_given_up_before_the_schema_is() -> None:
    """What would make the automaton too large is validated afterwards, and named."""
    lines = {"type": "array", "maxItems": 9, "items": TEXT | {"maxLength": 9}}
    schema = record(**{f"lines{i}": lines for i in range(9)})
    assert "$.lines0[*].maxLength" in guide(schema).unenforced
    assert guide(schema, Limits(states=20_000)).unenforced == ()


def test_a_schema_that_is_too_large_can_be_allowed() -> None:
    """The limit is named in the refusal, and can be raised."""
    schema = record(**{f"text{i}": TEXT for i in range(300)})
    assert "and 2,500 are allowed" in guide(schema).refused
    assert guide(schema, Limits(states=20_000)).unenforced == ()


def test_what_is_forced_is_known() -> None:
    """A piece is forced where nothing else could stand there, however the text is cut."""
    schema = record(kind={"const": "é"}, colour={"enum": ["red", "green", "grey"]}, n=WHOLE)
    regex = guide(schema).regex or ""
    text = [
        *('{"', "kind", '":"', "é", '","colour":"', "gre"),
        *("y", '","n":', "1", "}"),
    ]
    chosen = [piece for piece, alone in zip(text, forced(regex, text), strict=True) if not alone]
    assert chosen == ['{"', '":"', '","colour":"', "gre", "y", '","n":', "1", "}"]
    assert forced(regex, ["{", '"kind"', "?"]) == [True, False, False]


def test_names_are_taken_literally() -> None:
    """Neither quotes nor signs of regular expressions in a name mean anything."""
    regex = guide(record(**{'a.b"$': {"const": {"c*": 10**30}}})).regex or ""
    assert re.fullmatch(regex, '{"a.b\\"$":{"c*":1000000000000000000000000000000}}')
    assert not re.fullmatch(regex, '{"axb\\"$":{"c*":1000000000000000000000000000000}}')


def test_parts_that_all_hold_become_one() -> None:
    """`allOf` is compiled where its parts can be joined."""
    base = {"$defs": {"A": record(a=WHOLE)}}
    found = guide({**base, "allOf": [{"$ref": "#/$defs/A"}, record(b={"maximum": 3})]})
    assert found.unenforced == ()
    assert re.fullmatch(found.regex or "", '{"a":1,"b":3}')
    assert not re.fullmatch(found.regex or "", '{"b":3}')


def test_older_drafts_are_read_as_they_are_meant() -> None:
    """Where a schema says that it is draft 7, a list of `items` is a tuple."""
    schema = {"items": [WHOLE, TEXT], "additionalItems": False}
    draft = "http://json-schema.org/draft-07/schema#"
    assert re.fullmatch(guide({"$schema": draft, **schema}).regex or "", '[1,"a"]')
    assert guide(schema).regex is None


def test_a_length_joins_a_pattern_of_one_repeated_class() -> None:
    """The usual pattern with a limit keeps both."""
    found = guide(TEXT | {"pattern": "^[0-9+ ]+$", "maxLength": 5})
    assert found.unenforced == ()
    assert re.fullmatch(found.regex or "", '"1 + 2"')
    assert not re.fullmatch(found.regex or "", '"11 + 2"')


def test_an_optional_property_may_be_left_out() -> None:
    """What is not required need not be written; other names may not."""
    regex = guide(json_schema(Order)).regex or ""
    line = '{"name":"x","price":1,"colour":"red","kind":"a"}'
    body = f'{{"code":"AB-123","expression":"1","lines":[{line}],"rating":5}}'
    assert re.fullmatch(regex, body)
    assert not re.fullmatch(regex, body.replace('"rating":5', '"rating":6'))
    assert not re.fullmatch(regex, body.replace('"price":1,', '"price":1,"extra":2,'))


def test_dates_are_held_to_their_shape() -> None:
    """A format is a shape: enough to help, not enough to vouch for."""
    found = guide(json_schema(date))
    assert found.unenforced == ("$.format",)
    assert re.fullmatch(found.regex or "", '"2026-11-20"')
    assert not re.fullmatch(found.regex or "", '"20 November"')


def test_a_schema_too_large_for_a_mask_is_refused() -> None:
    """References that multiply are stopped before they fill the memory."""
    definitions: dict[str, Any] = {"D0": WHOLE}
    for depth in range(1, 20):
        ref = {"$ref": f"#/$defs/D{depth - 1}"}
        definitions[f"D{depth}"] = record(a=ref, b=ref)
    found = guide({"$ref": "#/$defs/D19", "$defs": definitions})
    assert found.regex is None
    assert "more than 2,000 parts" in found.refused
