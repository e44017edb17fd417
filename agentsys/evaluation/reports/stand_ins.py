"""What stood in for models, and what was not paid because of it."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from agentsys.evaluation.reports.account import Account
from agentsys.events import BenchStarted
from agentsys.ledger import Ledger
from agentsys.money import Price, usd


def stand_ins(ledger: Ledger, bench: str) -> list[str]:
    """A line for each thing to know of it; none where the models themselves were asked."""
    return [*_instead(ledger, bench).get("notes", [])]


def unpaid(tasks: Sequence[Account]) -> list[str]:
    """A line for what was not paid of the cost of these tasks; none where all of it was."""
    cost = sum(task.nano_usd for task in tasks)
    on_record = sum(task.calls.unpaid for task in tasks)
    if not on_record:
        return []
    return [
        f"Of ${usd(cost):f}, ${usd(on_record):f} is on record and was not paid: records answered"
        " in place of models."
    ]


def answered_by_records(ledger: Ledger, tasks: Sequence[Account], bench: str | None) -> bool:
    """Whether records answered some of these tasks in place of models."""
    replayed = {
        event.bench
        for recorded in ledger.events(BenchStarted, bench=bench)
        if isinstance(event := recorded.event, BenchStarted)
        and event.source
        and event.source.get("instead")
    }
    return any(task.calls.unpaid or task.bench in replayed for task in tasks)


def stand_in_prices(ledger: Ledger, bench: str) -> dict[str, Price]:
    """What recorded models cost, by their names."""
    told: dict[str, list[str]] = _instead(ledger, bench).get("prices", {})
    return {name: Price(*map(Decimal, each)) for name, each in told.items()}


def _instead(ledger: Ledger, bench: str) -> dict[str, Any]:
    for recorded in ledger.events(BenchStarted, bench=bench):
        if isinstance(event := recorded.event, BenchStarted) and event.source:
            return event.source.get("instead", {})
    return {}
