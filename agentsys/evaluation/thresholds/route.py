"""The tiers that a graph asks in turn, and thresholds that hold it to one of them."""

from dataclasses import dataclass
from typing import Any

from agentsys.agent import Agent
from agentsys.errors import UserError
from agentsys.node import Node
from agentsys.specs import asked_in
from agentsys.thresholds import Gate, Thresholds

_ALWAYS, _NEVER = Gate(2.0), Gate(-1.0)
"""A gate that doubts every confidence, and one that doubts none."""


@dataclass(frozen=True, slots=True)
class Route:
    """How a graph escalates."""

    tiers: tuple[str, ...]
    """In the order in which they are asked; two at least."""
    nodes: tuple[str, ...]
    """The agents that have a tier to escalate to."""
    own: tuple[float, ...]
    """The least confidence that they ask for themselves, on the first tier."""

    def up_to(self, place: int) -> Thresholds:
        """Thresholds by which a tier's answers are taken, and those of the tiers before doubted.

        What a check objects to is escalated all the same.
        """
        gates = {
            (node, tier): _ALWAYS if number < place else _NEVER
            for node in self.nodes
            for number, tier in enumerate(self.tiers[:-1])
        }
        return Thresholds(f"up to {self.tiers[place]}", gates)


def route_of(name: str, graph: Node[Any, Any]) -> Route:
    """How a graph escalates.

    Raises:
        UserError: it does not, or its agents do so along different tiers.
    """
    agents = {id(part.spec) for part in _inside(graph) if isinstance(part, Agent)}
    found: dict[tuple[str, ...], dict[str, float]] = {}
    for spec, tiers in asked_in(graph):
        if id(spec) in agents and len(tiers) > 1:
            found.setdefault(tiers, {})[spec.name] = spec.threshold(tiers[0])
    if not found:
        raise UserError(
            f"No agent of {name!r} has a tier to escalate to: it has no threshold.",
            hint="Give it one: agent.escalate('llm').",
        )
    if len(found) > 1:
        ways = "; ".join(f"{', '.join(nodes)}: {' -> '.join(t)}" for t, nodes in found.items())
        raise UserError(
            f"The agents of {name!r} escalate along different tiers ({ways}).",
            hint="One threshold is fitted for all of them: calibrate the parts by themselves.",
        )
    [(tiers, nodes)] = found.items()
    return Route(tiers, tuple(nodes), tuple(nodes.values()))


def _inside(node: Node[Any, Any]) -> list[Node[Any, Any]]:
    return [node, *(each for part in node.parts for each in _inside(part))]
