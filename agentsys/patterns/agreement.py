"""A gate of several nodes: an answer passes where enough of them give the same."""

from collections import Counter
from collections.abc import Callable, Hashable
from typing import Any, TypeVar

from agentsys.errors import Abstain, DefinitionError
from agentsys.node import Node
from agentsys.pattern import Inside, Pattern, Tried, one_of
from agentsys.schema import compact, dump

X = TypeVar("X")
Y = TypeVar("Y")


def agree(
    first: Node[X, Y],
    second: Node[X, Y],
    /,
    *more: Node[X, Y],
    at_least: int | None = None,
    by: Callable[[Y], Hashable] | None = None,
) -> Node[X, Y]:
    """What at least so many nodes give alike; where they do not, there is no answer.

    As many as must agree are asked side by side, the others one by one while agreement is still
    possible, so that nobody is asked whose answer would change nothing. Nodes that err alike make a
    poor gate: take models of different families.

    Args:
        first: Of those that agree, the output of the one that comes first counts.
        second: Another.
        more: Further ones.
        at_least: How many must agree; default: all.
        by: What of an output is compared; default: the whole output, by value.

    Raises:
        DefinitionError: so many cannot agree.
    """
    nodes = (first, second, *more)
    least = len(nodes) if at_least is None else at_least
    if not 2 <= least <= len(nodes):
        raise DefinitionError(
            f"agree(at_least={least}) of {len(nodes)} nodes cannot be.",
            hint=f"Use 2 to {len(nodes)}.",
        )
    return Agreement(nodes, least, by)


class Agreement(Pattern[X, Y]):
    """Several nodes of which enough must give the same. Made by `agree`."""

    def __init__(
        self, nodes: tuple[Node[X, Y], ...], at_least: int, by: Callable[[Y], Hashable] | None
    ) -> None:
        self._parts = nodes
        self._by = by
        self.at_least = at_least
        self.name = "-agrees-".join(node.name for node in nodes)
        self.takes, self.gives = nodes[0].takes, one_of(nodes)

    @property
    def parts(self) -> tuple[Node[Any, Any], ...]:
        """The nodes, in the order in which they are asked."""
        return self._parts

    @property
    def uses(self) -> tuple[int | None, ...]:
        """Each once at most."""
        return (1,) * len(self._parts)

    @property
    def shape(self) -> str:
        """With how many must agree."""
        return f"{self.at_least}: {super().shape}"

    async def conduct(self, value: X, inside: Inside) -> Y:
        """The output that enough of them give.

        Raises:
            Abstain: they do not agree.
        """
        tried = await inside.side_by_side(
            inside.run(node, value, place)
            for place, node in enumerate(self._parts[: self.at_least])
        )
        while (agreed := self._agreed(tried)) is None and self._possible(tried):
            tried.append(await inside.run(self._parts[len(tried)], value, len(tried)))
        if agreed is not None:
            inside.vouch(agreed)
            return agreed.output
        short = next((each.short for each in tried if each.short is not None), None)
        if short is not None:
            raise short
        number, most = len(self._parts), self._most(tried)
        raise Abstain(f"no {self.at_least} of {number} give the same answer, but {most}.")

    def _agreed(self, tried: list[Tried[Y]]) -> Tried[Y] | None:
        """The first of those that agree, where they are enough."""
        keys = self._keys(tried)
        counts = Counter(key for key in keys if key is not None)
        enough = {key for key, count in counts.items() if count >= self.at_least}
        return next((one for one, key in zip(tried, keys, strict=True) if key in enough), None)

    def _possible(self, tried: list[Tried[Y]]) -> bool:
        """Whether those that are left could make enough agree."""
        return self._most(tried) + len(self._parts) - len(tried) >= self.at_least

    def _most(self, tried: list[Tried[Y]]) -> int:
        counts = Counter(key for key in self._keys(tried) if key is not None)
        return max(counts.values(), default=0)

    def _keys(self, tried: list[Tried[Y]]) -> list[tuple[Hashable] | None]:
        return [(self._key(each.output),) if each.ok else None for each in tried]

    def _key(self, output: Y) -> Hashable:
        return compact(dump(output, self.gives)) if self._by is None else self._by(output)
