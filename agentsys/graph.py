"""Nodes as LangGraph graphs, and LangGraph graphs as nodes.

The state of every compiled graph has the key `value`: the input going in, the output coming out.
`findings` beside it says what was found on the way (doubts, confidences, what was not affordable).
LangGraph does not validate what its nodes return, so every leaf validates both of its ends.

Composites inside composites are invoked by the node that holds them, so that each knows its place
in the run; LangGraph keeps checkpoints of the outermost graph alone.
"""

import operator
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import pairwise
from typing import Annotated, Any, TypedDict, TypeVar, cast

from langgraph.errors import GraphBubbleUp
from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.runtime import Runtime
from langgraph.types import Send, interrupt

from agentsys.context import Context, Findings
from agentsys.errors import (
    NO_ANSWER,
    Abstain,
    BudgetExceeded,
    DefinitionError,
    InvalidOutput,
)
from agentsys.guarded import Work, guard
from agentsys.node import Both, Each, Guarded, Leaf, Node, Pipe, Vote, Within
from agentsys.schema import compact, dump, name_of, validate, validate_json

X = TypeVar("X")
Y = TypeVar("Y")

_DEEP = {"recursion_limit": 10_000}

Compiled = Any
"""A `CompiledStateGraph`; untyped, because LangGraph's own signatures are only partly typed."""


class _Value(TypedDict):
    value: Any


class _State(_Value):
    findings: Annotated[list[dict[str, Any]], operator.add]


class _Parts(_State):
    parts: Annotated[list[tuple[int, Any]], operator.add]
    missing: Annotated[list[dict[str, Any]], operator.add]
    """Why a part has no output: a budget had no room for it."""


class _Item(TypedDict):
    index: int
    value: Any


class _Sample(TypedDict):
    """One sample of a vote, as a checkpoint keeps it."""

    output: Any
    findings: dict[str, Any]
    failure: str
    """Why there is no output."""


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


async def invoke(node: Node[Any, Any], value: Any, context: Context) -> Any:
    """Run a node in the surroundings of a run."""
    state = await compiled(node).ainvoke({"value": value}, context=context, config=_DEEP)
    return output_of(state, context)


@dataclass(frozen=True, slots=True)
class Thread:
    """Where LangGraph keeps the state of a run."""

    checkpointer: Any
    id: str


async def advance(
    node: Node[Any, Any], value: Any, context: Context, thread: Thread | None = None
) -> tuple[Any, list[Any]]:
    """Run a node as far as it goes: its output, or what is asked of a human.

    A thread that has a checkpoint goes on from it.
    """
    graph, config, given = compiled(node), _DEEP, {"value": value}
    if thread is not None:
        graph = graph.copy({"checkpointer": thread.checkpointer})
        config = {**_DEEP, "configurable": {"thread_id": thread.id}}
        given = None if await thread.checkpointer.aget_tuple(config) else given
    how = {"durability": "sync"} if thread is not None else {}
    context = replace(context, stop=interrupt, passing=(GraphBubbleUp,))
    state = await graph.ainvoke(given, config, context=context, **how)
    questions = [asked.value for asked in state.get("__interrupt__", ())]
    return (None, questions) if questions else (output_of(state, context), [])


def output_of(state: Mapping[str, Any], context: Context) -> Any:
    """The output in a graph's final state; its findings are taken over."""
    for found in state.get("findings", ()):
        context.findings.add(Findings(**found))
    return state["value"]


def from_langgraph(graph: Any, takes: type[X], gives: type[Y], *, name: str = "") -> Node[X, Y]:
    """An existing compiled LangGraph as a node.

    The input's fields are the graph's input state; the output is read from its final state.

    Raises:
        DefinitionError: the graph is not compiled.
    """
    if not isinstance(graph, CompiledStateGraph):
        raise DefinitionError(
            f"from_langgraph takes a compiled graph, not {type(graph).__name__}.",
            hint="Call .compile() first.",
        )
    return _Foreign(cast(Compiled, graph), takes, gives, name or graph.get_name())


class _Foreign(Leaf[X, Y]):
    """A LangGraph that was written by hand."""

    def __init__(self, graph: Compiled, takes: type[X], gives: type[Y], name: str) -> None:
        self._graph = graph
        self.takes, self.gives, self.name = takes, gives, name

    async def execute(self, value: X, context: Context) -> Y:
        """The final state as the output type."""
        return validate(await self._graph.ainvoke(_state(value)), self.gives)


def _state(value: Any) -> dict[str, Any]:
    """A mapping as it is, or the fields of a model or dataclass, not converted."""
    if isinstance(value, Mapping):
        return {**cast("Mapping[str, Any]", value)}
    return {**vars(value)}


