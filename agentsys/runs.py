"""The newest runs, as the ledger has them."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from agentsys.events import Call, RunFinished, RunInterrupted, RunResumed, RunStarted, Status
from agentsys.ledger import Ledger
from agentsys.running import FINAL


@dataclass(frozen=True, slots=True)
class Listed:
    """One run."""

    run_id: str
    graph: str
    tenant: str
    status: Status | Literal["running", "unfinished"]
    """How it ended; `unfinished`: it was cut off."""
    nano_usd: int
    started: datetime
    """UTC."""

    @property
    def resumable(self) -> bool:
        """Whether it can go on."""
        return self.status not in (*FINAL, "running")


def newest(ledger: Ledger, limit: int, under_way: Collection[str]) -> list[Listed]:
    """The runs that were begun last, the newest first.

    Args:
        ledger: What happened.
        limit: How many at most.
        under_way: The ids of those that somebody works on.

    Raises:
        StoreError: the ledger cannot be read.
    """
    found: dict[str, Listed] = {}
    for recorded in ledger.events(RunStarted, RunResumed, RunInterrupted, RunFinished):
        event = recorded.event
        if isinstance(event, RunStarted):
            found[event.run_id] = Listed(
                event.run_id, event.graph, event.tenant, "unfinished", 0, recorded.time
            )
            if len(found) > limit:
                del found[next(iter(found))]
        elif isinstance(event, RunFinished | RunInterrupted | RunResumed) and event.run_id in found:
            found[event.run_id] = replace(found[event.run_id], status=_status(event))
    for recorded in ledger.events(Call, run_ids=[*found]):
        if isinstance(call := recorded.event, Call):
            listed = found[call.run_id]
            found[call.run_id] = replace(listed, nano_usd=listed.nano_usd + call.nano_usd)
    for run_id in under_way:
        if run_id in found:
            found[run_id] = replace(found[run_id], status="running")
    return [*reversed(found.values())]


def _status(event: RunFinished | RunInterrupted | RunResumed) -> Status | Literal["unfinished"]:
    match event:
        case RunFinished():
            return event.status
        case RunInterrupted():
            return "interrupted"
        case RunResumed():
            return "unfinished"
