"""What the ledger has to say of tasks: whether the first tier succeeded on them, and the next."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from agentsys.agent import Agent
from agentsys.errors import InvalidOutput, UserError
from agentsys.evaluation.reports.accounts import Account, accounts
from agentsys.evaluation.task import fitted
from agentsys.events import BenchStarted, RunStarted
from agentsys.ledger import Ledger
from agentsys.node import Guarded, Node
from agentsys.patterns.cascade import Cascade
from agentsys.prompt import input_text
from agentsys.specs import asked_in


@dataclass(frozen=True, slots=True)
class Labelled:
    """A task, and what came of it."""

    text: str
    """As a model is shown it."""
    small: bool | None = None
    """Whether the first tier succeeded; `None`: nobody has asked it alone."""
    large: bool | None = None
    """Whether the next one did, asked alone."""
    gated: bool = False
    """Whether `small` says only that the graph itself went on to the next tier."""


def next_tier(name: str, node: Node[Any, Any]) -> str:
    """The tier that a graph goes on to from its first.

    Raises:
        UserError: it goes on to none.
    """
    found = _onward(node)
    if found is None:
        raise UserError(
            f"The graph {name!r} goes on to no other tier: there is nothing to route.",
            hint="Take one that escalates, such as 'slm_fallback'.",
        )
    return found


def labelled(
    ledger: Ledger, name: str, node: Node[Any, Any], benches: Iterable[str] = ()
) -> list[Labelled]:
    """The tasks of benches on which a graph, or one of its tiers alone, has an outcome.

    Tiers alone are runs of any graph that asked nothing but this graph's nodes on one of the two
    tiers. A run that went on to the next tier says that the first did not get by alone.

    Args:
        ledger: Where the benches are.
        name: The graph's name.
        node: The graph.
        benches: Their ids; none: all.

    Raises:
        UserError: the graph goes on to no other tier.
        UnknownName: there is no such bench.
        StoreError: the ledger cannot be read.
    """
    onward = next_tier(name, node)
    own = {(spec.name, tiers[0]) for spec, tiers in asked_in(node)}
    then = {(spec.name, onward) for spec, tiers in asked_in(node) if onward in tiers}
    found: dict[str, Labelled] = {}
    for bench in list(benches) or _benches(ledger):
        decided = {
            account.run_id: account
            for account in accounts(ledger, bench=bench)
            if account.outcome is not None
        }
        for recorded in ledger.events(RunStarted, run_ids=list(decided)):
            if not isinstance(start := recorded.event, RunStarted):
                continue
            text = _text(start.task, node)
            if text is not None:
                before = found.get(text, Labelled(text))
                account = decided[start.run_id]
                found[text] = _with(before, account, own, then, account.graph == name)
    return [one for one in found.values() if one.small is not None or one.large is not None]


def _with(
    before: Labelled,
    account: Account,
    own: set[tuple[str, str]],
    then: set[tuple[str, str]],
    itself: bool,
) -> Labelled:
    """What is known of a task after one more run."""
    places = account.calls.replies.places
    if places and places <= own:
        return replace(before, small=account.outcome, gated=False)
    if places and places <= then:
        return replace(before, large=account.outcome)
    if itself and places & own and (before.small is None or before.gated):
        return replace(before, small=False, gated=True)
    return before


def _benches(ledger: Ledger) -> list[str]:
    events = (recorded.event for recorded in ledger.events(BenchStarted))
    return list(dict.fromkeys(e.bench for e in events if isinstance(e, BenchStarted)))


def _text(task: Any, node: Node[Any, Any]) -> str | None:
    """The text of a task; `None` where the graph does not take such tasks."""
    try:
        return input_text(fitted(task, node.takes), node.takes)
    except InvalidOutput:
        return None


def _onward(node: Node[Any, Any]) -> str | None:
    if isinstance(node, Agent) and len(node.tiers) > 1:
        return node.tiers[1]
    if isinstance(node, Guarded) and node.first is None and node.escalation:
        return node.escalation[0]
    if isinstance(node, Cascade):
        first, *others = (part.tiers[0] for part in node.parts if part.tiers)
        return next((tier for tier in others if tier != first), None)
    inside = node.parts[:1] if isinstance(node, Guarded) else node.parts
    return next((found for part in inside if (found := _onward(part))), None)
