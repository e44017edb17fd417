"""Sets of tasks with references, and the scorer that decides success on them."""

from dataclasses import dataclass
from typing import Any

from agentsys.errors import UserError
from agentsys.evaluation.scorers import PICK, Scorer
from agentsys.evaluation.scorers.base import has_field
from agentsys.evaluation.suites.source import NAME_ALONE, Source
from agentsys.evaluation.task import Task
from agentsys.node import Node
from agentsys.schema import json_schema, name_of


@dataclass(frozen=True, slots=True)
class Suite:
    """Tasks that are evaluated together."""

    name: str
    tasks: tuple[Task, ...]
    scorer: Scorer
    limit: int | None = None
    seed: int = 0
    source: Source = NAME_ALONE
    """What it is made from besides."""

    def require(self, name: str, graph: Node[Any, Any]) -> None:
        """Make sure that a graph takes these tasks and gives what the scorer looks at.

        Raises:
            InvalidTask: a task does not fit the graph's input type.
            UserError: the graph's output lacks the field that is scored, or has several and it is
                not said which one counts; or the scorer can decide on no output of a task.
        """
        for task in self.tasks:
            task.fitted(graph.takes)
        self.scorer.require(self.tasks)
        field = self.scorer.field
        if has_field(json_schema(graph.gives), field):
            return
        gives = f"The graph {name!r} gives {name_of(graph.gives)}"
        if field == PICK:
            raise UserError(
                f"{gives}, which has neither 'value' nor 'answer' nor one field alone.",
                hint="Say which field is scored: --field NAME.",
            )
        raise UserError(
            f"{gives}, which has no field {field!r}.",
            hint=f"The suite {self.name!r} scores that field ({self.scorer.name}).",
        )
