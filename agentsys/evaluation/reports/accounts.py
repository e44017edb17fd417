"""The accounts of all tasks, from the ledger's columns and nothing else."""

from collections import Counter
from collections.abc import Collection, Iterator
from datetime import date, datetime
from functools import cache
from typing import Literal, cast

from agentsys.evaluation.reports.account import Account, Calls, Replies, Reply
from agentsys.evaluation.reports.garbage import uncollected
from agentsys.evaluation.unknown import unknown_bench
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
from agentsys.ledger import Ledger
from agentsys.stores import Line, listed

__all__ = ["Account", "Accounts", "Part", "accounts"]

_OPENED = ("kind", "run_id", "time", "graph", "bench", "task_id", "repeat", "tenant", "thresholds")
_BEGUN = ("run_id", "tenant", "thresholds")
_CLOSED = ("kind", "run_id", "status", "error", "seconds", "success", "scorer")
_SUMS = ("nano_usd", "tokens_in", "tokens_out", "seconds", "energy_j", "unpaid")
_REPLY = ("node", "tier", "deployment", "decision", "attempt", "schema_valid", "energy_j")
_MOST = 10_000
"""Sequences of replies to remember; there are few that differ."""
_DAY = 86_400_000_000
_EPOCH = date(1970, 1, 1).toordinal()

By = Literal["run_id", "deployment", "node"]

Tools = dict[tuple[str, str], Calls]
"""Tool calls, by run and by what else they are grouped by."""


Part = tuple[Account, str, Calls]
"""A task; a run of it, or a deployment or a node that was asked in it; and what that took."""


def accounts(
    ledger: Ledger,
    *,
    bench: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
) -> list[Account]:
    """The tasks of a bench, or all; see `Accounts`."""
    with uncollected():
        return Accounts(ledger, bench=bench, since=since, until=until).tasks


