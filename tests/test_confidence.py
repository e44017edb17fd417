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
        ('{"tool":"hammer"}', ["hammer"]),
        ('{"a" : {"b" :"c"}}', ["c"]),
        ('{"final":{"value":-1.5e3}}', ["-1.5e3"]),
        ('{"a \\"b\\"": "c \\"d\\""}', ['c \\"d\\"']),
        ("41", ["41"]),
    ],
)
def test_value_spans(text: str, values: list[str]) -> None:
    """The spans cover the scalar values, without keys and quotes."""
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


def test_name_of_a_tool_is_no_value() -> None:
    """In a tool step the arguments count; in an answer, a field called `tool` counts, too."""
    reply = tokens(
        ('{"tool":"', 1.0), ("add", 0.2), ('","args":{"a":', 1.0), ("1", 0.6), ("}}", 1.0)
    )
    text = "".join(t.text for t in reply)
    assert confidence(text, reply, tool_call=True) == pytest.approx(0.6)
    assert confidence(text, reply) == pytest.approx(0.2)


def test_free_text_counts_every_token() -> None:
    """A reply that is not JSON has no keys to leave out."""
    reply = tokens(("It ", 0.9), ("rains.", 0.7))
    assert confidence("It rains.", reply, json=False) == pytest.approx(0.7)


def test_long_replies_take_linear_time() -> None:
    """A hundred thousand tokens are gone through once, not once a value."""
    pieces = [("[", 1.0), *[("1", 0.9), (",", 0.1)] * 50_000, ("1", 0.8), ("]", 1.0)]
    reply = tokens(*pieces)
    assert confidence("".join(t.text for t in reply), reply) == pytest.approx(0.8)


def test_what_the_mask_forced_does_not_count() -> None:
    """A constant, or the rest of a choice that has been made, says nothing about the model."""
    reply = tuple(
        Token(text, math.log(p), forced=alone)
        for text, p, alone in [
            ('{"kind":"', 0.1, False),
            ("order", 0.001, True),
            ('","colour":"', 0.1, False),
            ("r", 0.8, False),
            ("ed", 0.02, True),
            ('"}', 1.0, False),
        ]
    )
    assert confidence("".join(t.text for t in reply), reply) == pytest.approx(0.8)


def test_an_answer_that_was_forced_has_no_confidence() -> None:
    """Nothing was chosen."""
    reply = (Token('"', 0.0), Token("yes", -9.0, forced=True), Token('"', 0.0))
    assert confidence('"yes"', reply) is None
