"""The plan of a graph: what it asks of each tier at most, and what that costs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import inf
from typing import Any

from agentsys.errors import DefinitionError
from agentsys.limits import Budget
from agentsys.models.base import Model
from agentsys.node import Node
from agentsys.planning.given import TASK, UNKNOWN, Given
from agentsys.planning.limits import Most, Total, total_of
from agentsys.planning.walk import Place, Unbounded, Walk


@dataclass(frozen=True, slots=True)
class Line:
    """What a node asks of a tier at most, before any budget."""

    node: str
    tier: str
    most: Most


@dataclass(frozen=True)
class Plan:
    """The most that one run of a graph takes."""

    lines: tuple[Line, ...]
    total: Total
    """Under the budgets of the graph's nodes."""
    unbounded: tuple[Unbounded, ...] = ()
    """What nothing but a budget bounds."""

    def under(self, budgets: Sequence[Budget]) -> Total:
        """What is left of it under budgets of the run.

        Raises:
            DefinitionError: nothing bounds what it costs.
        """
        total = self.total
        for budget in budgets:
            total = total.under(budget)
        if total.nano_usd == inf:
            first = self.unbounded[0]
            raise DefinitionError(
                f"{first.node!r} has no bound: it is {first.why}.", hint=first.hint
            )
        return total


def plan(
    node: Node[Any, Any],
    models: Mapping[str, Model],
    *,
    task: Any = UNKNOWN,
    smaller: bool = False,
) -> Plan:
    """The most that one run of a graph takes, if every reply is as long as it may be and fails.

    Args:
        node: The graph.
        models: Of each tier; none is asked.
        task: Its input; without one, the longest that its type allows.
        smaller: Whether a budget lets agents go on with the small model where it has no room.

    Raises:
        UserError: a tier is not configured.
        ModelError: a model cannot be loaded.
    """
    walk = Walk(models)
    walk.visit(node, Given(node.takes, TASK, task), Place(smaller=smaller))
    found: dict[tuple[str, str], Most] = {}
    for asked in walk.asked:
        key = asked.node, asked.tier
        found[key] = found.get(key, Most()) + asked.most
    lines = tuple(Line(node, tier, most) for (node, tier), most in found.items())
    total = total_of([(asked.account, asked.most) for asked in walk.asked], walk.budgets)
    return Plan(lines, total, tuple(walk.unbounded))
