"""The state of compiled graphs, and what their nodes put into it."""

import operator
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Annotated, Any, TypedDict

from langgraph.graph import StateGraph
from langgraph.runtime import Runtime

from agentsys.context import Context, Findings
from agentsys.errors import BudgetExceeded, DefinitionError
from agentsys.guarded import Work
from agentsys.node import Node
from agentsys.plain import opened

Compiled = Any
"""A `CompiledStateGraph`; untyped, because LangGraph's own signatures are only partly typed."""

WorkOf = Callable[[Node[Any, Any]], Work]
"""How a node inside another one does its work."""


class Value(TypedDict):
    """What goes into every node."""

    value: Any


class State(Value):
    """What a graph ends with."""

    findings: Annotated[list[dict[str, Any]], operator.add]


class Part(TypedDict):
    """The output of one part of a fan-out."""

    index: int
    value: Any


class Parts(State):
    """What a fan-out gathers."""

    parts: Annotated[list[Part], operator.add]
    missing: Annotated[list[dict[str, Any]], operator.add]
    """Why a part has no output: a budget had no room for it."""


def builder() -> Any:
    """A graph of nodes in a row."""
    return StateGraph(State, context_schema=Context, input_schema=Value, output_schema=State)


def fan_out() -> Any:
    """A graph of nodes side by side."""
    return StateGraph(Parts, context_schema=Context, input_schema=Value, output_schema=State)


def closed(graph: Any, node: Node[Any, Any]) -> Compiled:
    """Compiled so that, inside another graph, it keeps no checkpoints of its own."""
    return graph.compile(name=name_in(node), checkpointer=False)


def surroundings(runtime: Runtime[Context]) -> Context:
    """What the run carries with it."""
    if not isinstance(runtime.context, Context):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise DefinitionError(
            "The graph was invoked without its models.",
            hint="Pass context=system.context() to LangGraph's invoke, or use system.run.",
        )
    return runtime.context


def found(findings: Findings) -> dict[str, Any]:
    """The findings as an update of the state, where there are any."""
    data = asdict(findings)
    return {"findings": [data]} if any(data.values()) else {}


def output_of(state: Mapping[str, Any], context: Context) -> Any:
    """The output in a graph's final state; its findings are taken over."""
    for data in state.get("findings", ()):
        context.findings.add(Findings(**data))
    return state["value"]


def in_order(state: Parts) -> list[Any]:
    """The outputs of all parts.

    Raises:
        BudgetExceeded: one is missing.
    """
    parts = sorted(state["parts"], key=lambda part: part["index"])
    if state["missing"]:
        error = BudgetExceeded(**state["missing"][0])
        error.finished = tuple((part["index"], opened(part["value"])) for part in parts)
        raise error
    return [part["value"] for part in parts]


def name_in(node: Node[Any, Any]) -> str:
    """A name that LangGraph takes: it reserves `:` and `|`."""
    return re.sub(r"[^\w.-]", "-", node.name) or "node"


def distinct(names: Sequence[str]) -> list[str]:
    """The names, the second of its kind with a `-2`."""
    seen: Counter[str] = Counter()
    told: list[str] = []
    for name in names:
        seen[name] += 1
        told.append(name if seen[name] == 1 else f"{name}-{seen[name]}")
    return told