def _compile(node: Node[Any, Any]) -> Compiled:
    match node:
        case Leaf():
            return _single(node, _leaf_work(node))
        case Guarded() | Within():
            return _single(node, _work(node))
        case Pipe():
            return _pipe(node)
        case Both():
            return _both(node)
        case Each():
            return _each(cast("Each[Any, Any]", node))
        case Vote():
            return _vote(node)
        case _:
            raise DefinitionError(f"{type(node).__name__} is not a node that can be compiled.")


def _builder() -> Any:
    return StateGraph(_State, context_schema=Context, input_schema=_Value, output_schema=_State)


def _fan_out() -> Any:
    return StateGraph(_Parts, context_schema=Context, input_schema=_Value, output_schema=_State)


def _closed(graph: Any, node: Node[Any, Any]) -> Compiled:
    """Compiled so that, inside another graph, it keeps no checkpoints of its own."""
    return graph.compile(name=_name(node), checkpointer=False)


def _single(node: Node[Any, Any], work: Work) -> Compiled:
    graph = _builder()
    name = _name(node)
    graph.add_node(name, _value_node(name, work))
    graph.add_edge(START, name)
    graph.add_edge(name, END)
    return _closed(graph, node)


def _surroundings(runtime: Runtime[Context]) -> Context:
    if not isinstance(runtime.context, Context):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise DefinitionError(
            "The graph was invoked without its models.",
            hint="Pass context=system.context() to LangGraph's invoke, or use system.run.",
        )
    return runtime.context


def _value_node(name: str, work: Work) -> Any:
    async def run(state: _Value, runtime: Runtime[Context]) -> dict[str, Any]:
        context = _surroundings(runtime).at(name).fresh()
        return {"value": await work(state["value"], context), **_found(context.findings)}

    return run


def _found(findings: Findings) -> dict[str, Any]:
    """The findings as an update of the state, where there are any."""
    found = asdict(findings)
    return {"findings": [found]} if any(found.values()) else {}


def _work(node: Node[Any, Any]) -> Work:
    match node:
        case Leaf():
            return _leaf_work(node)
        case Guarded():
            return _received(node, guard(node, _work(node.inner)))
        case Within():
            return _within_work(node)
        case _:
            return _nested_work(node)


def _nested_work(node: Node[Any, Any]) -> Work:
    async def nested(value: Any, context: Context) -> Any:
        return await invoke(node, value, context)

    return nested


def _within_work(node: Within[Any, Any]) -> Work:
    work = _work(node.inner)

    async def limited(value: Any, context: Context) -> Any:
        return await work(value, context.within(node.budget, node.name))

    return limited


def _received(node: Node[Any, Any], work: Work) -> Work:
    """`work` on the input as its type, which a checkpoint keeps as JSON data."""

    async def received(value: Any, context: Context) -> Any:
        return await work(_taken(node, value), context)

    return received


def _leaf_work(leaf: Leaf[Any, Any]) -> Work:
    async def work(value: Any, context: Context) -> Any:
        return _checked(leaf, "gives", await leaf.execute(_taken(leaf, value), context))

    return work


def _taken(node: Node[Any, Any], value: Any) -> Any:
    try:
        return _checked(node, "takes", value)
    except InvalidOutput:
        try:  # JSON data from a checkpoint, where a type is strict about what it takes
            return validate_json(value, node.takes)
        except (InvalidOutput, TypeError, ValueError):
            pass
        raise


def _checked(node: Node[Any, Any], end: str, value: Any) -> Any:
    kind = getattr(node, end)
    try:
        return validate(value, kind)
    except InvalidOutput as error:
        raise InvalidOutput(
            f"{node.name!r} {end} {name_of(kind)}, not {type(value).__name__}: {error.message}"
        ) from error


def _pipe(node: Pipe[Any, Any], *, inside: bool = False) -> Compiled:
    """The parts in a row; for a picture, with what is `inside` them."""
    graph = _builder()
    names = _distinct([_name(part) for part in node.parts])
    for name, part in zip(names, node.parts, strict=True):
        opened = inside and not isinstance(part, Leaf | Guarded | Within)
        graph.add_node(name, public(part) if opened else _value_node(name, _work(part)))
    graph.add_edge(START, names[0])
    for left, right in pairwise(names):
        graph.add_edge(left, right)
    graph.add_edge(names[-1], END)
    return _closed(graph, node)


def _both(node: Both[Any, Any]) -> Compiled:
    graph = _fan_out()
    names = _distinct([_name(part) for part in node.parts])
    for index, (name, part) in enumerate(zip(names, node.parts, strict=True)):
        graph.add_node(name, _part_node(name, index, _work(part)))
        graph.add_edge(START, name)
    graph.add_node("join", _join)
    graph.add_edge(names, "join")
    graph.add_edge("join", END)
    return _closed(graph, node)


def _part_node(name: str, index: int, work: Work) -> Any:
    async def run(state: _Value, runtime: Runtime[Context]) -> dict[str, Any]:
        return await _part(index, work, state["value"], _surroundings(runtime).at(name))

    return run


