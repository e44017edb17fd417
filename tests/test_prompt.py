"""What an agent says to a model."""

from pydantic import BaseModel

from agentsys.prompt import (
    BYTES_PER_TOKEN,
    MOST_OBJECTED,
    MOST_OBSERVED,
    Objection,
    Observation,
    Reply,
    clipped,
    input_text,
    render,
)
from tests.shapes import Question, add


class Pair(BaseModel):
    left: int
    right: str


def test_whole_conversation() -> None:
    """Instructions, tools, input, then the turns, each in its role."""
    turns = (Reply("a"), Observation("add", "3"), Reply("b"), Objection("it is wrong."))
    messages = render("Add up.", (add,), Question(text="1 and 2?"), Question, turns, max_tokens=512)
    assert [(m.role, m.content) for m in messages] == [
        ("system", "Add up.\n\nTools:\n- add(a: int, b: int): Add two numbers."),
        ("user", "1 and 2?"),
        ("assistant", "a"),
        ("user", "Result of add: 3"),
        ("assistant", "b"),
        ("user", "That fails: it is wrong. Answer again."),
    ]


def test_nothing_that_a_conversation_grows_by_is_without_a_bound() -> None:
    """Replies, results and reasons that are too long end in a mark that says so."""
    long = "é" * 100_000
    turns = (Reply(long), Observation("add", long), Objection(long))
    told = render("Add up.", (), "1 and 2?", str, turns, max_tokens=10)[2:]
    bounds = (BYTES_PER_TOKEN * 10, MOST_OBSERVED, MOST_OBJECTED)
    around = (0, len("Result of add: "), len("That fails:  Answer again."))
    for message, bound, more in zip(told, bounds, around, strict=True):
        assert bound - 2 <= len(message.content.encode()) - more <= bound
        assert "é…" in message.content
    assert clipped("é" * 40, 80) == "é" * 40


def test_input_with_several_fields_is_json() -> None:
    """Anything but a single text is compact JSON."""
    assert input_text(Pair(left=1, right="é"), Pair) == '{"left":1,"right":"é"}'
    assert input_text([Question(text="a")], list[Question]) == '[{"text":"a"}]'


def test_subclass_keeps_its_fields() -> None:
    """A subclass with more than the one text field is JSON, not just its text."""

    class Longer(Question):
        more: str

    assert input_text(Longer(text="a", more="b"), Longer) == '{"text":"a","more":"b"}'
