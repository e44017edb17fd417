"""Reports: what tasks cost and how often they succeeded, computed from the ledger alone.

With T the tasks that have an outcome, S ⊆ T the successful ones, and C the cost of **all** calls
(failed, repaired, judged, escalated and cancelled ones, also of tasks that an interruption left
without an outcome), added up in whole nano-dollars:

| column | formula |
|---|---|
| `tasks` | #T; every assigned task counts, failed ones are never dropped |
| `success_rate`, `success_ci` | #S / #T; Wilson's 95 % interval |
| `cps_usd` | C / #S; none (not 0, not ∞) without a success |
| `cps_ci` | 95 %, of log C/#T − log #S/#T: Student's and Wilson's together (MOVER) |
| `loaded_cps_usd` | (C + F · (#T − #S)) / #S, F what a failed task costs you |
| `escalation_rate` | tasks in which a reply went to the next tier / #T |
| `schema_validity_rate` | first replies that fit their schema / first replies with a schema |
| `executable_call_rate` | tool calls that were known, well-typed and ran / tool calls |
| `p50_s`, `p95_s` | seconds of a task's run, wall clock; by model or node: of its calls |
| `tokens_per_success` | prompt and generated tokens of all calls / #S |
| `energy_j` | joules of this machine's GPUs / #T; none where an answered call was not measured |
| `statuses` | how many runs ended how; `unfinished` ones are not in T |
| `nano_usd` | C |

A task of a bench is successful if its run handed back an output that the scorer found right.
A run outside a bench has no scorer: it counts as successful if the graph's own checks accepted
its output (status `ok`), and a note says how many such there are.

By graph, tenant and day, every run is in one row. By model and by node, a run is in the row of each
that it asked, with that one's calls: their costs, too, add up to the whole. By run, a task of a
bench that took several is in the row of the last one; the others are `unfinished`.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from agentsys.evaluation.reports.account import Account, Calls
from agentsys.evaluation.reports.accounts import Accounts
from agentsys.evaluation.reports.caveats import caveats, undone
from agentsys.evaluation.reports.comparison import best_by_column, paired
from agentsys.evaluation.reports.garbage import uncollected
from agentsys.evaluation.reports.routers import routers
from agentsys.evaluation.reports.rows import Row, Tally
from agentsys.evaluation.reports.scoring import scoring
from agentsys.evaluation.reports.stand_ins import (
    answered_by_records,
    stand_in_prices,
    stand_ins,
    unpaid,
)
from agentsys.ledger import Ledger
from agentsys.money import Price, nano

__all__ = ["By", "Report", "Row", "report"]

By = Literal["graph", "tenant", "run", "model", "node", "day"]


class Report(BaseModel):
    """Rows, and what to read from them."""

    model_config = ConfigDict(frozen=True)

    by: By
    rows: tuple[Row, ...]
    usd_per_failure: Decimal
    notes: tuple[str, ...] = ()
    """Which row is best by which column, comparisons on the same tasks, and caveats."""
    deployments: tuple[str, ...] = ()
    """Those that were asked, in the order of their first call."""
    prices: dict[str, Price] = {}
    """Of deployments that stood in for others: the configuration does not have them."""
    timed: bool = True
    """Whether seconds are those of models alone; where records answer, they are of the replay."""

    @property
    def nano_usd(self) -> int:
        """What all rows cost together."""
        return sum(row.nano_usd for row in self.rows)

    def to_json(self) -> list[dict[str, Any]]:
        """The rows as stable JSON data."""
        return [row.model_dump(mode="json") for row in self.rows]


def report(
    ledger: Ledger,
    *,
    by: By = "graph",
    bench: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    usd_per_failure: Decimal = Decimal(0),
    found: Accounts | None = None,
) -> Report:
    """The report of a bench, or of all runs begun in a time; of `found`, if that is made already.

    Raises:
        UnknownName: there is no such bench.
        StoreError: the ledger cannot be read.
    """
    with uncollected():
        found = found or Accounts(ledger, bench=bench, since=since, until=until)
        computed = _report(ledger, found, by, bench, usd_per_failure)
        del found  # before the search goes on
        return computed


def _report(
    ledger: Ledger, found: Accounts, by: By, bench: str | None, usd_per_failure: Decimal
) -> Report:
    tasks, failure = found.tasks, nano(usd_per_failure)
    rows = tuple(tally.row(name, failure) for name, tally in _GROUPS[by](found, tasks))
    timed = not answered_by_records(ledger, tasks, bench)
    notes = [*caveats(tasks), *(best_by_column(rows, timed=timed) if by == "graph" else ())]
    if not timed and by not in ("model", "node"):
        notes.append("Where records answer, no model takes time: p50 and p95 are of the replay.")
    if bench is None:
        notes += unpaid(tasks)
    elif by == "graph":
        notes += [*undone(tasks, ledger, bench), *paired(tasks, failure)]
        notes += [*scoring(ledger, bench), *stand_ins(ledger, bench)]
        notes += routers(ledger, bench)
    asked = dict.fromkeys(name for task in tasks for name in task.calls.replies.deployments)
    return Report(
        by=by,
        rows=rows,
        usd_per_failure=usd_per_failure,
        notes=tuple(notes),
        deployments=tuple(name for name in asked if name),
        prices={} if bench is None else stand_in_prices(ledger, bench),
        timed=timed,
    )


Tallies = Iterable[tuple[str, Tally]]


def _by_graph(found: Accounts, tasks: Sequence[Account]) -> Tallies:
    return _tallied((task.graph, task) for task in tasks)


def _by_day(found: Accounts, tasks: Sequence[Account]) -> Tallies:
    return _tallied((t.day.isoformat(), t) for t in sorted(tasks, key=lambda task: task.day))


def _by_tenant(found: Accounts, tasks: Sequence[Account]) -> Tallies:
    every = sorted(tasks, key=lambda task: task.tenant)
    return _tallied((task.tenant or "(no tenant)", task) for task in every)


def _tallied(named: Iterable[tuple[str, Account]]) -> Tallies:
    tallies: dict[str, Tally] = {}
    for name, task in named:
        if name not in tallies:
            tallies[name] = Tally()
        tallies[name].add(task)
    return tallies.items()


def _by_run(found: Accounts, tasks: Sequence[Account]) -> Tallies:
    """Runs with calls, and the last one of each task; all but that were cut off."""
    runs = found.runs
    alone = len(runs) == len(tasks)
    calls = {} if alone else {run_id: took for _, run_id, took in found.parts("run_id")}
    for run_id, task in runs:
        tally, last = Tally(), run_id == task.run_id
        if alone:
            tally.add(task)
        elif last:
            tally.add(task, calls.get(run_id, Calls()), seconds=task.seconds)
        elif run_id in calls:
            tally.add(replace(task, status=None, outcome=None), calls[run_id])
        else:
            continue
        yield run_id, tally


def _by_model(found: Accounts, tasks: Sequence[Account]) -> Tallies:
    names = dict.fromkeys(n for task in tasks for n in task.calls.replies.deployments)
    tallies = {name: Tally() for name in names}
    for task, name, calls in found.parts("deployment"):
        tallies[name].add(task, calls, seconds=calls.seconds)
    return {name or "(no reply)": tally for name, tally in tallies.items()}.items()


def _by_node(found: Accounts, tasks: Sequence[Account]) -> Tallies:
    tallies = {n: Tally() for n in dict.fromkeys(n for t in tasks for n in t.calls.replies.nodes)}
    for task, name, calls in found.parts("node"):
        tallies[name].add(task, calls, seconds=calls.seconds)
    return tallies.items()


_GROUPS = {
    "graph": _by_graph,
    "tenant": _by_tenant,
    "run": _by_run,
    "model": _by_model,
    "node": _by_node,
    "day": _by_day,
}
