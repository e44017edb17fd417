"""What every task took and how it ended, from the events of the ledger and nothing else."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import date, datetime

from agentsys.errors import UnknownName
from agentsys.events import (
    Assigned,
    BenchStarted,
    Call,
    Outcome,
    RunFinished,
    RunStarted,
    Status,
    ToolCall,
)
from agentsys.ledger import Ledger, Recorded


@dataclass
class Account:
    """One task of one graph: a run, or, in a bench, all runs that were needed for the task."""

    graph: str
    day: date
    """UTC, of its first event."""
    bench: str = ""
    task_id: str = ""
    """Empty outside a bench."""
    run_id: str = ""
    """Of the run that was begun last."""
    tenant: str = ""
    calls: list[Call] = field(default_factory=list[Call])
    tool_calls: list[ToolCall] = field(default_factory=list[ToolCall])
    seconds: float | None = None
    """Of the run that ended last; `None` if none did."""
    status: Status | None = None
    """How that run ended."""
    error: str = ""
    """Why that run was not `ok`."""
    outcome: bool | None = None
    """The scorer's verdict; `None` if there is none."""

    @property
    def finished(self) -> bool:
        """In a bench: it has its outcome. Else: its run ended. What was spent counts either way."""
        return self.outcome is not None or (not self.bench and self.status is not None)

    @property
    def success(self) -> bool:
        """The scorer's verdict; where there is none, whether the graph's own checks accepted."""
        return self.status == "ok" if self.outcome is None else self.outcome

    @property
    def nano_usd(self) -> int:
        """What all calls cost: failed, repaired, escalated and cancelled ones too."""
        return sum(call.nano_usd for call in self.calls)

    @property
    def tokens(self) -> int:
        """Prompt and generated tokens of all calls."""
        return sum(call.tokens_in + call.tokens_out for call in self.calls)

    @property
    def escalated(self) -> bool:
        """A reply was handed to the next tier, or a node was asked on two tiers."""
        tiers = {(call.node, call.tier) for call in self.calls}
        nodes = {node for node, _ in tiers}
        return len(tiers) > len(nodes) or any(c.decision == "escalate" for c in self.calls)

    def first_replies(self) -> list[Call]:
        """The replies to an agent's first request, and to the first at each further tier."""
        seen: set[tuple[str, str, str]] = set()
        first: list[Call] = []
        for call in self.calls:
            place = (call.run_id, call.node, call.tier)
            if call.attempt == 0 or place not in seen:
                first.append(call)
            seen.add(place)
        return first

    def slice(self, calls: Iterable[Call], tool_calls: Iterable[ToolCall]) -> "Account":
        """The same task with a part of its calls and the time that they took."""
        part = list(calls)
        seconds = sum(call.seconds for call in part)
        return replace(self, calls=part, tool_calls=list(tool_calls), seconds=seconds)

    def part(self, run_id: str) -> "Account":
        """One run of the task; all but the last were cut off."""
        if run_id == self.run_id and all(call.run_id == run_id for call in self.calls):
            return self
        part = replace(
            self,
            calls=[call for call in self.calls if call.run_id == run_id],
            tool_calls=[call for call in self.tool_calls if call.run_id == run_id],
        )
        cut = run_id != self.run_id
        return replace(part, status=None, outcome=None, seconds=None) if cut else part


def accounts(
    ledger: Ledger,
    *,
    bench: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
) -> list[Account]:
    """The tasks of a bench, or all, by the time they were begun.

    `since` and `until` choose by when a run began; what it did later counts.

    Raises:
        UnknownName: there is no such bench.
        StoreError: the ledger cannot be read.
    """
    if bench is not None:
        return _bench_accounts(ledger, bench, since, until)
    started = ledger.events(RunStarted, Assigned, since=since, until=until)
    books = _Books()
    for recorded in started:
        books.open(recorded)
    for recorded in ledger.events(Call, ToolCall, RunFinished, Outcome, since=since):
        books.enter(recorded)
    return books.accounts()


def _bench_accounts(
    ledger: Ledger, bench: str, since: datetime | None, until: datetime | None
) -> list[Account]:
    books = _Books()
    for recorded in ledger.events(Assigned, bench=bench, since=since, until=until):
        books.open(recorded)
    ids = books.run_ids()
    if not ids and next(ledger.events(BenchStarted, bench=bench), None) is None:
        known = {r.event.bench for r in ledger.events(Assigned) if isinstance(r.event, Assigned)}
        raise UnknownName("bench", bench, known)
    for recorded in ledger.events(Call, ToolCall, RunFinished, Outcome, run_ids=ids):
        books.enter(recorded)
    return books.accounts()


class _Books:
    """Accounts while the events are read."""

    def __init__(self) -> None:
        self._by_run: dict[str, Account] = {}
        self._by_task: dict[tuple[str, str, str], Account] = {}

    def open(self, recorded: Recorded) -> None:
        """A run began, or was assigned to a bench's task (in either order)."""
        event, day = recorded.event, recorded.time.date()
        match event:
            case RunStarted():
                account = self._by_run.setdefault(event.run_id, Account(event.graph, day))
                account.run_id, account.tenant = event.run_id, event.tenant
            case Assigned():
                key = (event.bench, event.graph, event.task_id)
                fresh = Account(event.graph, day, event.bench, event.task_id)
                account = self._by_run[event.run_id] = self._by_task.setdefault(key, fresh)
                account.run_id = event.run_id
            case _:
                pass

    def enter(self, recorded: Recorded) -> None:
        """Something happened in a run; runs that were not opened are none of ours."""
        event = recorded.event
        if isinstance(event, BenchStarted) or (account := self._by_run.get(event.run_id)) is None:
            return
        match event:
            case Call():
                account.calls.append(event)
            case ToolCall():
                account.tool_calls.append(event)
            case RunFinished():
                account.status, account.seconds = event.status, event.seconds
                account.error = event.error
            case Outcome():
                account.outcome = event.success
            case _:
                pass

    def run_ids(self) -> list[str]:
        return list(self._by_run)

    def accounts(self) -> list[Account]:
        return list({id(account): account for account in self._by_run.values()}.values())
