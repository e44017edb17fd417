"""What a suite's tasks and scorer are made from, besides its name, limit and seed."""

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from dataclasses import field as dataclass_field
from hashlib import blake2b
from typing import Any, Literal

from agentsys.errors import UserError
from agentsys.evaluation.task import Task

Split = Literal["all", "calibration", "held-out"]


@dataclass(frozen=True, slots=True)
class Source:
    """What a bench needs to make its suite again."""

    file: str = ""
    """The path of the file with the tasks, absolute; empty where there is none."""
    digest: str = ""
    """Of that file's content."""
    split: Split = "all"
    scorer: str = ""
    """As it was asked for; empty: the suite's own."""
    field: str = ""
    """That is scored, as it was asked for; empty: the scorer's choice."""
    instead: dict[str, Any] = dataclass_field(default_factory=dict[str, Any])
    """What stood in for the models, as JSON; empty: nothing did."""

    def to_json(self) -> dict[str, Any]:
        """As JSON data."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any] | None) -> "Source":
        """What `to_json` gave; `None` is what benches had before there were sources.

        Raises:
            UserError: a newer agentsys wrote it.
        """
        try:
            return cls(**(data or {}))
        except TypeError as error:
            raise UserError(
                "The bench was begun by a newer agentsys.", hint="Upgrade agentsys."
            ) from error


NAME_ALONE = Source()
"""The name says it all."""


def of_split(tasks: Iterable[Task], split: Split, seed: int) -> Iterator[Task]:
    """The tasks of a half, or all.

    A hash of seed and id says which half a task is in: for one seed the halves are disjoint, and a
    task stays where it is whatever other tasks there are.
    """
    return (task for task in tasks if split == "all" or _half(task.id, seed) == split)


def _half(task_id: str, seed: int) -> Split:
    digest = blake2b(f"split {seed} {task_id}".encode(), digest_size=1).digest()
    return "held-out" if digest[0] & 1 else "calibration"
