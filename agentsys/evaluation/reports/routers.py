"""The routers that a bench's runs were given."""

from agentsys.events import BenchStarted
from agentsys.ledger import Ledger


def routers(ledger: Ledger, bench: str) -> list[str]:
    """A line that names them; none where there was none.

    Raises:
        StoreError: the ledger cannot be read.
    """
    for recorded in ledger.events(BenchStarted, bench=bench):
        if isinstance(event := recorded.event, BenchStarted) and event.in_force:
            named = {graph: names.get("router") for graph, names in event.in_force.items()}
            told = ", ".join(f"{version} of {graph}" for graph, version in named.items() if version)
            return [f"A router says at which tier runs begin: {told}."] if told else []
    return []
