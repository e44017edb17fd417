"""Gold sets: answers whose labels are known, a line of JSON each."""

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from hashlib import blake2b
from pathlib import Path
from random import Random
from typing import Annotated, Any, Literal, cast

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from agentsys.errors import UserError
from agentsys.schema import why_no_json

LARGEST = 64_000_000
"""Bytes of a file that are read."""

_SHAPE = (
    'A line is {"id", "task", "answer", "label": "correct" or "incorrect"}, with "failing_step" '
    'and "error" where you like.'
)


@dataclass(frozen=True)
class Item:
    """An answer whose label is known."""

    id: str
    task: Any
    """JSON data."""
    answer: Any
    """JSON data."""
    correct: bool
    failing_step: int | None = None
    """The first step that is wrong, from 1."""
    error: str = ""
    """The kind of the error."""
    line: int = 0
    """Where in the file it stands."""

    @cached_property
    def digest(self) -> str:
        """Of task and answer: the same in every file."""
        return _digest(json.dumps([self.task, self.answer], sort_keys=True))

    @cached_property
    def task_digest(self) -> str:
        """Of the task alone."""
        return _digest(json.dumps(self.task, sort_keys=True))

    @property
    def shown(self) -> dict[str, Any]:
        """What a judge is shown, as JSON data: never the label."""
        return {"task": self.task, "answer": self.answer}

    @property
    def place(self) -> str:
        """Where in the file it stands."""
        return f"Line {self.line} is"


@dataclass(frozen=True)
class Gold:
    """Answers whose labels are known."""

    name: str
    """Of the file."""
    items: tuple[Item, ...]

    @property
    def labels(self) -> list[bool]:
        """Whether each answer is correct."""
        return [item.correct for item in self.items]

    def limited(self, limit: int | None, seed: int) -> "Gold":
        """At most so many items, drawn at random, in the order of the file.

        Raises:
            UserError: the limit is below 1.
        """
        if limit is None:
            return self
        if limit < 1:
            raise UserError(f"A limit of {limit} leaves no item.", hint="Give 1 or more.")
        drawn = sorted(Random(seed).sample(range(len(self.items)), min(limit, len(self.items))))
        return replace(self, items=tuple(self.items[at] for at in drawn))

    def halves(self, seed: int) -> "tuple[Gold, Gold]":
        """Two parts of about equal size and with as much of both labels; no task is in both."""
        tasks: dict[str, list[int]] = {}
        for at, item in enumerate(self.items):
            tasks.setdefault(item.task_digest, []).append(at)
        alike: dict[tuple[bool, ...], list[str]] = {}
        for task in sorted(tasks, key=lambda task: _digest(f"{seed} {task}")):
            labels = tuple(sorted(self.items[at].correct for at in tasks[task]))
            alike.setdefault(labels, []).append(task)
        parts: tuple[list[int], list[int]] = ([], [])
        for number, labels in enumerate(sorted(alike)):
            for turn, task in enumerate(alike[labels]):
                parts[(number + turn) % 2].extend(tasks[task])
        first, second = (tuple(self.items[at] for at in sorted(part)) for part in parts)
        return replace(self, items=first), replace(self, items=second)


def read_gold(file: Path) -> Gold:
    """The items of a file.

    Raises:
        UserError: it cannot be read, or a line is none; the message names the line.
    """
    items: list[Item] = []
    ids: dict[str, int] = {}
    digests: dict[str, int] = {}
    for number, text in _lines(file):
        item = _item(file, number, text)
        for seen, key, what in ((ids, item.id, "id"), (digests, item.digest, "task and answer")):
            if key in seen:
                raise _wrong(file, number, f"it has the {what} of line {seen[key]}.")
            seen[key] = number
        items.append(item)
    if not items:
        raise UserError(f"{file} has no items.", hint=_SHAPE)
    return Gold(file.name, tuple(items))


class _Line(BaseModel):
    model_config = ConfigDict(extra="forbid", coerce_numbers_to_str=True)

    id: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    task: Any
    answer: Any
    label: Literal["correct", "incorrect"]
    failing_step: int | None = Field(default=None, ge=1)
    error: str = ""


def _item(file: Path, number: int, text: str) -> Item:
    try:
        data = json.loads(text, parse_constant=_no_number, parse_float=_finite)
        json.dumps(data, ensure_ascii=False).encode()  # half a character is no text
    except UnicodeEncodeError as error:
        raise _wrong(file, number, "a text in it has half of a character.") from error
    except (ValueError, RecursionError) as error:
        raise _wrong(file, number, f"it is not JSON: {why_no_json(error)}.") from error
    if not isinstance(data, dict):
        raise _wrong(file, number, "it is not a JSON object.")
    try:
        line = _Line.model_validate(cast("dict[str, Any]", data))
    except ValidationError as error:
        raise _wrong(file, number, _problem(error)) from error
    if line.label == "correct" and (line.failing_step is not None or line.error):
        raise _wrong(file, number, "a correct answer has no failing step and no error.")
    correct = line.label == "correct"
    return Item(line.id, line.task, line.answer, correct, line.failing_step, line.error, number)


def _lines(file: Path) -> Iterator[tuple[int, str]]:
    """The lines that are not blank, numbered from 1."""
    try:
        with file.open("rb") as opened:
            content = opened.read(LARGEST + 1)
    except OSError as error:
        raise UserError(f"{file} cannot be read: {error.strerror}.") from error
    if len(content) > LARGEST:
        raise UserError(f"{file} is longer than {LARGEST // 1_000_000} MB.", hint="Split it.")
    for number, line in enumerate(content.removeprefix(b"\xef\xbb\xbf").split(b"\n"), 1):
        try:
            text = line.decode()
        except UnicodeDecodeError as error:
            raise _wrong(file, number, f"byte {error.start + 1} is not UTF-8.") from error
        if text.strip():
            yield number, text


def _problem(error: ValidationError) -> str:
    first = error.errors(include_url=False)[0]
    place = ".".join(str(part) for part in first["loc"])
    match first["type"]:
        case "missing":
            return f"{place!r} is missing."
        case "extra_forbidden":
            return f"{place!r} is no key of it."
        case _:
            return f"{place}: {first['msg'].replace('Input should', 'it should')}."


def _wrong(file: Path, number: int, problem: str) -> UserError:
    return UserError(f"{file}, line {number}: {problem}", hint=_SHAPE)


def _digest(text: str) -> str:
    return blake2b(text.encode(), digest_size=8).hexdigest()


def _no_number(text: str) -> float:
    raise ValueError(f"{text} is no number")


def _finite(text: str) -> float:
    number = float(text)
    return number if math.isfinite(number) else _no_number(text)
