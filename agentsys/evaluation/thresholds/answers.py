"""What each tier came to on each task, and how sure its answers were: read from the ledger."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from agentsys.checks import UNCERTAIN
from agentsys.evaluation.reports.account import Account
from agentsys.evaluation.reports.accounts import accounts
from agentsys.evaluation.thresholds.route import Route
from agentsys.events import Call
from agentsys.ledger import Ledger

_ATTEMPT = re.compile(r"~\d+")
"""In the place of a call: which attempt it belongs to."""
_AT_ONCE = 500
"""Runs whose calls are read at once."""


@dataclass(frozen=True, slots=True)
class Said:
    """An answer that passed the checks of its agent."""

    node: str
    tier: str
    deployment: str
    confidence: float | None


@dataclass(frozen=True)
class Tried:
    """One task, as far as one tier."""

    success: bool
    nano_usd: int
    escalated: bool
    said: tuple[Said, ...] = ()
    """The answers of that tier which nothing but a threshold speaks against."""


@dataclass(frozen=True)
class Task:
    """One task, as far as each tier in turn."""

    id: str
    tried: tuple[Tried, ...] = field(default=())


def read(ledger: Ledger, bench: str, graphs: tuple[str, ...], route: Route) -> list[Task]:
    """What each task came to, for tasks that are finished in all of these.

    Args:
        ledger: Where the bench is.
        bench: In which every task was solved as far as each tier.
        graphs: How the bench calls the graph that goes as far as each tier.
        route: The tiers.
    """
    found = {
        (account.task_id, account.graph): account
        for account in accounts(ledger, bench=bench)
        if account.finished
    }
    calls = _calls(ledger, [account.run_id for account in found.values()], route)
    ids = dict.fromkeys(task_id for task_id, _ in found)
    return [
        Task(task_id, tuple(_tried(found[task_id, g], t, calls) for g, t in _pairs(graphs, route)))
        for task_id in ids
        if all((task_id, graph) in found for graph in graphs)
    ]


def _pairs(graphs: tuple[str, ...], route: Route) -> Iterable[tuple[str, str]]:
    return zip(graphs, route.tiers, strict=True)


def _tried(account: Account, tier: str, calls: Mapping[str, list[Said]]) -> Tried:
    said = tuple(each for each in calls.get(account.run_id, ()) if each.tier == tier)
    return Tried(account.success, account.nano_usd, account.escalated, said)


def _calls(ledger: Ledger, run_ids: list[str], route: Route) -> dict[str, list[Said]]:
    """The answers of each run that its agents came to."""
    found: dict[str, list[Said]] = {}
    for start in range(0, len(run_ids), _AT_ONCE):
        some = run_ids[start : start + _AT_ONCE]
        by_run: dict[str, dict[tuple[str, str], Call]] = {}
        for recorded in ledger.events(Call, run_ids=some):
            call = recorded.event
            if isinstance(call, Call) and call.node in route.nodes and accepted(call):
                place = _ATTEMPT.sub("", call.call_id.rpartition("#")[0])
                by_run.setdefault(call.run_id, {})[call.node, place] = call
        for run_id, last in by_run.items():
            found[run_id] = [
                Said(c.node, c.tier, c.deployment, c.confidence) for c in last.values()
            ]
    return found


def accepted(call: Call) -> bool:
    """Whether the checks of its agent had nothing against what a call said."""
    return call.decision == "accept" or call.reason == UNCERTAIN
