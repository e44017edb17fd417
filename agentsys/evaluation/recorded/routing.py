"""Graphs on recorded runs: as they are, or for their routing alone.

A recorded output answers the whole task, in the form that was asked for when it was recorded. A
graph whose agents take the task and give that form runs as it is. One whose only agent asks for
something else (an expression, for code to evaluate) cannot; but which tiers it asks, and in which
order, is all that routing is, so that is kept, over an agent that does give the form.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from agentsys.agent import Agent
from agentsys.errors import InvalidOutput, UserError
from agentsys.evaluation.recorded.runs import RecordedRuns
from agentsys.models.chat import unfenced
from agentsys.node import Guarded, Node, Pipe, Within
from agentsys.schema import parse, validate_json

_TRIED = 200
"""Outputs of each model that are held against an agent's output type; one that fits will do."""


@dataclass(frozen=True)
class Routed:
    """What runs in place of a graph."""

    node: Node[Any, Any]
    note: str = ""
    """What is not the graph's own, for the report; empty where all of it is."""


def routed(
    name: str,
    graph: Node[Any, Any],
    runs: RecordedRuns,
    models: Sequence[str],
    answering: Node[Any, Any],
) -> Routed:
    """A graph as it can run on recorded outputs.

    Args:
        name: Of the graph.
        graph: What it is.
        runs: What is on record.
        models: Those that are used.
        answering: Takes a task and gives its answer, by an agent that gives the recorded form.

    Raises:
        UserError: it has several agents, and not all of them give the recorded form.
    """
    foreign = [leaf.name for leaf in _asking(graph) if not _speaks(leaf, runs, models)]
    if not foreign:
        return Routed(graph)
    tiers = _routing(graph)
    if tiers is None:
        raise UserError(
            f"The graph {name!r} cannot run on {runs.folder}: {', '.join(foreign)} would have to"
            " give what was recorded, which is an answer to the whole task.",
            hint="Write a graph whose agents do, as graphs/unanimous.py has them.",
        )
    first, *others = tiers
    node = answering.at(first).escalate(*others) if others else answering.at(first)
    instead = ", ".join(leaf.name for leaf in _asking(answering))
    return Routed(
        node,
        f"{name} runs for its routing alone ({' -> '.join(tiers)}): {instead} answers in place of"
        f" {', '.join(foreign)}.",
    )


def _asking(node: Node[Any, Any]) -> Iterator[Node[Any, Any]]:
    """Every part that asks a model itself."""
    if not node.parts and node.tiers:
        yield node
    for part in node.parts:
        yield from _asking(part)


def _routing(node: Node[Any, Any]) -> tuple[str, ...] | None:
    """The tiers that a node asks in turn, where there is one agent in it and plain steps."""
    match node:
        case Agent():
            return node.tiers
        case Guarded() if not node.judges:
            inside = (node.first,) if node.first else _routing(node.inner)
            return None if inside is None else (*inside, *node.escalation)
        case Within():
            return _routing(node.inner)
        case Pipe():
            asking = [part for part in node.parts if part.tiers]
            return _routing(asking[0]) if len(asking) == 1 else None
        case _:
            return None


def _speaks(leaf: Node[Any, Any], runs: RecordedRuns, models: Sequence[str]) -> bool:
    """Whether recorded outputs can be what an agent is asked for."""
    if not isinstance(leaf, Agent) or leaf.spec.tools:
        return False
    if leaf.gives is str:
        return True
    return any(
        _fits(output, leaf.gives) for model in models for output in islice(_of(runs, model), _TRIED)
    )


def _of(runs: RecordedRuns, model: str) -> Iterator[str]:
    return (s.output for (_, name), all_of in runs.samples.items() if name == model for s in all_of)


def _fits(output: str, kind: Any) -> bool:
    try:
        validate_json(parse(unfenced(output)), kind)
    except InvalidOutput:
        return False
    return True
