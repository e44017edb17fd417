"""reasoning-gym's own scores."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from agentsys.evaluation.scorers.base import PICK, Score, part
from agentsys.evaluation.scorers.worker import worker
from agentsys.evaluation.task import Task
from agentsys.node import Node
from agentsys.tools.thread import in_thread

if TYPE_CHECKING:
    from agentsys.system import System

FULL = 1.0
"""What a right answer scores; the library gives parts of it to answers that are nearly right."""


@dataclass(frozen=True)
class ReasoningGym:
    """Right is what the library's `score_answer` gives the full score; nearly right is wrong."""

    task: str
    seed: int
    field: str | None = PICK

    @property
    def name(self) -> str:
        """With the task: `reasoning-gym:chain_sum`."""
        return f"reasoning-gym:{self.task}"

    @property
    def graphs(self) -> Sequence[Node[Any, Any]]:
        """None."""
        return ()

    def require(self, tasks: Sequence[Task]) -> None:
        """Nothing: the tasks are its own."""

    async def score(self, output: Any, task: Task, system: "System") -> Score:
        """Whether the library gives it the full score."""
        question = {
            "kind": "reasoning-gym",
            "task": self.task,
            "seed": self.seed,
            "index": int(task.id.rpartition("-")[2]),
            "answer": _written(part(output, self.field)),
        }
        return Score(await in_thread(partial(worker().ask, question)) >= FULL)


def _written(value: Any) -> str:
    """An answer as text: whole numbers without a point, what has parts as JSON."""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return value if isinstance(value, str) else json.dumps(value)
