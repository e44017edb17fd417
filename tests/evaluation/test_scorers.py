"""What counts as right."""

import pytest

from agentsys.evaluation.scorers import Exact, Numeric


@pytest.mark.parametrize(
    ("output", "right"),
    [
        ({"value": 42}, True),
        ({"value": 42.0, "expression": "6*7"}, True),
        ({"value": 42.00001}, True),
        ({"value": "42.0"}, True),
        (42, True),
        ({"value": 42.1}, False),
        ({"value": True}, False),
        ({"value": None}, False),
        ({"value": "many"}, False),
        ({"value": float("nan")}, False),
        ({"value": 10**400}, False),
        ({"number": 42}, False),
        ([42], False),
        (None, False),
    ],
)
def test_a_number_is_right_within_the_tolerance(output, right):
    """Only a finite number close to the reference is right; nothing else breaks the scorer."""
    assert Numeric(tolerance=1e-6)(output, 42) is right


def test_the_tolerance_is_relative_to_large_references():
    """A millionth of a million is one; near zero the tolerance is absolute."""
    assert Numeric(tolerance=1e-6)({"value": 1_000_000.9}, 1_000_000)
    assert Numeric(tolerance=1e-6)({"value": 1e-7}, 0)
    assert not Numeric(tolerance=1e-6)({"value": 1e-5}, 0)


def test_a_truth_value_is_not_a_reference():
    """True as a reference is a mistake in a suite, not the number 1."""
    assert not Numeric()({"value": 1}, True)


@pytest.mark.parametrize(
    ("output", "reference", "right"),
    [
        ({"a": [1, "x"]}, {"a": [1, "x"]}, True),
        ("Paris", "Paris", True),
        ("paris", "Paris", False),
        (1, True, False),
        (None, None, True),
    ],
)
def test_exact_means_the_same_value(output, reference, right):
    """Equal JSON is right, and true is not 1."""
    assert Exact()(output, reference) is right


def test_exact_can_look_at_one_field():
    """The other fields do not matter then."""
    assert Exact("label")({"label": "spam", "why": "…"}, "spam")
