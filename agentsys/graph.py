"""Nodes as LangGraph graphs, and LangGraph graphs as nodes. The one importer of LangGraph.

Every compiled graph has the one state key `value`: the input going in, the output coming out.
LangGraph does not validate what its nodes return, so every leaf validates both of its ends.
"""

import operator
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Annotated, Any, TypedDict, TypeVar, cast

from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.runtime import Runtime
from langgraph.types import Send

from agentsys.context import Context
from agentsys.errors import NO_ANSWER, Abstain, AgentSysError, DefinitionError, InvalidOutput
from agentsys.guarded import Work, guard
from agentsys.node import Both, Each, Guarded, Leaf, Node, Pipe, Vote
from agentsys.schema import compact, dump, name_of, validate

X = TypeVar("X")
Y = TypeVar("Y")

Compiled = Any
"""A `CompiledStateGraph`; untyped, because LangGraph's own signatures are only partly typed."""


class _Value(TypedDict):
    value: Any


class _Parts(_Value):
    parts: Annotated[list[tuple[int, Any]], operator.add]


class _Item(TypedDict):
    index: int
    value: Any


@dataclass(frozen=True)
class _Sample:
    """One sample of a vote."""

    context: Context
    output: Any = None
    error: AgentSysError | None = None


def compiled(node: Node[Any, Any]) -> Compiled:
    """The node's LangGraph, compiled once."""
    if node.compiled is None:
        node.compiled = _compile(node)
    return node.compiled


async def invoke(node: Node[Any, Any], value: Any, context: Context) -> Any:
    """Run a node in the surroundings of a run."""
    result = await compiled(node).ainvoke(
        {"value": value}, context=context, config={"recursion_limit": 10_000}
    )
    return result["value"]


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
        case Guarded():
            return _single(node, _guarded_work(node))
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
    return StateGraph(_Value, context_schema=Context)


def _fan_out() -> Any:
    return StateGraph(_Parts, context_schema=Context, input_schema=_Value, output_schema=_Value)


def _single(node: Node[Any, Any], work: Work) -> Compiled:
    graph = _builder()
    name = _name(node)
    graph.add_node(name, _value_node(work))
    graph.add_edge(START, name)
    graph.add_edge(name, END)
    return graph.compile(name=name)


def _surroundings(runtime: Runtime[Context]) -> Context:
    if not isinstance(runtime.context, Context):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise DefinitionError(
            "The graph was invoked without its models.",
            hint="Pass context=system.context() to LangGraph's invoke, or use system.run.",
        )
    return runtime.context


def _value_node(work: Work) -> Any:
    async def run(state: _Value, runtime: Runtime[Context]) -> _Value:
        return {"value": await work(state["value"], _surroundings(runtime))}

    return run


def _work(node: Node[Any, Any]) -> Work:
    if isinstance(node, Leaf):
        return _leaf_work(node)
    if isinstance(node, Guarded):
        return _guarded_work(node)

    async def nested(value: Any, context: Context) -> Any:
        return await invoke(node, value, context)

    return nested


def _guarded_work(node: Guarded[Any, Any]) -> Work:
    return guard(node, _work(node.inner))


def _leaf_work(leaf: Leaf[Any, Any]) -> Work:
    async def work(value: Any, context: Context) -> Any:
        return _checked(leaf, "gives", await leaf.execute(_checked(leaf, "takes", value), context))

    return work


def _checked(leaf: Leaf[Any, Any], end: str, value: Any) -> Any:
    kind = getattr(leaf, end)
    try:
        return validate(value, kind)
    except InvalidOutput as error:
        raise InvalidOutput(
            f"{leaf.name!r} {end} {name_of(kind)}, not {type(value).__name__}: {error.message}"
        ) from error


