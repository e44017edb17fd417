"""Tasks, and what input types they fit."""

from dataclasses import dataclass
from typing import Any

import pytest
from pydantic import BaseModel, Field

from agentsys.errors import InvalidTask
from agentsys.evaluation.task import Task


class Prompt(BaseModel):
    """One text, and what may be added to it."""

    prompt: str = Field(min_length=2)
    tone: str = "dry"


class Two(BaseModel):
    """Two texts."""

    question: str
    context: str


class Number(BaseModel):
    """No text."""

    number: int


@dataclass
class Plain:
    """One text, in a dataclass."""

    words: str


@pytest.mark.parametrize("given", ["Why?", {"text": "Why?"}, {"question": "Why?"}])
@pytest.mark.parametrize(
    ("kind", "fits"),
    [(Prompt, Prompt(prompt="Why?")), (Plain, Plain("Why?")), (str, "Why?")],
)
def test_a_text_fits_what_wants_one_text(given, kind, fits):
    """Whatever the field is called, on either side."""
    assert Task("t", given, None).fitted(kind) == fits


def test_what_fits_as_it_is_stays_so():
    """The names count where they agree."""
    assert Task("t", {"prompt": "Why?", "tone": "warm"}, None).fitted(Prompt).tone == "warm"


@pytest.mark.parametrize(
    ("given", "kind"),
    [
        ({"text": "Why?"}, Two),
        ({"text": "Why?"}, Number),
        ({"text": "Why?"}, list[str]),
        ({"number": 5}, Prompt),
        ({"question": "Why?", "context": "So."}, Prompt),
        ({"question": "Why?", "context": "So."}, str),
        ({"text": "?"}, Prompt),
        (["Why?"], Prompt),
    ],
)
def test_anything_else_is_refused(given: Any, kind: Any):
    """Nothing is guessed: two texts, no text, or one that the type does not allow."""
    with pytest.raises(InvalidTask, match="Task 't' is not a "):
        Task("t", given, None).fitted(kind)
