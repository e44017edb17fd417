"""Sets of tasks with references, and the scorer that decides success on them."""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Any

from pydantic import BaseModel

from agentsys.errors import InvalidOutput, InvalidTask, UnknownName, UserError
from agentsys.evaluation.scorers import Numeric, Scorer, has_field
from agentsys.node import Node
from agentsys.schema import json_schema, name_of, validate_json

HELD_OUT_SIZE = 500
"""Tasks of `word-problems` where no limit is given."""


@dataclass(frozen=True, slots=True)
class Task:
    """One task: what goes into the graph, and what is right."""

    id: str
    input: Any
    """JSON data, or a pydantic model; any graph whose input type takes it will do."""
    reference: Any
    solution: str = ""
    """An arithmetic expression that comes to the reference; empty where there is none. Graphs get
    to see it as little as the reference: gold sets for judges are made of it."""

    @property
    def data(self) -> Any:
        """The input as JSON data."""
        return (
            self.input.model_dump(mode="json") if isinstance(self.input, BaseModel) else self.input
        )

    def fitted(self, kind: type[Any]) -> Any:
        """The input as a graph's input type.

        Raises:
            InvalidTask: it does not fit.
        """
        data = self.data
        try:
            return validate_json(data, kind)
        except InvalidOutput as error:
            raise InvalidTask(
                f"Task {self.id!r} is not a {name_of(kind)}: {error.message}",
                hint=f"The suite's tasks look like {data!r}."[:300],
            ) from error


@dataclass(frozen=True, slots=True)
class Suite:
    """Tasks that are evaluated together."""

    name: str
    tasks: tuple[Task, ...]
    scorer: Scorer
    limit: int | None = None
    seed: int = 0

    def require(self, name: str, graph: Node[Any, Any]) -> None:
        """Make sure that a graph takes these tasks and gives what the scorer looks at.

        Raises:
            InvalidTask: a task does not fit the graph's input type.
            UserError: the graph's output lacks the field that is scored.
        """
        for task in self.tasks:
            task.fitted(graph.takes)
        if not has_field(json_schema(graph.gives), self.scorer.field):
            raise UserError(
                f"The graph {name!r} gives {name_of(graph.gives)}, which has no field"
                f" {self.scorer.field!r}.",
                hint=f"The suite {self.name!r} scores that field ({self.scorer.name}).",
            )


def load_suite(name: str, *, limit: int | None = None, seed: int = 0) -> Suite:
    """A suite by name: the same tasks for the same limit and seed.

    Raises:
        UnknownName: there is no such suite.
        UserError: the limit is below 1.
    """
    if name not in SUITES:
        raise UnknownName("suite", name, SUITES)
    if limit is not None and limit < 1:
        raise UserError(f"A limit of {limit} leaves no task.", hint="Give 1 or more.")
    return SUITES[name](name, limit, seed)


def _word_problems(name: str, limit: int | None, seed: int) -> Suite:
    from agentsys.evaluation.word_problems import problems

    drawn = problems("held_out", limit or HELD_OUT_SIZE, seed)
    tasks = tuple(Task(p.id, {"text": p.text}, p.value, p.expression) for p in drawn)
    return Suite(name, tasks, Numeric(), limit, seed)


def _word_problems_free(name: str, limit: int | None, seed: int) -> Suite:
    from agentsys.evaluation.word_problems import free_problems

    every = tuple(Task(p.id, {"text": p.text}, p.value) for p in free_problems())
    if limit is not None and limit < len(every):
        every = tuple(Random(seed).sample(every, limit))
    return Suite(name, every, Numeric(), limit, seed)


SUITES: dict[str, Callable[[str, int | None, int], Suite]] = {
    "word-problems": _word_problems,
    "word-problems-free": _word_problems_free,
}
"""The built-in suites."""
