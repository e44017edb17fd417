"""Runs of compiled graphs, as far as they go, with the state that LangGraph keeps of them."""

from dataclasses import dataclass, replace
from hashlib import blake2b
from typing import Any

from langgraph.errors import GraphBubbleUp
from langgraph.types import interrupt

from agentsys.context import Context
from agentsys.graph.compiled import DEEP, compiled
from agentsys.graph.state import output_of
from agentsys.node import Node
from agentsys.plain import typed

_SHAPE = "agentsys_shape"


@dataclass(frozen=True, slots=True)
class Thread:
    """Where LangGraph keeps the state of a run."""

    checkpointer: Any
    id: str

    async def clear(self) -> None:
        """Forget the state."""
        await self.checkpointer.adelete_thread(self.id)


async def advance(
    node: Node[Any, Any], value: Any, context: Context, thread: Thread | None = None
) -> tuple[Any, list[Any]]:
    """Run a node as far as it goes: its output, or what is asked of a human.

    A thread that has a checkpoint of this graph goes on from it.

    Raises:
        InvalidOutput: the output is not of its type.
    """
    graph = compiled(node)
    given: dict[str, Any] | None = {"value": value}
    config: dict[str, Any] = {**DEEP}
    if thread is not None:
        # Not with `durability="sync"`, which graphs inside inherit and break by; it is no safer,
        # since what a lost checkpoint had, the journal has.
        graph = graph.copy({"checkpointer": thread.checkpointer})
        config["configurable"] = {"thread_id": thread.id}
        config["metadata"] = {_SHAPE: _digest(node.shape)}
        if await _has_state(thread, config):
            given = None
    context = replace(context, stop=interrupt, passing=(GraphBubbleUp,))
    state = await graph.ainvoke(given, config, context=context)
    questions = [asked.value for asked in state.get("__interrupt__", ())]
    if questions:
        return None, questions
    return typed(output_of(state, context), node.gives), []


async def _has_state(thread: Thread, config: dict[str, Any]) -> bool:
    """Whether there is state of a graph like this one; other state is forgotten."""
    kept = await thread.checkpointer.aget_tuple(config)
    if kept is None:
        return False
    if kept.metadata.get(_SHAPE) == config["metadata"][_SHAPE]:
        return True
    await thread.clear()
    return False


def _digest(text: str) -> str:
    return blake2b(text.encode("utf-8", "backslashreplace"), digest_size=8).hexdigest()
