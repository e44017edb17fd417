"""LangGraph graphs that were written by hand, as nodes."""

from collections.abc import Mapping
from typing import Any, TypeVar, cast

from langgraph.graph.state import CompiledStateGraph

from agentsys.context import Context
from agentsys.errors import DefinitionError
from agentsys.graph.state import Compiled
from agentsys.node import Leaf, Node
from agentsys.once import once
from agentsys.schema import validate

X = TypeVar("X")
Y = TypeVar("Y")


def from_langgraph(graph: Any, takes: type[X], gives: type[Y], *, name: str = "") -> Node[X, Y]:
    """An existing compiled LangGraph as a node.

    The input's fields are the graph's input state; the output is read from its final state. A
    resumed run runs it again from its start, unless it had finished.

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

        async def work(value: X) -> Y:
            return validate(await self._graph.ainvoke(_state(value), context=context), self.gives)

        return await once(work, value, context, name=self.name, takes=self.takes, gives=self.gives)


def _state(value: Any) -> dict[str, Any]:
    """A mapping as it is, or the fields of a model or dataclass, not converted."""
    if isinstance(value, Mapping):
        return {**cast("Mapping[str, Any]", value)}
    return {**vars(value)}
