"""The number that a reply gives as its answer."""

import json

import pytest

from agentsys.tools.answers import answer_in, first_number


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("18", 18),
        ("$1,234.50 each", 1234.5),
        ("-3 degrees", -3),
        ("2:00 pm", 2),
        ("5 of 10", 5),
        ("none", None),
        ("", None),
        ("٣", None),
        ("9" * 500, None),
    ],
)
def test_first_number(text: str, number: float | None) -> None:
    """The first number in a text, with commas between thousands or without."""
    assert first_number(text) == number


@pytest.mark.parametrize(
    ("reply", "number"),
    [
        ('{"reasoning": "2 and 3", "answer": "5"}', 5),
        ('{"reasoning": "2 and 3", "answer": 5}', 5),
        ('{"answer": "5", "reasoning": "then 7"}', 5),
        ('```json\n{"reasoning": "1", "answer": "5 apples"}\n```', 5),
        ('Here it is:\n```\n{"answer": "5"}\n```\nThat took 3 steps.', 5),
        ('{"reasoning": "a "quoted" 1", "answer": "5"}', 5),
        ('"answer": "4"\nNo: "answer": "5"', 5),
        ("First 2, then 3, so 5.", 5),
        ('{"answer": "I cannot tell"}', None),
        ("I cannot tell", None),
        ('[{"answer": 1}]', 1),
    ],
)
def test_answer(reply: str, number: float | None) -> None:
    """JSON's field, fenced or broken; else the last number."""
    assert answer_in(reply) == number


@pytest.mark.parametrize(
    "reply",
    ["```json\n" * 20_000, '"answer"' * 20_000, "1," * 100_000, "[" * 100_000, "-" * 200_000],
)
def test_long_replies(reply: str) -> None:
    """However long a reply is, it is read to its end."""
    assert answer_in(f"{reply} so 5") in (1, 5)


def test_reply_that_is_json_of_another_kind() -> None:
    """A reply without the field is read as text."""
    assert answer_in(json.dumps({"result": 7})) == 7
