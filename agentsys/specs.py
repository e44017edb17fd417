"""What is asked of models in a graph."""

from collections.abc import Iterator
from typing import Any

from agentsys.agent import Agent
from agentsys.choosing import Chooser
from agentsys.node import Node
from agentsys.spec import AgentSpec


def specs_in(node: Node[Any, Any]) -> Iterator[AgentSpec]:
    """The definition of every agent and decision in a graph, outside in."""
    if isinstance(node, Agent | Chooser):
        yield node.spec
    for part in node.parts:
        yield from specs_in(part)
