"""Accounts and reports against a plain, slow computation over the events themselves."""

import asyncio
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentsys.evaluation.reports.accounts import accounts
from agentsys.evaluation.reports.report import report
from agentsys.events import (
    Assigned,
    BudgetCrossed,
    Call,
    Event,
    HoldExpired,
    Outcome,
    RunFinished,
    RunResumed,
    RunStarted,
    ToolCall,
)
from agentsys.ledger import Ledger

CALL = Call(
    "", "solve", "slm", "small", 0, "outlines", 10, 5, 1_000, 0.5, True, 0.9, "accept", "", ""
)
FAILURE_NANO = 10_000_000

calls = st.builds(
    Call,
    run_id=st.just(""),
    node=st.sampled_from(["solve", "plan", "judge"]),
    tier=st.sampled_from(["slm", "llm"]),
    deployment=st.sampled_from(["small", "large", ""]),
    attempt=st.integers(0, 2),
    guided=st.just("outlines"),
    tokens_in=st.integers(0, 1000),
    tokens_out=st.integers(0, 1000),
    nano_usd=st.integers(0, 10**15),
    seconds=st.floats(0, 60),
    schema_valid=st.sampled_from([True, False, None]),
    confidence=st.none(),
    decision=st.sampled_from(["accept", "repair", "escalate", "tool", "give-up", "cancel"]),
    reason=st.just("because"),
    text=st.just("reply"),
    energy_j=st.sampled_from([None, 0.5, 2.0]),
)
tools = st.builds(
    ToolCall, st.just(""), st.sampled_from(["solve", "plan"]), st.just("add"), st.just({}),
    st.booleans(), st.just("3"), st.just(0.1),
)  # fmt: skip
others = st.sampled_from(
    [RunResumed(""), HoldExpired("", "c", 5), BudgetCrossed("", "a", "b", 1, 2)]
)
ends = st.builds(
    RunFinished, st.just(""), st.just("g"),
    st.sampled_from(["ok", "low_confidence", "abstained", "budget_exceeded", "failed"]),
    st.just(1), st.sampled_from(["", "it broke."]), st.just(()), st.floats(0, 9),
    *[st.just(0)] * 4,
)  # fmt: skip
inner = st.lists(calls | tools | others, max_size=6)
runs = st.fixed_dictionaries(
    {
        "graph": st.sampled_from(["g", "h"]),
        "bench": st.sampled_from(["", "b1", "b2"]),
        "task": st.sampled_from(["t1", "t2", "t3"]),
        "repeat": st.integers(0, 2),
        "tenant": st.sampled_from(["", "acme"]),
        "started": st.booleans(),
        "inner": inner,
        "end": st.none() | ends,
        "success": st.none() | st.booleans(),
    }
)


def events(run: dict[str, Any], run_id: str) -> Iterable[Event]:
    """What a run leaves in the ledger; one that was never begun has no start and no calls."""
    graph, bench, task = run["graph"], run["bench"], run["task"]
    if run["started"] or not bench:
        yield RunStarted(run_id, graph, {}, run["tenant"], thresholds="v1")
    if bench:
        yield Assigned(run_id, graph, "s", bench, task, run["repeat"])
    for event in run["inner"]:
        yield replace(event, run_id=run_id)
    if run["end"] is not None:
        yield replace(run["end"], run_id=run_id)
    if bench and run["success"] is not None:
        yield Outcome(run_id, graph, "s", bench, task, run["success"], "exact", run["repeat"])


def written(every: list[dict[str, Any]]) -> tuple[Ledger, list[Event]]:
    """A ledger of these runs, one after the other, and its events."""
    said = [event for n, run in enumerate(every) for event in events(run, f"r{n}")]
    ledger = Ledger.open("sqlite:///:memory:")

    async def write() -> None:
        for event in said:
            await ledger.write(event)

    asyncio.run(write())
    return ledger, said


