"""Reports: what tasks cost and how often they succeeded, computed from the ledger alone.

With T the tasks that have an outcome, S ⊆ T the successful ones, and C the cost of **all** calls
(failed, repaired, judged, escalated and cancelled ones, also of tasks that an interruption left
without an outcome), added up in whole nano-dollars:

| column | formula |
|---|---|
| `tasks` | #T; every assigned task counts, failed ones are never dropped |
| `success_rate`, `success_ci` | #S / #T; Wilson's 95 % interval |
| `cps_usd` | C / #S; none (not 0, not ∞) without a success |
| `cps_ci` | 95 %: of C / #T (Student's, of its logarithm) and of #S / #T (Wilson's) together |
| `loaded_cps_usd` | (C + F · (#T − #S)) / #S, F what a failed task costs you |
| `escalation_rate` | tasks in which a reply went to the next tier / #T |
| `schema_validity_rate` | first replies that fit their schema / first replies with a schema |
| `executable_call_rate` | tool calls that were known, well-typed and ran / tool calls |
| `p50_s`, `p95_s` | seconds of a task's run, wall clock; by model or node: of its calls |
| `tokens_per_success` | prompt and generated tokens of all calls / #S |
| `energy_j` | none: not measured |
| `statuses` | how many runs ended how; `unfinished` ones are not in T |
| `nano_usd` | C |

A task of a bench is successful if its run handed back an output that the scorer found right.
A run outside a bench has no scorer: it counts as successful if the graph's own checks accepted
its output (status `ok`), and a note says how many such there are.

By graph, tenant and day, every run is in one row. By model and by node, a run is in the row of each
that it asked, with that one's calls: their costs, too, add up to the whole. By run, a task of a
bench that took several is in the row of the last one; the others are `unfinished`.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from agentsys.evaluation.accounts import Account, accounts
from agentsys.evaluation.comparison import best_by_column, paired
from agentsys.evaluation.statistics import percentile, ratio_interval, wilson
from agentsys.events import Call
from agentsys.ledger import Ledger
from agentsys.money import NANO_PER_USD, nano

By = Literal["graph", "tenant", "run", "model", "node", "day"]


class Row(BaseModel):
    """The figures of one graph or group; the formulas are in this module's docstring."""

    model_config = ConfigDict(frozen=True)

    graph: str
    """The graph, or what else the rows are by."""
    tasks: int
    success_rate: float | None
    success_ci: tuple[float, float] | None
    cps_usd: float | None
    cps_ci: tuple[float, float | None] | None
    loaded_cps_usd: float | None
    escalation_rate: float | None
    schema_validity_rate: float | None
    executable_call_rate: float | None
    p50_s: float | None
    p95_s: float | None
    tokens_per_success: float | None
    energy_j: float | None = None
    statuses: dict[str, int]
    nano_usd: int


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
) -> Report:
    """The report of a bench, or of all runs begun in a time.

    Raises:
        UnknownName: there is no such bench.
        StoreError: the ledger cannot be read.
    """
    tasks = accounts(ledger, bench=bench, since=since, until=until)
    failure = nano(usd_per_failure)
    groups = _GROUPS[by](tasks)
    rows = tuple(row(name, group, failure) for name, group in groups.items())
    notes = [*_caveats(tasks), *(best_by_column(rows) if by == "graph" else ())]
    if bench is not None and by == "graph":
        notes += paired(groups, failure)
    asked = dict.fromkeys(call.deployment for task in tasks for call in task.calls)
    return Report(
        by=by,
        rows=rows,
        usd_per_failure=usd_per_failure,
        notes=tuple(notes),
        deployments=tuple(name for name in asked if name),
    )


