"""What the parts of a decomposition take: every question and answer is a typed object."""

from typing import Generic, TypeVar

from pydantic import BaseModel, ConfigDict, Field

X = TypeVar("X")
Y = TypeVar("Y")
A = TypeVar("A")
B = TypeVar("B")


class Known(BaseModel, Generic[A, B]):
    """A sub-question that has its answer."""

    model_config = ConfigDict(frozen=True)

    number: int = Field(ge=0)
    """Which of the sub-questions it is, from 0."""
    question: A
    answer: B


class SubTask(BaseModel, Generic[X, A, B]):
    """One sub-question, with what is known for it."""

    model_config = ConfigDict(frozen=True)

    problem: X
    question: A
    known: tuple[Known[A, B], ...] = ()
    """The answers that it needs, in the order of their numbers; else all so far."""


class Solved(BaseModel, Generic[X, A, B]):
    """A problem and the answers to its sub-questions, in the order of their numbers."""

    model_config = ConfigDict(frozen=True)

    problem: X
    answers: tuple[Known[A, B], ...] = ()


class Attempted(BaseModel, Generic[X, Y]):
    """A problem and what a first attempt at it gave."""

    model_config = ConfigDict(frozen=True)

    problem: X
    attempt: Y | None
    """`None` where it gave nothing that passes its checks."""
    objection: str
    """What speaks against it."""
