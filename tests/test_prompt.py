"""What an agent says to a model."""

from pydantic import BaseModel

from agentsys.prompt import Objection, Observation, Reply, input_text, render
from tests.shapes import Question, add


class Pair(BaseModel):
    left: int
    right: str


def test_whole_conversation() -> None:
    """Instructions, tools, input, then the turns, each in its role."""
    turns = (Reply("a"), Observation("add", "3"), Reply("b"), Objection("it is wrong."))
    messages = render("Add up.", (add,), Question(text="1 and 2?"), Question, turns)
    assert [(m.role, m.content) for m in messages] == [
        ("system", "Add up.\n\nTools:\n- add(a: int, b: int): Add two numbers."),
        ("user", "1 and 2?"),
        ("assistant", "a"),
        ("user", "Result of add: 3"),
        ("assistant", "b"),
        ("user", "That fails: it is wrong. Answer again."),
    ]


def test_input_with_several_fields_is_json() -> None:
    """Anything but a single text is compact JSON."""
    assert input_text(Pair(left=1, right="é"), Pair) == '{"left":1,"right":"é"}'
    assert input_text([Question(text="a")], list[Question]) == '[{"text":"a"}]'


def test_subclass_keeps_its_fields() -> None:
    """A subclass with more than the one text field is JSON, not just its text."""

    class Longer(Question):
        more: str

    assert input_text(Longer(text="a", more="b"), Longer) == '{"text":"a","more":"b"}'
