"""What is asked of models in a graph."""

from collections.abc import Iterator
from typing import Any

from agentsys.agent import Agent
from agentsys.choosing import Chooser
from agentsys.node import Guarded, Node
from agentsys.spec import AgentSpec


def specs_in(node: Node[Any, Any]) -> Iterator[AgentSpec]:
    """The definition of every agent and decision in a graph, outside in."""
    return (spec for spec, _ in asked_in(node))


def asked_in(
    node: Node[Any, Any], instead: tuple[str | None, ...] = (None,)
) -> Iterator[tuple[AgentSpec, tuple[str, ...]]]:
    """Every definition in a graph, outside in, with the tiers that it is asked of.

    Args:
        node: The graph.
        instead: Tiers that an outer node asks in turn; `None`: each agent's own.
    """
    if isinstance(node, Agent | Chooser):
        tiers = [found for tier in instead for found in ((tier,) if tier else node.spec.tiers)]
        yield node.spec, tuple(dict.fromkeys(tiers))
    inside = instead
    if isinstance(node, Guarded):
        own = (node.first, *node.escalation)
        found = [own if outer is None or node.first else (outer,) for outer in instead]
        inside = tuple(dict.fromkeys(tier for tiers in found for tier in tiers))
    for number, part in enumerate(node.parts):
        # The judges of a guarded node are asked on their own tiers.
        judge = number > 0 and isinstance(node, Guarded)
        yield from asked_in(part, instead if judge else inside)