async def _part(index: int, work: Work, value: Any, context: Context) -> dict[str, Any]:
    """One part of a fan-out; one that no budget has room for lets the others finish."""
    context = context.fresh()
    try:
        output = await work(value, context)
    except BudgetExceeded as error:
        return {"missing": [error.as_json()]}
    return {"parts": [(index, output)], **_found(context.findings)}


def _join(state: _Parts) -> dict[str, Any]:
    return {"value": tuple(_in_order(state))}


def _in_order(state: _Parts) -> list[Any]:
    parts = sorted(state["parts"], key=lambda pair: pair[0])
    if state["missing"]:
        error = BudgetExceeded(**state["missing"][0])
        error.finished = tuple((index, part) for index, part in parts)
        raise error
    return [part for _, part in parts]


def _each(node: Each[Any, Any]) -> Compiled:
    """A Send for every item; the width is bounded by the configuration of an inner graph."""
    inner = _fan_out()
    work = _work(node.item)
    name = _distinct(["split", "gather", _name(node.item)])[2]

    async def item(state: _Item, runtime: Runtime[Context]) -> dict[str, Any]:
        context = _surroundings(runtime).at(state["index"])
        return await _part(state["index"], work, state["value"], context)

    def split(state: _Value) -> list[Send] | str:
        sends = [Send(name, {"index": i, "value": v}) for i, v in enumerate(state["value"])]
        return sends or "gather"

    def gather(state: _Parts) -> dict[str, Any]:
        return {"value": _in_order(state)}

    inner.add_node(name, item)
    inner.add_node("gather", gather)
    inner.add_conditional_edges(START, split, [name, "gather"])
    inner.add_edge(name, "gather")
    inner.add_edge("gather", END)
    return _closed(inner, node).with_config(max_concurrency=node.limit)


def _vote(node: Vote[Any, Any]) -> Compiled:
    graph = _fan_out()
    work = _work(node.voter)
    name = _distinct(["tally", _name(node.voter)])[1]

    async def sample(state: _Item, runtime: Runtime[Context]) -> dict[str, Any]:
        context = _surroundings(runtime)
        drawn = context.sampled(state["index"])
        context.drawn[drawn.place] = drawn
        output, failure = None, ""
        try:
            output = await work(state["value"], drawn)
        except (*NO_ANSWER, BudgetExceeded) as error:
            context.failures[drawn.place] = error
            failure = error.message
        kept = _Sample(output=output, findings=asdict(drawn.findings), failure=failure)
        return {"parts": [(state["index"], kept)]}

    def draw(state: _Value) -> list[Send]:
        return [Send(name, {"index": i, "value": state["value"]}) for i in range(node.n)]

    def tally(state: _Parts, runtime: Runtime[Context]) -> dict[str, Any]:
        return _tallied(node, cast(list[_Sample], _in_order(state)), _surroundings(runtime))

    graph.add_node(name, sample)
    graph.add_node("tally", tally)
    graph.add_conditional_edges(START, draw, [name])
    graph.add_edge(name, "tally")
    graph.add_edge("tally", END)
    return _closed(graph, node)


def _tallied(node: Vote[Any, Any], samples: list[_Sample], context: Context) -> dict[str, Any]:
    """The winner of a vote, with its findings and what was said in it."""
    places = [context.at(index).place for index in range(len(samples))]
    failures = [context.failures.pop(place, None) for place in places]
    drawn = [context.drawn.pop(place, None) for place in places]
    if all(sample["failure"] for sample in samples):
        raise failures[0] or Abstain(samples[0]["failure"])
    winner = _most_frequent(samples, node.gives)
    surroundings = drawn[winner]
    if surroundings is not None:
        context.said.take_over(surroundings.said)
    found = Findings(**samples[winner]["findings"])
    short = next((f for f in failures if isinstance(f, BudgetExceeded)), None)
    if short is not None:
        found.shorten(short)
    return {"value": samples[winner]["output"], **_found(found)}


def _most_frequent(samples: Sequence[_Sample], gives: Any) -> int:
    """The index of the first sample with the most frequent output."""
    texts = [
        None if sample["failure"] else compact(dump(validate(sample["output"], gives), gives))
        for sample in samples
    ]
    counts = Counter(text for text in texts if text is not None)
    top = max(counts.values())
    return next(index for index, text in enumerate(texts) if text and counts[text] == top)


def _name(node: Node[Any, Any]) -> str:
    """A name that LangGraph takes: it reserves `:` and `|`."""
    return re.sub(r"[^\w.-]", "-", node.name) or "node"


def _distinct(names: Sequence[str]) -> list[str]:
    seen: Counter[str] = Counter()
    distinct: list[str] = []
    for name in names:
        seen[name] += 1
        distinct.append(name if seen[name] == 1 else f"{name}-{seen[name]}")
    return distinct
