"""Other graphs that a graph might have been."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from agentsys.errors import UserError
from agentsys.node import Guarded, Node, Vote
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
    name: str = "",
) -> list[Variant]:
    """The variants that are asked for; without any, the graph as it is.

    Args:
        graph: What ran.
        at: The tier that every agent asks instead of its own.
        thresholds: From which confidence on answers of the first tier are taken: a variant each.
        votes: How many samples are voted on; of a graph that votes, in place of its own number.
        in_force: The thresholds that hold where nothing else is said.
        name: What the graph is called; default: its node's own name.

    Raises:
        UserError: the graph cannot be asked on that tier, no agent of it goes on to another one,
            so that a threshold does nothing; or there is no such number.
    """
    node, told, called = graph, list[str](), name or graph.name
    if votes is not None:
        node = _voting(node, votes)
        told.append(f"{votes} votes")
    if at is not None:
        before, node = node, _at(node, at)
        if _tiers(before) == _tiers(node):
            raise UserError(
                f"{called!r} at {at!r} is {called!r}: each of its parts asks a tier of its own.",
                hint="Give a graph of that tier alone: --graph llm_only.",
            )
        told.append(f"at {at}")
    if not thresholds:
        return [Variant(", ".join(told) or "as it is", node, in_force)]
    places = {(spec.name, tiers[0]) for spec, tiers in asked_in(node) if len(tiers) > 1}
    if not places:
        raise UserError(
            f"No agent of {called!r} goes on to another tier: a threshold does nothing.",
            hint="Take a graph that escalates, and no --at.",
        )
    found: list[Variant] = []
    for least in thresholds:
        if not 0 <= least <= 1:
            raise UserError(f"A threshold of {least:g} is no probability.", hint="Give 0 to 1.")
        gates = {**in_force.gates, **dict.fromkeys(places, Gate(least))}
        words = ", ".join([*told, f"threshold {least:g}"])
        found.append(Variant(words, node, Thresholds(f"at least {least:g}", gates)))
    return found


def _at(node: Node[Any, Any], tier: str) -> Node[Any, Any]:
    """On one tier alone; what says at which it begins says that in place of the old one."""
    if isinstance(node, Guarded) and node.first is not None:
        return Guarded(node.inner, checks=node.checks, first=tier)
    return node.at(tier)


def _tiers(node: Node[Any, Any]) -> list[tuple[str, ...]]:
    """What each agent inside asks."""
    return [tiers for _, tiers in asked_in(node)]


def _voting(node: Node[Any, Any], votes: int) -> Node[Any, Any]:
    match node:
        case Vote():
            return node.voter.vote(votes)
        case VoteUntil():
            return node.node.vote(votes)
        case _:
            return node.vote(votes)