class Plain:
    """A task, from its events as they are."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.tools: list[ToolCall] = []
        self.graph = self.bench = self.tenant = self.scorer = ""
        self.end: RunFinished | None = None
        self.outcome: bool | None = None

    @property
    def finished(self) -> bool:
        return self.outcome is not None or (not self.bench and self.end is not None)

    @property
    def success(self) -> bool:
        accepted = self.end is not None and self.end.status == "ok"
        return accepted if self.outcome is None else self.outcome

    @property
    def nano_usd(self) -> int:
        return sum(call.nano_usd for call in self.calls)

    @property
    def escalated(self) -> bool:
        for one in self.calls:
            if one.decision == "escalate":
                return True
            if any(c.node == one.node and c.tier != one.tier for c in self.calls):
                return True
        return False

    def first(self) -> list[Call]:
        return [
            call
            for n, call in enumerate(self.calls)
            if call.attempt == 0
            or not any(
                (c.run_id, c.node, c.tier) == (call.run_id, call.node, call.tier)
                for c in self.calls[:n]
            )
        ]

    def energy_j(self) -> float | None:
        found = 0.0
        for call in self.calls:
            if call.energy_j is None and call.deployment:
                return None
            found += call.energy_j or 0.0
        return found


def plainly(said: list[Event]) -> list[Plain]:
    """All tasks, by the time they were begun."""
    tasks: dict[Any, Plain] = {}
    of_run: dict[str, Plain] = {}
    for event in said:
        if isinstance(event, Assigned):
            key = (event.bench, event.graph, event.task_id, event.repeat)
            task = of_run[event.run_id] = tasks.setdefault(key, Plain())
            task.graph, task.bench = event.graph, event.bench
        elif isinstance(event, RunStarted) and not any(
            isinstance(other, Assigned) and other.run_id == event.run_id for other in said
        ):
            task = tasks[event.run_id] = of_run[event.run_id] = Plain()
            task.graph, task.tenant = event.graph, event.tenant
    for event in said:
        match event:
            case Call():
                of_run[event.run_id].calls.append(event)
            case ToolCall():
                of_run[event.run_id].tools.append(event)
            case RunFinished():
                of_run[event.run_id].end = event
            case Outcome():
                of_run[event.run_id].outcome = event.success
            case _:
                pass
    return list(tasks.values())


def share(values: Iterable[bool]) -> float | None:
    every = list(values)
    return sum(every) / len(every) if every else None


@settings(max_examples=50, deadline=None)
@given(st.lists(runs, max_size=8))
def test_rows_are_what_the_events_say(every: list[dict[str, Any]]):
    """Every figure but the intervals, of any ledger whatever, worked out event by event."""
    ledger, said = written(every)
    computed = report(ledger, usd_per_failure=Decimal("0.01"))
    tasks = plainly(said)
    assert [row.graph for row in computed.rows] == [*dict.fromkeys(t.graph for t in tasks)]
    assert computed.nano_usd == sum(e.nano_usd for e in said if isinstance(e, Call))
    for row in computed.rows:
        group = [task for task in tasks if task.graph == row.graph]
        finished = [task for task in group if task.finished]
        wins = sum(task.success for task in finished)
        cost = sum(task.nano_usd for task in group)
        assert (row.tasks, row.nano_usd) == (len(finished), cost)
        assert row.success_rate == share(task.success for task in finished)
        loaded = cost + FAILURE_NANO * (len(finished) - wins)
        assert row.cps_usd == (pytest.approx(cost / wins / 1e9) if wins else None)
        assert row.loaded_cps_usd == (pytest.approx(loaded / wins / 1e9) if wins else None)
        assert row.escalation_rate == share(task.escalated for task in finished)
        first = [c.schema_valid for t in group for c in t.first() if c.schema_valid is not None]
        assert row.schema_validity_rate == share(first)
        assert row.executable_call_rate == share(c.executable for t in group for c in t.tools)
        tokens = sum(c.tokens_in + c.tokens_out for t in group for c in t.calls)
        assert row.tokens_per_success == (pytest.approx(tokens / wins) if wins else None)
        statuses = Counter(
            ("failed" if t.end is None else t.end.status) if t.finished else "unfinished"
            for t in group
        )
        assert row.statuses == statuses
        told = {"exact" if t.outcome is not None else "checks" for t in finished}
        assert row.scorer == ", ".join(sorted(told))
    assert [a.energy_j for a in accounts(ledger)] == [t.energy_j() for t in tasks]


@settings(max_examples=25, deadline=None)
@given(st.lists(runs, max_size=8), st.sampled_from(["tenant", "run", "model", "node", "day"]))
def test_every_grouping_has_every_call_once(every: list[dict[str, Any]], by: Any):
    """Costs, tokens and calls of all rows together are those of the ledger."""
    ledger, said = written(every)
    spent = sum(event.nano_usd for event in said if isinstance(event, Call))
    assert report(ledger, by=by).nano_usd == spent


def test_a_tasks_energy_is_known_where_all_of_it_was_measured():
    """Calls that no model answered take none; one that was answered and not measured hides it."""
    run = {"graph": "g", "bench": "", "task": "", "repeat": 0, "tenant": "", "started": True}
    measured, unreached = replace(CALL, energy_j=2.0), replace(CALL, deployment="")
    asked = [[measured, measured], [measured, unreached], [measured, CALL], []]
    ok = RunFinished("", "g", "ok", 1, "", (), 1.0, 0, 0, 0, 0)
    every = [{**run, "inner": inner, "end": ok, "success": None} for inner in asked]
    assert [a.energy_j for a in accounts(written(every)[0])] == [4.0, 2.0, None, 0.0]
    (row,) = report(written(every[:2])[0]).rows
    assert row.energy_j == 3.0
    assert report(written(every)[0]).rows[0].energy_j is None
    assert report(written(every[3:])[0]).rows[0].energy_j is None