def row(name: str, group: Sequence[Account], failure_nano: int) -> Row:
    """The figures of some tasks; `failure_nano` is what a failed one costs beyond its calls."""
    finished = [task for task in group if task.finished]
    successes = sum(task.success for task in finished)
    cost = sum(task.nano_usd for task in group)
    loaded = cost + failure_nano * (len(finished) - successes)
    first = [call for task in group for call in task.first_replies()]
    seconds = [task.seconds for task in finished if task.seconds is not None]
    interval = ratio_interval(
        [task.nano_usd / NANO_PER_USD for task in group],
        [task.finished and task.success for task in group],
    )
    return Row(
        graph=name,
        tasks=len(finished),
        success_rate=_share(task.success for task in finished),
        success_ci=wilson(successes, len(finished)),
        cps_usd=_per(cost, successes * NANO_PER_USD),
        cps_ci=interval if successes else None,
        loaded_cps_usd=_per(loaded, successes * NANO_PER_USD),
        escalation_rate=_share(task.escalated for task in finished),
        schema_validity_rate=_share(c.schema_valid for c in first if c.schema_valid is not None),
        executable_call_rate=_share(call.executable for task in group for call in task.tool_calls),
        p50_s=percentile(seconds, 50),
        p95_s=percentile(seconds, 95),
        tokens_per_success=_per(sum(task.tokens for task in group), successes),
        statuses=_statuses(group),
        nano_usd=cost,
    )


def _statuses(group: Sequence[Account]) -> dict[str, int]:
    """How the runs of finished tasks ended; one that was scored without an end failed."""
    return dict(sorted(Counter(_end(task) for task in group).items()))


def _end(task: Account) -> str:
    return task.status or "failed" if task.finished else "unfinished"


def _share(values: Iterable[bool]) -> float | None:
    every = list(values)
    return sum(every) / len(every) if every else None


def _per(total: int, count: int) -> float | None:
    return total / count if count else None


def _caveats(tasks: Sequence[Account]) -> list[str]:
    notes: list[str] = []
    unscored = sum(task.finished and task.outcome is None for task in tasks)
    unfinished = sum(not task.finished for task in tasks)
    if unscored:
        notes.append(
            f"{unscored} of {len(tasks)} tasks had no scorer: the graph's own checks decided."
        )
    if unfinished:
        notes.append(
            f"{unfinished} of {len(tasks)} tasks were left unfinished; only their cost counts."
        )
    failed = [task for task in tasks if _end(task) == "failed"]
    reasons = Counter(task.error for task in failed if task.error)
    if reasons:
        [(reason, _)] = reasons.most_common(1)
        notes.append(f"{len(failed)} failed, mostly: {' '.join(reason.split())}")
    return notes


Groups = dict[str, list[Account]]


def _by_graph(tasks: Iterable[Account]) -> Groups:
    groups: Groups = {}
    for task in tasks:
        groups.setdefault(task.graph, []).append(task)
    return groups


def _by_day(tasks: Iterable[Account]) -> Groups:
    groups: Groups = {}
    for task in sorted(tasks, key=lambda task: task.day):
        groups.setdefault(task.day.isoformat(), []).append(task)
    return groups


def _by_tenant(tasks: Iterable[Account]) -> Groups:
    groups: Groups = {}
    for task in sorted(tasks, key=lambda task: task.tenant):
        groups.setdefault(task.tenant or "(no tenant)", []).append(task)
    return groups


def _by_run(tasks: Iterable[Account]) -> Groups:
    groups: Groups = {}
    for task in tasks:
        for run_id in dict.fromkeys([*(call.run_id for call in task.calls), task.run_id]):
            groups.setdefault(run_id, []).append(task.part(run_id))
    return groups


def _by_model(tasks: Iterable[Account]) -> Groups:
    groups: Groups = {}
    for task in tasks:
        for name, calls in _split((c.deployment, c) for c in task.calls).items():
            # Which model asked for a tool is not on record.
            groups.setdefault(name or "(no reply)", []).append(task.slice(calls, ()))
    return groups


def _by_node(tasks: Iterable[Account]) -> Groups:
    groups: Groups = {}
    for task in tasks:
        for name, calls in _split((c.node, c) for c in task.calls).items():
            tool_calls = [t for t in task.tool_calls if t.node == name]
            groups.setdefault(name, []).append(task.slice(calls, tool_calls))
    return groups


def _split(named: Iterable[tuple[str, Call]]) -> Mapping[str, list[Call]]:
    parts: dict[str, list[Call]] = {}
    for name, call in named:
        parts.setdefault(name, []).append(call)
    return parts


_GROUPS = {
    "graph": _by_graph,
    "tenant": _by_tenant,
    "run": _by_run,
    "model": _by_model,
    "node": _by_node,
    "day": _by_day,
}
