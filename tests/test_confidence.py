"""Confidence counts the tokens of values, and only those."""

import math

import pytest

from agentsys.confidence import confidence, value_spans
from agentsys.messages import Token


def tokens(*pieces: tuple[str, float]) -> tuple[Token, ...]:
    return tuple(Token(text, math.log(p)) for text, p in pieces)


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ('{"expression":"4*12-7"}', ["4*12-7"]),
        ('{"value": 41, "unit": "pens"}', ["41", "pens"]),
        ('{"steps":["a","b"],"ok":true,"why":null}', ["a", "b", "true", "null"]),
        ('{"tool":"search","args":{"query":"x"}}', ["x"]),
        ('{"final":{"value":-1.5e3}}', ["-1.5e3"]),
        ('{"a \\"b\\"": "c \\"d\\""}', ['c \\"d\\"']),
        ("41", ["41"]),
        ("free text", ["free text"]),
    ],
)
def test_value_spans(text: str, values: list[str]) -> None:
    """The spans cover the scalar values, without keys, quotes and the name of a tool."""
    assert [text[start:end] for start, end in value_spans(text)] == values


def test_weakest_value_token_decides() -> None:
    """Unlikely keys and punctuation do not count; the least likely value token does."""
    reply = tokens(('{"', 0.01), ("value", 0.01), ('":', 0.01), ("4", 0.9), ("1", 0.6), ("}", 0.01))
    assert confidence("".join(t.text for t in reply), reply) == pytest.approx(0.6)


def test_token_that_straddles_counts() -> None:
    """A token that holds a quote and the first letter of the value is a value token."""
    reply = tokens(('{"a":', 1.0), ('"x', 0.3), ('"}', 1.0))
    assert confidence('{"a":"x"}', reply) == pytest.approx(0.3)


@pytest.mark.parametrize("text", ["{}", '{"a":""}'])
def test_nothing_to_be_sure_of(text: str) -> None:
    """A reply without values has no confidence."""
    assert confidence(text, tokens(*[(c, 0.5) for c in text])) is None


def test_no_log_probabilities() -> None:
    """A deployment that gives no log-probabilities gives no confidence."""
    assert confidence('{"a":1}', ()) is None