def _pipe(node: Pipe[Any, Any]) -> Compiled:
    graph = _builder()
    names = _distinct([_name(part) for part in node.parts])
    for name, part in zip(names, node.parts, strict=True):
        simple = isinstance(part, Leaf | Guarded)
        graph.add_node(name, _value_node(_work(part)) if simple else compiled(part))
    graph.add_edge(START, names[0])
    for left, right in pairwise(names):
        graph.add_edge(left, right)
    graph.add_edge(names[-1], END)
    return graph.compile(name=_name(node))


def _both(node: Both[Any, Any]) -> Compiled:
    graph = _fan_out()
    names = _distinct([_name(part) for part in node.parts])
    for index, (name, part) in enumerate(zip(names, node.parts, strict=True)):
        graph.add_node(name, _part_node(index, _work(part)))
        graph.add_edge(START, name)
    graph.add_node("join", _join)
    graph.add_edge(names, "join")
    graph.add_edge("join", END)
    return graph.compile(name=_name(node))


def _part_node(index: int, work: Work) -> Any:
    async def run(state: _Value, runtime: Runtime[Context]) -> dict[str, Any]:
        return {"parts": [(index, await work(state["value"], _surroundings(runtime)))]}

    return run


def _join(state: _Parts) -> _Value:
    return {"value": tuple(_in_order(state))}


def _in_order(state: _Parts) -> list[Any]:
    return [part for _, part in sorted(state["parts"], key=lambda pair: pair[0])]


def _each(node: Each[Any, Any]) -> Compiled:
    """A Send for every item; the width is bounded by the configuration of an inner graph."""
    inner = _fan_out()
    work = _work(node.item)
    name = _distinct(["split", "gather", _name(node.item)])[2]

    async def item(state: _Item, runtime: Runtime[Context]) -> dict[str, Any]:
        return {"parts": [(state["index"], await work(state["value"], _surroundings(runtime)))]}

    def split(state: _Value) -> list[Send] | str:
        sends = [Send(name, {"index": i, "value": v}) for i, v in enumerate(state["value"])]
        return sends or "gather"

    def gather(state: _Parts) -> _Value:
        return {"value": _in_order(state)}

    inner.add_node(name, item)
    inner.add_node("gather", gather)
    inner.add_conditional_edges(START, split, [name, "gather"])
    inner.add_edge(name, "gather")
    inner.add_edge("gather", END)
    return inner.compile(name=_name(node)).with_config(max_concurrency=node.limit)


def _vote(node: Vote[Any, Any]) -> Compiled:
    graph = _fan_out()
    work = _work(node.voter)
    name = _distinct(["tally", _name(node.voter)])[1]

    async def sample(state: _Item, runtime: Runtime[Context]) -> dict[str, Any]:
        context = _surroundings(runtime).sampled(state["index"])
        try:
            drawn = _Sample(context, output=await work(state["value"], context))
        except NO_ANSWER as error:
            drawn = _Sample(context, error=error)
        return {"parts": [(state["index"], drawn)]}

    def draw(state: _Value) -> list[Send]:
        return [Send(name, {"index": i, "value": state["value"]}) for i in range(node.n)]

    def tally(state: _Parts, runtime: Runtime[Context]) -> _Value:
        winner = _most_frequent(cast(list[_Sample], _in_order(state)), node.gives)
        _surroundings(runtime).adopt(winner.context)
        return {"value": winner.output}

    graph.add_node(name, sample)
    graph.add_node("tally", tally)
    graph.add_conditional_edges(START, draw, [name])
    graph.add_edge(name, "tally")
    graph.add_edge("tally", END)
    return graph.compile(name=_name(node))


def _most_frequent(samples: Sequence[_Sample], gives: Any) -> _Sample:
    """The first sample with the most frequent output; if none has an output, the first's error."""
    valid = [
        (sample, compact(dump(sample.output, gives))) for sample in samples if not sample.error
    ]
    if not valid:
        raise samples[0].error or Abstain("there is no sample.")
    counts = Counter(text for _, text in valid)
    top = max(counts.values())
    return next(sample for sample, text in valid if counts[text] == top)


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
