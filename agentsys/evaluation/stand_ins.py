"""What stood in for the models of a bench."""

from agentsys.events import BenchStarted
from agentsys.ledger import Ledger


def stand_ins(ledger: Ledger, bench: str) -> list[str]:
    """A line for each thing to know of it; none where the models themselves were asked."""
    for recorded in ledger.events(BenchStarted, bench=bench):
        if isinstance(event := recorded.event, BenchStarted) and event.source:
            return [*event.source.get("instead", {}).get("notes", [])]
    return []
