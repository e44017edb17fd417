"""What stood in for the models of a bench."""

from decimal import Decimal
from typing import Any

from agentsys.events import BenchStarted
from agentsys.ledger import Ledger
from agentsys.money import Price


def stand_ins(ledger: Ledger, bench: str) -> list[str]:
    """A line for each thing to know of it; none where the models themselves were asked."""
    return [*_instead(ledger, bench).get("notes", [])]


def stand_in_prices(ledger: Ledger, bench: str) -> dict[str, Price]:
    """What recorded models cost, by their names."""
    told: dict[str, list[str]] = _instead(ledger, bench).get("prices", {})
    return {name: Price(*map(Decimal, each)) for name, each in told.items()}


def _instead(ledger: Ledger, bench: str) -> dict[str, Any]:
    for recorded in ledger.events(BenchStarted, bench=bench):
        if isinstance(event := recorded.event, BenchStarted) and event.source:
            return event.source.get("instead", {})
    return {}
