"""Fan-outs: nodes on the same input, and a node on every item of a list."""

from typing import Any

from langgraph.graph import END, START
from langgraph.runtime import Runtime
from langgraph.types import Send

from agentsys.context import Context
from agentsys.errors import BudgetExceeded
from agentsys.graph.state import (
    Compiled,
    Part,
    Parts,
    Value,
    WorkOf,
    closed,
    distinct,
    fan_out,
    found,
    in_order,
    name_in,
    surroundings,
)
from agentsys.guarded import Work
from agentsys.node import Both, Each
from agentsys.plain import Kept, typed


def both(node: Both[Any, Any], work_of: WorkOf) -> Compiled:
    """The parts side by side."""
    graph = fan_out()
    names = distinct(["join", *(name_in(part) for part in node.parts)])[1:]
    for index, (name, part) in enumerate(zip(names, node.parts, strict=True)):
        graph.add_node(name, _part_node(name, index, work_of(part)))
        graph.add_edge(START, name)

    def join(state: Parts) -> dict[str, Any]:
        return {"value": tuple(in_order(state))}

    graph.add_node("join", join)
    graph.add_edge(names, "join")
    graph.add_edge("join", END)
    return closed(graph, node)


def each(node: Each[Any, Any], work_of: WorkOf) -> Compiled:
    """A Send for every item; the width is bounded by the configuration of an inner graph."""
    inner = fan_out()
    work = work_of(node.item)
    name = distinct(["split", "gather", name_in(node.item)])[2]

    async def item(state: Part, runtime: Runtime[Context]) -> dict[str, Any]:
        context = surroundings(runtime).at(state["index"])
        return await _part(state["index"], work, state["value"], context)

    def split(state: Value) -> list[Send] | str:
        value = state["value"]
        items = typed(value, node.takes) if isinstance(value, Kept) else value
        sends = [Send(name, Part(index=i, value=v)) for i, v in enumerate(items)]
        return sends or "gather"

    def gather(state: Parts) -> dict[str, Any]:
        return {"value": in_order(state)}

    inner.add_node(name, item)
    inner.add_node("gather", gather)
    inner.add_conditional_edges(START, split, [name, "gather"])
    inner.add_edge(name, "gather")
    inner.add_edge("gather", END)
    return closed(inner, node).with_config(max_concurrency=node.limit)


def _part_node(name: str, index: int, work: Work) -> Any:
    async def run(state: Value, runtime: Runtime[Context]) -> dict[str, Any]:
        return await _part(index, work, state["value"], surroundings(runtime).at(name))

    return run


async def _part(index: int, work: Work, value: Any, context: Context) -> dict[str, Any]:
    """One part of a fan-out; one that no budget has room for lets the others finish."""
    context = context.fresh()
    try:
        output = await work(value, context)
    except BudgetExceeded as error:
        return {"missing": [error.as_json()]}
    return {"parts": [Part(index=index, value=output)], **found(context.findings)}
