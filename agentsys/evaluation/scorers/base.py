"""What a scorer is, and which part of an output it looks at."""

import logging
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol, cast

from agentsys.errors import AgentSysError, InvalidOutput, StoreError, UserError
from agentsys.evaluation.task import Task
from agentsys.node import Node
from agentsys.schema import JsonObject

if TYPE_CHECKING:
    from agentsys.system import System

_log = logging.getLogger(__name__)

PICK = "*"
"""In place of a field's name: `value`, else `answer`, else the only field that an output has."""

_PICKED = ("value", "answer")

MAX_TEXT = 200_000
"""Characters of an output, with its parts counted in, beyond which it is not looked at."""


@dataclass(frozen=True, slots=True)
class Score:
    """The verdict on an output."""

    success: bool
    nano_usd: int = 0
    """What reaching it cost: of judges, which are models."""
    error: str = ""
    """Why it is none: a judge did not know, or a scorer could not tell."""


class Scorer(Protocol):
    """Says whether an output, as JSON data, is right."""

    @property
    def name(self) -> str:
        """How the ledger calls it."""
        ...

    @property
    def field(self) -> str | None:
        """The output's field that it looks at; `None`: the whole output; `PICK`: see there."""
        ...

    @property
    def graphs(self) -> Sequence[Node[Any, Any]]:
        """The graphs that it runs: judges."""
        ...

    def require(self, tasks: Sequence[Task]) -> None:
        """Make sure that it can decide on these tasks.

        Raises:
            UserError: of a task, or at all, it could find no output right.
        """
        ...

    async def score(self, output: Any, task: Task, system: "System") -> Score:
        """Whether the output is right. What it raises makes the output wrong."""
        ...


@dataclass(frozen=True)
class Comparison(ABC):
    """A scorer that compares an output with the reference, at once and for free."""

    field: str | None = None

    @property
    @abstractmethod
    def name(self) -> str:
        """How the ledger calls it."""

    @property
    def graphs(self) -> Sequence[Node[Any, Any]]:
        """None."""
        return ()

    def require(self, tasks: Sequence[Task]) -> None:
        """Make sure that each task's own reference is right.

        Raises:
            UserError: one is not, so that no output could be.
        """
        whole = replace(self, field=None)
        for task in tasks:
            if not whole(self.sample(task.reference), task.reference):
                shown = f"{task.reference!r}"[:80]
                raise UserError(
                    f"The scorer {self.name!r} could find no output of task {task.id!r} right: its "
                    f"reference is {shown}.",
                    hint="Another scorer may suit: --scorer NAME.",
                )

    def sample(self, reference: Any) -> Any:
        """An output that is right."""
        return reference

    @abstractmethod
    def __call__(self, output: Any, reference: Any) -> bool:
        """Whether the output is right."""

    async def score(self, output: Any, task: Task, system: "System") -> Score:
        """Whether the output is right."""
        return Score(self(output, task.reference))


async def scored(scorer: Scorer, output: Any, task: Task, system: "System") -> Score:
    """The score of an output, whatever the output is; one that breaks the scorer is wrong.

    Raises:
        StoreError, UserError: of a scorer that runs graphs, as every other task would.
    """
    try:
        require_size(output)
        return await scorer.score(output, task, system)
    except (StoreError, UserError):
        raise
    except Exception as error:
        said = error.message if isinstance(error, AgentSysError) else f"{error}"
        why = " ".join(f"{type(error).__name__}: {said}".split())[:200]
        _log.warning("The scorer %s could not tell of task %s: %s", scorer.name, task.id, why)
        return Score(False, error=f"not scored: {why}")


def require_size(output: Any) -> None:
    """Make sure that an output is small enough to be looked at.

    Raises:
        InvalidOutput: it is not.
    """
    left, size = [output], 0
    while left:
        inside = _inside(left.pop())
        if isinstance(inside, int):
            size += inside
        else:
            size += len(inside)
            left += inside
        if size > MAX_TEXT:
            raise InvalidOutput(f"the output has more than {MAX_TEXT:,} characters.")


def _inside(value: Any) -> list[Any] | int:
    """The parts of a value, or the characters that it has, about."""
    if isinstance(value, Mapping):
        fields = cast("Mapping[Any, Any]", value)
        return [*fields.keys(), *fields.values()]
    if isinstance(value, list | tuple):
        return list(cast("list[Any]", value))
    if isinstance(value, int):
        return value.bit_length() // 3 + 1
    return len(value) if isinstance(value, str) else 1


def part(output: Any, field: str | None) -> Any:
    """A field of an output; an output without fields as it is.

    Raises:
        InvalidOutput: it is not clear which field `PICK` is.
    """
    if field is None or not isinstance(output, Mapping):
        return output
    fields = cast("Mapping[str, Any]", output)
    if field != PICK:
        return fields.get(field)
    picked = _picked(fields)
    if picked is None:
        raise InvalidOutput("the output has several fields, and it is not said which one counts.")
    return fields[picked]


def has_field(schema: JsonObject, field: str | None) -> bool:
    """Whether an output of this JSON Schema can have the field; unclear schemas may."""
    if field is None or schema.get("type") != "object":
        return schema.get("type") not in ("array", "null") or field in (None, PICK)
    properties = schema.get("properties", {})
    if field == PICK:
        return _picked(properties) is not None
    return field in properties or bool(schema.get("additionalProperties"))


def _picked(fields: Mapping[str, Any]) -> str | None:
    for name in _PICKED:
        if name in fields:
            return name
    return next(iter(fields)) if len(fields) == 1 else None
