"""What the scorers of a bench cost, and where they gave no verdict."""

from collections import Counter

from agentsys.events import Outcome
from agentsys.ledger import Ledger
from agentsys.money import usd


def scoring(ledger: Ledger, bench: str) -> list[str]:
    """A line for what judges took that scored, and one for outcomes that are no verdict.

    Raises:
        StoreError: the ledger cannot be read.
    """
    cost, outcomes, scorers, reasons = 0, 0, dict[str, None](), Counter[str]()
    columns = ("scorer", "nano_usd", "error")
    for scorer, nano_usd, error in ledger.lines(Outcome, columns=columns, bench=bench):
        outcomes += 1
        if nano_usd:
            cost += nano_usd
            scorers[scorer] = None
        if error:
            reasons[error] += 1
    notes: list[str] = []
    if cost:
        notes.append(f"Scoring by {', '.join(scorers)} cost ${usd(cost):f} more, in no row above.")
    if reasons:
        [(reason, _)] = reasons.most_common(1)
        notes.append(
            f"{reasons.total()} of {outcomes} outcomes count as failures without a verdict,"
            f" mostly: {' '.join(reason.split())}"
        )
    return notes