class Accounts:
    """The tasks of a bench, or all, by the time they were begun.

    `since` and `until` choose by when a run began; what it did later counts.

    Raises:
        UnknownName: there is no such bench.
        StoreError: the ledger cannot be read.
    """

    def __init__(
        self,
        ledger: Ledger,
        *,
        bench: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> None:
        self._ledger = ledger
        self._by_run: dict[str, Account] = {}
        self._by_task: dict[tuple[str, str, str, int], Account] = {}
        self._replies: dict[str, Replies] = {}
        if bench is None and since is None and until is None:
            self._ids: Collection[str] | None = None
            # Ends before calls: of what has ended, no call is missing.
            ends = [*ledger.lines(RunFinished, Outcome, columns=_CLOSED)]
            calls = self._totals("run_id")
            self._begun(None)
        else:
            self._begun(bench, since, until)
            ends = ledger.lines(RunFinished, Outcome, columns=_CLOSED, run_ids=self._ids)
            calls = None
        for line in ends:
            self._close(*line)
        self._runs = Counter(map(id, self._by_run.values()))
        self._add_calls(calls or self._totals("run_id"))

    def _begun(
        self, bench: str | None, since: datetime | None = None, until: datetime | None = None
    ) -> None:
        """Open an account for every task."""
        opening = [RunStarted, Assigned] if bench is None else [Assigned]
        for line in self._ledger.lines(
            *opening, columns=_OPENED, bench=bench, since=since, until=until
        ):
            self._open(*line)
        if bench is not None or since is not None or until is not None:
            self._ids = [*self._by_run]
        if bench is not None:
            self._known(bench)
            for line in self._ledger.lines(RunStarted, columns=_BEGUN, run_ids=self._ids):
                self._begin(*line)

    def _add_calls(self, totals: Iterator[Line]) -> None:
        """Take in the calls of each task, run after run."""
        tools = self._tools("run_id")
        late: dict[str, Calls] = {}
        for account, run_id, calls in self._parts("run_id", tools, totals):
            if self._runs[id(account)] == 1:
                account.calls = calls
            else:
                late[run_id] = calls
        for run_id in self._by_run if late else ():
            if run_id in late:
                self._by_run[run_id].calls.add(late[run_id])
        for (run_id, _), used in tools.items():
            if run_id in self._by_run:
                self._by_run[run_id].calls.add(used)

    @property
    def tasks(self) -> list[Account]:
        """One account a task, by the time they were begun."""
        return list({id(account): account for account in self._by_run.values()}.values())

    @property
    def runs(self) -> list[tuple[str, Account]]:
        """The runs of each task, in the order of `tasks`."""
        runs: dict[int, list[str]] = {}
        for run_id, account in self._by_run.items():
            runs.setdefault(id(account), []).append(run_id)
        return [(run_id, account) for account in self.tasks for run_id in runs[id(account)]]

    def parts(self, by: By) -> Iterator[Part]:
        """What each task took, by run, deployment or node, in no particular order."""
        tools = self._tools(by)
        if by == "run_id":
            yield from self._parts(by, tools, self._totals(by))
            return
        together: dict[tuple[str, int], Part] = {}
        for part in self._parts(by, tools, self._totals(by)):
            account, name, calls = part
            task = id(account)
            if self._runs[task] == 1:
                yield part
            elif (name, task) in together:
                together[name, task][2].add(calls)
            else:
                together[name, task] = part
        for (run_id, name), used in tools.items():  # of runs without a call of that node
            part = together.get((name, id(self._by_run.get(run_id))))
            if part is not None:
                part[2].add(used)
        yield from together.values()

    def _known(self, bench: str) -> None:
        if not self._by_run and next(self._ledger.events(BenchStarted, bench=bench), None) is None:
            names = self._ledger.lines(Assigned, columns=["bench"])
            raise unknown_bench(bench, dict.fromkeys(str(name) for (name,) in names))

    def _open(
        self,
        kind: str,
        run_id: str,
        time: int,
        graph: str,
        bench: str | None,
        task_id: str | None,
        repeat: int | None,
        tenant: str | None,
        thresholds: str | None,
    ) -> None:
        """A run began, or was assigned to a bench's task (in either order)."""
        account = self._by_run.get(run_id)
        if kind == "Assigned":
            task = (bench or "", graph, task_id or "", repeat or 0)
            begun, account = account, self._by_task.get(task)
            if account is None:
                day = _day(time // _DAY)
                account = Account(graph, day, task[0], task[2], task[3])
                self._by_task[task] = account
            if begun is not None:
                account.tenant, account.thresholds = begun.tenant, begun.thresholds
        else:
            if account is None:
                account = Account(graph, _day(time // _DAY))
            account.tenant, account.thresholds = tenant or "", thresholds or ""
        account.run_id = run_id
        self._by_run[run_id] = account

    def _begin(self, run_id: str, tenant: str | None, thresholds: str | None) -> None:
        """How a run began that was opened when it was assigned."""
        account = self._by_run[run_id]
        if account.run_id == run_id:
            account.tenant, account.thresholds = tenant or "", thresholds or ""

    def _close(
        self,
        kind: str,
        run_id: str,
        status: Status | None,
        error: str | None,
        seconds: float | None,
        success: bool | None,
        scorer: str | None,
    ) -> None:
        """A run ended or was judged; runs that were not opened are none of ours."""
        account = self._by_run.get(run_id)
        if account is None:
            return
        if kind == "Outcome":
            account.outcome, account.scorer = success, scorer or ""
        else:
            account.status, account.seconds, account.error = status, seconds, error or ""

    def _totals(self, by: By) -> Iterator[Line]:
        group = _group(by)
        return self._ledger.totals(Call, by=group, sums=_SUMS, listed=_REPLY, run_ids=self._ids)

    def _parts(self, by: By, tools: Tools, totals: Iterator[Line]) -> Iterator[Part]:
        """Those of each run, with its tool calls, which are taken out."""
        place = len(_group(by))
        for line in totals:
            run_id, name = line[0], line[place - 1]
            account = self._by_run.get(run_id)
            if account is None:
                continue
            nano_usd, prompt, reply, seconds, energy, unpaid, replied = line[place + 1 :]
            replies = self._replies.get(replied) or self._read(replied)
            joules = (energy or 0.0) if replies.measured else None
            tokens = (prompt or 0) + (reply or 0)
            calls = Calls(nano_usd or 0, tokens, seconds or 0.0, joules, replies)
            calls.unpaid = unpaid or 0
            if tools and (used := tools.pop((run_id, name), None)):
                calls.add(used)
            yield account, name, calls

    def _read(self, replied: str) -> Replies:
        if len(self._replies) >= _MOST:
            self._replies.clear()
        replies = cast("list[Reply]", listed(replied, _REPLY))
        found = self._replies[replied] = Replies.of(replies)
        return found

    def _tools(self, by: By) -> Tools:
        if by == "deployment":  # which model asked for a tool is not on record
            return {}
        tools: Tools = {}
        for *group, used, executable in self._ledger.totals(
            ToolCall, by=_group(by), sums=["executable"], run_ids=self._ids
        ):
            tools[group[0], group[-1]] = Calls(tool_calls=used, executable=executable or 0)
        return tools


def _group(by: By) -> tuple[str, ...]:
    return ("run_id",) if by == "run_id" else ("run_id", by)


@cache
def _day(number: int) -> date:
    return date.fromordinal(_EPOCH + number)
