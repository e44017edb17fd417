"""Nodes one after the other, until one gives an answer that nothing speaks against."""

from typing import Any, TypeVar

from agentsys.errors import Abstain
from agentsys.node import Node
from agentsys.pattern import Inside, Pattern, Tried, one_of

X = TypeVar("X")
Y = TypeVar("Y")


def cascade(first: Node[X, Y], second: Node[X, Y], /, *more: Node[X, Y]) -> Node[X, Y]:
    """The output of the first node that settles the task: it has an answer, and no doubt of it.

    The nodes are asked in turn (FrugalGPT, Chen et al. 2023, section 3). Where none settles it, the
    last doubtful answer is given, as doubtful as it is. Unlike `.escalate`, which asks the same
    agents on other tiers, each node here is one of its own: a gate, a graph, another prompt.

    Args:
        first: Usually the cheapest.
        second: What is asked where it gives no answer, or is not sure.
        more: What is asked after that.
    """
    return Cascade((first, second, *more))


class Cascade(Pattern[X, Y]):
    """Nodes in turn, until one settles the task. Made by `cascade`."""

    def __init__(self, nodes: tuple[Node[X, Y], ...]) -> None:
        self._parts = nodes
        self.name = "-else-".join(node.name for node in nodes)
        self.takes, self.gives = nodes[0].takes, one_of(nodes)

    @property
    def parts(self) -> tuple[Node[Any, Any], ...]:
        """The nodes in their order."""
        return self._parts

    @property
    def uses(self) -> tuple[int | None, ...]:
        """Each once at most."""
        return (1,) * len(self._parts)

    async def conduct(self, value: X, inside: Inside) -> Y:
        """The output of the first that settles it; else the last doubtful one."""
        best: Tried[Y] | None = None
        last: Tried[Y] | None = None
        for place, node in self._from(inside.context.begin.tier):
            last = await inside.run(node, value, place)
            best = last if last.ok else best
            if last.settled:
                break
            if last.short is not None:
                return _cut_short(inside, best, last)
        chosen = best or last
        if chosen is None:
            raise Abstain("nothing was asked.")
        output = chosen.output  # raises where there is none
        inside.accept(chosen)
        return output

    def _from(self, begin: str) -> list[tuple[int, Node[X, Y]]]:
        """The nodes with their places; a router may have passed over the first ones."""
        nodes = list(enumerate(self._parts))
        return nodes[next((at for at, node in nodes if begin in node.tiers[:1]), 0) :]


def _cut_short(inside: Inside, best: Tried[Y] | None, last: Tried[Y]) -> Y:
    """A budget has no room for the next node: what there is must do."""
    if best is None or last.short is None:
        return last.output
    inside.accept(best)
    inside.shorten(last.short)
    return best.output
