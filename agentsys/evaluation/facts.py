"""A small made-up world of facts, to be found by search: nothing in it can be known beforehand."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib import resources
from random import Random

from .word_problems.words import made_up_word


@dataclass(frozen=True)
class Fact:
    """One fact: how it is asked, how it is looked up, and the passage that states it."""

    question: str
    query: str
    answer: str
    title: str
    text: str


def _name(random: Random, held_out: bool) -> str:
    return made_up_word(random, "entity", held_out).capitalize()


def _price(random: Random, subject: str, name: Callable[[], str]) -> Fact:
    thing, price = name().lower(), str(random.randint(2, 999))
    return Fact(
        f"How many dollars does a {thing} cost in {subject}?",
        f"price {thing} {subject}",
        price,
        f"Prices in {subject}",
        f"In {subject} a {thing} costs {price} dollars.",
    )


_NAMED = (
    ("What is the capital of {0}?", "capital {0}", "The capital of {0} is {1}."),
    ("Who founded {0}?", "founder {0}", "The founder of {0} is {1}."),
    ("Which river flows through {0}?", "river {0}", "The river that flows through {0} is the {1}."),
    ("Which language is spoken in {0}?", "language {0}", "The language of {0} is {1}."),
    ("Who is the mayor of {0}?", "mayor {0}", "The mayor of {0} is {1}."),
    ("Who wrote the book {0}?", "book {0}", "The book {0} was written by {1}."),
)
_NUMBERED = (
    (
        "In which year was the {0} Bridge built?",
        "year {0} Bridge",
        "The {0} Bridge was built in the year {1}.",
    ),
    (
        "How many meters high is Mount {0}?",
        "height Mount {0}",
        "The height of Mount {0} is {1} meters.",
    ),
    ("How many people live in {0}?", "people {0}", "In {0} live {1} people."),
)


KINDS = len(_NAMED) + len(_NUMBERED) + 1
"""How many relations there are."""


def fact(random: Random, *, held_out: bool, subject: str = "", kind: int | None = None) -> Fact:
    """A fact about a made-up entity, or about `subject`; `held_out` ones are never in training.

    `kind` fixes the relation, from 0 to `KINDS` - 1.
    """

    def name() -> str:
        return _name(random, held_out)

    about = subject or name()
    choice = random.randrange(KINDS) if kind is None else kind
    if choice == 0:
        return _price(random, about, name)
    templates = (_NAMED + _NUMBERED)[choice - 1]
    answer = name() if templates in _NAMED else str(random.randint(1000, 9999))
    question, query, text = (template.format(about, answer) for template in templates)
    return Fact(question, query, answer, about, text)


def facts(n: int, seed: int, *, held_out: bool) -> list[Fact]:
    """`n` facts that do not contradict each other, the same for the same seed."""
    random = Random(f"facts {held_out} {seed}")
    found: dict[str, Fact] = {}
    subjects: list[str] = []
    while len(found) < n:
        known = random.choice(subjects) if subjects and random.random() < 0.4 else ""
        new = fact(random, held_out=held_out, subject=known)
        found.setdefault(new.question, new)
        if not known:
            subjects.append(new.title.removeprefix("Prices in "))
    return list(found.values())


CORPUS_SIZE = 300
"""Passages in `facts.jsonl`, the corpus that the ready-made search tool looks in."""


def corpus() -> list[Fact]:
    """The facts that `facts.jsonl` states; none of their entities is in training."""
    return facts(CORPUS_SIZE, seed=0, held_out=True)


@cache
def passages() -> tuple[str, ...]:
    """The texts of `facts.jsonl`, in order."""
    file = resources.files("agentsys.evaluation") / "facts.jsonl"
    lines = file.read_text(encoding="utf-8")
    return tuple(json.loads(line)["text"] for line in lines.splitlines())
