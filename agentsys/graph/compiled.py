"""Nodes compiled to LangGraph: one at a time, in a row, and composites inside composites."""

from itertools import pairwise
from typing import Any, cast

from langgraph.graph import END, START
from langgraph.runtime import Runtime

from agentsys.context import Context
from agentsys.errors import DefinitionError, InvalidOutput
from agentsys.graph.side_by_side import both, each
from agentsys.graph.state import (
    Compiled,
    Value,
    builder,
    closed,
    distinct,
    found,
    name_in,
    output_of,
    surroundings,
)
from agentsys.graph.vote import vote
from agentsys.guarded import Work, guard
from agentsys.node import Both, Each, Guarded, Leaf, Node, Pipe, Vote, Within
from agentsys.pattern import Pattern, conducted
from agentsys.plain import typed
from agentsys.schema import name_of

DEEP = {"recursion_limit": 10_000}
"""Graphs end by themselves."""


def compiled(node: Node[Any, Any]) -> Compiled:
    """The node's LangGraph, compiled once."""
    if node.compiled is None:
        node.compiled = _compile(node)
    return node.compiled


def public(node: Node[Any, Any]) -> Compiled:
    """The node's LangGraph for others: within a graph of theirs, it uses their checkpointer."""
    if node.shared is None:
        node.shared = compiled(node).copy({"checkpointer": None})
    return node.shared


def picture(node: Node[Any, Any]) -> str:
    """The node's LangGraph in Mermaid's language, with what is inside it."""
    drawn = _pipe(node, inside=True) if isinstance(node, Pipe) else compiled(node)
    return drawn.get_graph(xray=True).draw_mermaid()


def _compile(node: Node[Any, Any]) -> Compiled:
    match node:
        case Leaf():
            return _single(node, _leaf_work(node))
        case Guarded() | Within() | Pattern():
            return _single(node, _work(node))
        case Pipe():
            return _pipe(node)
        case Both():
            return both(node, _work)
        case Each():
            return each(cast("Each[Any, Any]", node), _work)
        case Vote():
            return vote(node, _work)
        case _:
            raise DefinitionError(f"{type(node).__name__} is not a node that can be compiled.")


def _single(node: Node[Any, Any], work: Work) -> Compiled:
    graph = builder()
    name = name_in(node)
    graph.add_node(name, _value_node(name, work))
    graph.add_edge(START, name)
    graph.add_edge(name, END)
    return closed(graph, node)


def _pipe(node: Pipe[Any, Any], *, inside: bool = False) -> Compiled:
    """The parts in a row; for a picture, with what is `inside` them."""
    graph = builder()
    names = distinct([name_in(part) for part in node.parts])
    for name, part in zip(names, node.parts, strict=True):
        opened = inside and not isinstance(part, Leaf | Guarded | Within | Pattern)
        graph.add_node(name, public(part) if opened else _value_node(name, _work(part)))
    graph.add_edge(START, names[0])
    for left, right in pairwise(names):
        graph.add_edge(left, right)
    graph.add_edge(names[-1], END)
    return closed(graph, node)


def _value_node(name: str, work: Work) -> Any:
    async def run(state: Value, runtime: Runtime[Context]) -> dict[str, Any]:
        context = surroundings(runtime).at(name).fresh()
        return {"value": await work(state["value"], context), **found(context.findings)}

    return run


def _work(node: Node[Any, Any]) -> Work:
    match node:
        case Leaf():
            return _leaf_work(node)
        case Guarded():
            return _received(node, guard(node, _work(node.inner), _work))
        case Within():
            return _within_work(node)
        case Pattern():
            return _both_ends(cast("Node[Any, Any]", node), conducted(node, _work))
        case _:
            return _nested_work(node)


def _nested_work(node: Node[Any, Any]) -> Work:
    async def nested(value: Any, context: Context) -> Any:
        state = await compiled(node).ainvoke({"value": value}, context=context, config=DEEP)
        return output_of(state, context)

    return nested


def _within_work(node: Within[Any, Any]) -> Work:
    work = _work(node.inner)

    async def limited(value: Any, context: Context) -> Any:
        return await work(value, context.within(node.budget, node.name))

    return limited


def _received(node: Node[Any, Any], work: Work) -> Work:
    """`work` on the input as its type, which a checkpoint keeps as JSON."""

    async def received(value: Any, context: Context) -> Any:
        return await work(_checked(node, "takes", value), context)

    return received


def _leaf_work(leaf: Leaf[Any, Any]) -> Work:
    return _both_ends(leaf, leaf.execute)


def _both_ends(node: Node[Any, Any], work: Work) -> Work:
    """`work`, its input and its output validated."""

    async def validated(value: Any, context: Context) -> Any:
        taken = _checked(node, "takes", value)
        return _checked(node, "gives", await work(taken, context))

    return validated


def _checked(node: Node[Any, Any], end: str, value: Any) -> Any:
    kind = getattr(node, end)
    try:
        return typed(value, kind)
    except InvalidOutput as error:
        raise InvalidOutput(
            f"{node.name!r} {end} {name_of(kind)}, not {type(value).__name__}: {error.message}"
        ) from error
