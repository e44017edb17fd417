"""Other graphs that a graph might have been."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from agentsys.errors import UserError
from agentsys.node import Node, Vote
from agentsys.patterns.sampling import VoteUntil
from agentsys.specs import asked_in
from agentsys.thresholds import DEFINED, Gate, Thresholds


@dataclass(frozen=True)
class Variant:
    """A graph as it might have been."""

    name: str
    """What is different, in words."""
    node: Node[Any, Any]
    thresholds: Thresholds = DEFINED


def variants(
    graph: Node[Any, Any],
    *,
    at: str | None = None,
    thresholds: Sequence[float] = (),
    votes: int | None = None,
    in_force: Thresholds = DEFINED,
) -> list[Variant]:
    """The variants that are asked for; without any, the graph as it is.

    Args:
        graph: What ran.
        at: The tier that every agent asks instead of its own.
        thresholds: From which confidence on answers of the first tier are taken: a variant each.
        votes: How many samples are voted on; of a graph that votes, in place of its own number.
        in_force: The thresholds that hold where nothing else is said.

    Raises:
        UserError: no agent of the graph goes on to another tier, so that a threshold does nothing;
            or there is no such number.
    """
    node, told = graph, list[str]()
    if votes is not None:
        node = _voting(node, votes)
        told.append(f"{votes} votes")
    if at is not None:
        node = node.at(at)
        told.append(f"at {at}")
    if not thresholds:
        return [Variant(", ".join(told) or "as it is", node, in_force)]
    places = {(spec.name, tiers[0]) for spec, tiers in asked_in(node) if len(tiers) > 1}
    if not places:
        raise UserError(
            f"No agent of {graph.name!r} goes on to another tier: a threshold does nothing.",
            hint="Take a graph that escalates, and no --at.",
        )
    found: list[Variant] = []
    for least in thresholds:
        if not 0 <= least <= 1:
            raise UserError(f"A threshold of {least:g} is no probability.", hint="Give 0 to 1.")
        gates = {**in_force.gates, **dict.fromkeys(places, Gate(least))}
        name = ", ".join([*told, f"threshold {least:g}"])
        found.append(Variant(name, node, Thresholds(f"at least {least:g}", gates)))
    return found


def _voting(node: Node[Any, Any], votes: int) -> Node[Any, Any]:
    match node:
        case Vote():
            return node.voter.vote(votes)
        case VoteUntil():
            return node.node.vote(votes)
        case _:
            return node.vote(votes)
