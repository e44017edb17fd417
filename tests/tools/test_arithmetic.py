"""Expressions that a model answered with."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentsys.errors import ToolFailed
from agentsys.tools.arithmetic import evaluate


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("4 * 12 - 7", 41),
        ("4*12-7", 41),
        (" (1 + 2) * 3 ", 9),
        ("-5 + +2", -3),
        ("10 / 4", 2.5),
        ("96 / 2", 48),
        ("1.5 * 2", 3),
        ("9999 * 9999 * 9999", 999700029999),
    ],
)
def test_an_expression_has_its_value(expression: str, value: float) -> None:
    """The four operations, brackets and signs."""
    assert evaluate(expression) == value


@pytest.mark.parametrize(
    ("expression", "reason"),
    [
        ("1 / 0", "divides by zero"),
        ("5 / (3 - 3)", "divides by zero"),
        ("9" * 190 + "/ 0.1", None),
        ("", "only numbers"),
        ("   ", "no value"),
        ("2 ** 9", "only numbers"),
        ("2 * * 9", "only numbers"),
        ("7 // 2", "only numbers"),
        ("1 +", "malformed"),
        ("(1", "malformed"),
        ("1 2", "malformed"),
        ("()", "no value"),
        ("1 . 2 . 3", "malformed"),
        ("007 + 1", "malformed"),
        ("x + 1", "only numbers"),
        ("1e9", "only numbers"),
        ("1,000", "only numbers"),
        ("１ + ２", "only numbers"),
        ("1\n+ 2", "only numbers"),
        ("__import__('os')", "only numbers"),
        ("(" * 21 + "1" + ")" * 21, "brackets within brackets"),
        ("1+" * 120 + "1", "more than 200 characters"),
    ],
    ids=lambda text: str(text)[:20].encode("unicode_escape").decode(),
)
def test_anything_else_is_refused(expression: str, reason: str | None) -> None:
    """One line that says why, whatever the model wrote."""
    if reason is None:
        assert evaluate(expression) > 1e189
        return
    with pytest.raises(ToolFailed) as caught:
        evaluate(expression)
    assert reason in caught.value.message


@given(st.text(alphabet="0123456789+-*/(). ", max_size=30))
@settings(max_examples=200, deadline=None)
def test_any_text_of_the_alphabet_is_a_number_or_refused(expression: str) -> None:
    """No other exception, no other type."""
    try:
        value = evaluate(expression)
    except ToolFailed:
        return
    assert isinstance(value, int | float)
    assert not isinstance(value, bool)
