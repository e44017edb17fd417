"""Reports from events written by hand, against figures worked out by hand."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from agentsys.errors import UnknownName
from agentsys.evaluation.reports.report import Report, Row, report
from agentsys.events import (
    Assigned,
    BenchStarted,
    Call,
    Event,
    Outcome,
    RunFinished,
    RunStarted,
    Status,
    ToolCall,
)
from agentsys.ledger import Ledger

KEYS = {
    "graph", "tasks", "success_rate", "success_ci", "cps_usd", "cps_ci", "loaded_cps_usd",
    "escalation_rate", "schema_validity_rate", "executable_call_rate", "p50_s", "p95_s",
    "tokens_per_success", "energy_j", "statuses", "nano_usd", "scorer", "thresholds", "repeats",
    "pass_hat", "pass_at",
}  # fmt: skip
CALL = Call(
    "", "solve", "slm", "small", 0, "outlines", 10, 5, 1_000, 0.5, True, 0.9, "accept", "", ""
)
ESCALATED = replace(CALL, decision="escalate", reason="unsure")
LARGE = replace(CALL, tier="llm", deployment="large", attempt=1, nano_usd=100_000, seconds=2.0)


class Script:
    """Writes whole runs into a ledger."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self._ids = count(1)

    def write(self, event: Event) -> None:
        asyncio.run(self.ledger.write(event))

    def run(
        self,
        graph: str,
        *events: Call | ToolCall,
        status: Status | None = "ok",
        seconds: float = 1.0,
        task: str = "",
        success: bool | None = None,
        bench: str = "b1",
        tenant: str = "",
    ) -> str:
        """A run; with `task`, as a part of a bench; `status=None` leaves it without its end."""
        run_id = f"r{next(self._ids)}"
        self.write(RunStarted(run_id, graph, {}, tenant))
        if task:
            self.write(Assigned(run_id, graph, "sums", bench, task))
        for event in events:
            self.write(replace(event, run_id=run_id))
        if status:
            self.write(RunFinished(run_id, graph, status, 1, "", (), seconds, 0, 0, 0, 0))
        if success is not None:
            self.write(Outcome(run_id, graph, "sums", bench, task, success, "exact"))
        return run_id


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    opened = Ledger.open(f"sqlite:///{tmp_path}/runs.db")
    yield opened
    asyncio.run(opened.store.close())


@pytest.fixture
def script(ledger: Ledger) -> Script:
    return Script(ledger)


def only(computed: Report) -> Row:
    (row,) = computed.rows
    return row


def by_name(computed: Report) -> dict[str, Row]:
    return {row.graph: row for row in computed.rows}


def test_an_empty_ledger_has_no_rows(ledger: Ledger):
    """Nothing was run, so there is nothing to report and nothing breaks."""
    assert report(ledger).to_json() == []


def test_the_row_of_a_bench(ledger: Ledger, script: Script):
    """Every column of a small bench, worked out by hand."""
    script.run("g", CALL, task="t1", success=True, seconds=1)
    script.run("g", ESCALATED, LARGE, task="t2", success=True, seconds=3)
    script.run("g", replace(CALL, schema_valid=False), task="t3", success=False, seconds=2)
    script.run("g", ESCALATED, LARGE, task="t4", success=False, status="abstained", seconds=4)
    row = only(report(ledger, bench="b1", usd_per_failure=Decimal("0.01")))
    assert row.nano_usd == 204_000
    assert row.tasks == 4
    assert row.success_rate == 0.5
    assert row.success_ci == pytest.approx((0.150, 0.850), abs=5e-4)
    assert row.cps_usd == pytest.approx(204_000e-9 / 2)
    assert row.loaded_cps_usd == pytest.approx((204_000e-9 + 2 * 0.01) / 2)
    assert row.escalation_rate == 0.5
    assert row.schema_validity_rate == pytest.approx(
        5 / 6
    )  # four small and two large first replies
    assert row.executable_call_rate is None
    assert row.p50_s == pytest.approx(2.5)
    assert row.p95_s == pytest.approx(3.85)
    assert row.tokens_per_success == 6 * 15 / 2
    assert row.energy_j is None
    assert row.statuses == {"abstained": 1, "ok": 3}


def test_the_keys_are_stable(ledger: Ledger, script: Script):
    """Programs that read the JSON rely on exactly these."""
    script.run("g", CALL)
    (data,) = report(ledger).to_json()
    assert set(data) == KEYS


def test_without_success_there_is_no_cost_per_success(ledger: Ledger, script: Script):
    """Not zero, not infinite: none; what was spent is still there."""
    script.run("g", CALL, task="t1", success=False)
    row = only(report(ledger, bench="b1", usd_per_failure=Decimal(1)))
    figures = (row.cps_usd, row.cps_ci, row.loaded_cps_usd, row.tokens_per_success)
    assert figures == (None, None, None, None)
    assert (row.nano_usd, row.success_rate) == (1_000, 0.0)


def test_every_call_counts_as_cost(ledger: Ledger, script: Script):
    """Repaired, failed, cancelled and voted calls cost the success what they cost."""
    calls = [replace(CALL, decision=d) for d in ("repair", "escalate", "give-up", "cancel")]
    script.run("g", *calls, CALL, task="t1", success=True)
    assert only(report(ledger, bench="b1")).cps_usd == pytest.approx(5_000e-9)


def test_an_answer_that_no_scorer_finds_right_is_no_success(ledger: Ledger, script: Script):
    """The outcome decides, whatever the graph thought of its own answer."""
    script.run("g", CALL, status="ok", task="t1", success=False)
    script.run("g", CALL, status="low_confidence", task="t2", success=True)
    assert only(report(ledger, bench="b1")).success_rate == 0.5


def test_an_interrupted_task_costs_but_does_not_count(ledger: Ledger, script: Script):
    """What an aborted run spent is in the cost; the task counts once, when it has an outcome."""
    script.run("g", LARGE, task="t1", status="failed")
    unfinished = report(ledger, bench="b1")
    assert only(unfinished).tasks == 0
    assert only(unfinished).statuses == {"unfinished": 1}
    assert "1 of 1 tasks were left unfinished; only their cost counts." in unfinished.notes
    script.run("g", CALL, task="t1", success=True)
    row = only(report(ledger, bench="b1"))
    assert (row.tasks, row.nano_usd, row.statuses) == (1, 101_000, {"ok": 1})
    assert row.cps_usd == pytest.approx(101_000e-9)


def test_a_task_that_raised_is_a_failed_task(ledger: Ledger, script: Script):
    """It has an outcome but no end."""
    script.run("g", task="t1", status=None, success=False)
    row = only(report(ledger, bench="b1"))
    assert (row.tasks, row.success_rate, row.p50_s) == (1, 0.0, None)
    assert row.statuses == {"failed": 1}


def test_a_bench_is_alone(ledger: Ledger, script: Script):
    """Other benches and other runs of the same graph are not in it."""
    script.run("g", CALL, task="t1", success=True)
    script.run("g", LARGE, task="t1", success=True, bench="b2")
    script.run("g", LARGE)
    assert only(report(ledger, bench="b1")).nano_usd == 1_000
    assert only(report(ledger)).nano_usd == 201_000


def test_an_unknown_bench_is_named(ledger: Ledger, script: Script):
    """A slip of the pen gets a suggestion."""
    script.run("g", CALL, task="t1", success=True, bench="bench-1")
    with pytest.raises(UnknownName, match="Did you mean 'bench-1'"):
        report(ledger, bench="bench-2")


def test_a_bench_that_was_stopped_at_once_is_empty(ledger: Ledger):
    """It is known, and has no rows."""
    Script(ledger).write(BenchStarted("b1", "sums", ("g",), None, 0, 9))
    assert report(ledger, bench="b1").rows == ()


def test_outside_a_bench_the_graphs_own_checks_decide(ledger: Ledger, script: Script):
    """Runs without a scorer count as successful when they are ok, and a note says so."""
    script.run("g", CALL)
    script.run("g", CALL, status="low_confidence")
    computed = report(ledger)
    assert only(computed).success_rate == 0.5
    assert "2 of 2 tasks had no scorer: the graph's own checks decided." in computed.notes


def test_a_node_on_two_tiers_was_escalated(ledger: Ledger, script: Script):
    """A composite that is run again on the next tier escalates without any call saying so."""
    script.run("g", CALL, LARGE)
    script.run("g", CALL, replace(CALL, node="other"))
    assert only(report(ledger)).escalation_rate == 0.5


def test_repairs_do_not_mend_the_validity_at_first(ledger: Ledger, script: Script):
    """Only first replies count, and only those that had a schema."""
    bad = replace(CALL, schema_valid=False, decision="repair")
    script.run("g", bad, replace(CALL, attempt=1))
    script.run("g", CALL)
    script.run("g", replace(CALL, schema_valid=None))
    assert only(report(ledger)).schema_validity_rate == 0.5


def test_tool_calls_that_ran(ledger: Ledger, script: Script):
    """The share of tool calls that were known, well-typed and ran."""
    use = ToolCall("", "solve", "add", {}, True, "3", 0.0)
    script.run("g", CALL, use, use, use, replace(use, executable=False))
    assert only(report(ledger)).executable_call_rate == 0.75


@pytest.mark.parametrize("by", ["graph", "tenant", "run", "model", "node", "day"])
def test_every_grouping_adds_up_to_the_nano_dollar(ledger: Ledger, script: Script, by: Any):
    """The rows' costs are the costs of all calls, each once, unaltered."""
    calls = [replace(CALL, nano_usd=10**15 + n * n, node=f"n{n % 3}") for n in range(50)]
    for n, call in enumerate(calls):
        script.run(f"g{n % 4}", call, replace(LARGE, nano_usd=n), status="ok" if n % 5 else None)
    spent = sum(r.event.nano_usd for r in ledger.events(Call) if isinstance(r.event, Call))
    assert spent == sum(10**15 + n * n + n for n in range(50))
    assert report(ledger, by=by).nano_usd == spent


def test_by_model_a_run_is_in_the_row_of_each(ledger: Ledger, script: Script):
    """With that model's calls, and the time that they took."""
    script.run("g", ESCALATED, LARGE, task="t1", success=True, seconds=9)
    script.run("g", CALL, task="t2", success=False)
    rows = by_name(report(ledger, by="model", bench="b1"))
    assert {name: row.tasks for name, row in rows.items()} == {"small": 2, "large": 1}
    assert rows["small"].success_rate == 0.5
    assert rows["large"].p50_s == 2.0
    assert rows["small"].escalation_rate == 0.5


def test_by_node_tools_stay_with_their_node(ledger: Ledger, script: Script):
    """A tool call belongs to the node whose model asked for it."""
    use = ToolCall("", "plan", "add", {}, False, "no", 0.0)
    script.run("g", CALL, replace(CALL, node="plan"), use)
    rows = by_name(report(ledger, by="node"))
    assert rows["plan"].executable_call_rate == 0.0
    assert rows["solve"].executable_call_rate is None


def test_by_tenant_runs_without_one_have_a_row(ledger: Ledger, script: Script):
    """Every run is in the row of the tenant that it was run for."""
    script.run("g", CALL, tenant="acme")
    script.run("h", CALL, LARGE, tenant="acme")
    script.run("g", LARGE)
    rows = by_name(report(ledger, by="tenant"))
    assert {name: row.nano_usd for name, row in rows.items()} == {
        "(no tenant)": 100_000,
        "acme": 102_000,
    }
    assert rows["acme"].tasks == 2


def test_by_run_only_the_last_of_a_task_has_its_outcome(ledger: Ledger, script: Script):
    """What was cut off before is unfinished, and its cost is its own."""
    script.run("g", CALL, task="t1", status=None)
    script.run("g", LARGE, task="t1", success=True, seconds=7)
    script.run("g", task="t2", success=False)
    rows = by_name(report(ledger, by="run", bench="b1"))
    assert [(row.graph, row.tasks, row.nano_usd) for row in rows.values()] == [
        ("r1", 0, 1_000),
        ("r2", 1, 100_000),
        ("r3", 1, 0),
    ]
    assert rows["r2"].p50_s == 7
    assert rows["r1"].statuses == {"unfinished": 1}
    assert [row.success_rate for row in rows.values()] == [None, 1, 0]


def test_by_day_is_utc(ledger: Ledger, script: Script):
    """Days are those of Greenwich, on every machine."""
    before = datetime.now(UTC).date()
    script.run("g", CALL)
    after = datetime.now(UTC).date()
    assert only(report(ledger, by="day")).graph in {before.isoformat(), after.isoformat()}


def test_since_and_until_choose_by_when_a_run_began(ledger: Ledger, script: Script):
    """A run that began in time counts whole, however long it took."""
    script.run("g", CALL)
    (started,) = ledger.events(RunStarted)
    script.run("g", LARGE)
    just_after = started.time + timedelta(microseconds=1)
    assert only(report(ledger, until=just_after)).nano_usd == 1_000
    assert only(report(ledger, since=just_after)).nano_usd == 100_000


def test_notes_name_the_best_by_each_column(ledger: Ledger, script: Script):
    """Cheap and right are different columns; loaded cost weighs them."""
    for n in range(10):
        script.run("cheap", CALL, task=f"t{n}", success=n < 5, seconds=1)
        script.run("good", LARGE, task=f"t{n}", success=True, seconds=2)
    notes = report(ledger, bench="b1", usd_per_failure=Decimal("0.01")).notes
    assert notes[0] == (
        "Best by success: good; cost per success: cheap; loaded cost: good; p50: cheap; p95: cheap."
    )
    assert notes[1].startswith(
        "cheap against good on the same 10 tasks (95 % intervals): success -50.0 points (-76.3 to "
    )
    assert "not clear" not in notes[1]


def test_nobody_is_best_who_solves_nothing(ledger: Ledger, script: Script):
    """Where all fail, no graph has the best success, and no success has a cost."""
    for name in ("one", "two"):
        script.run(name, CALL, task="t1", success=False, seconds=1)
    assert report(ledger, bench="b1").notes[0] == "Best by p50: one and two; p95: one and two."


@pytest.mark.parametrize("bench", ["b1", None])
@pytest.mark.parametrize("by", ["source", "call"])
def test_latency_of_records_is_not_ranked(
    ledger: Ledger, script: Script, bench: str | None, by: str
):
    """No model takes time where a record answers, in a bench or in a run that was replayed."""
    source = {"instead": {"replay": "/d"}} if by == "source" else None
    script.write(BenchStarted("b1", "sums", ("one", "two"), None, 0, 5, source))
    for n in range(5):
        script.run("one", CALL, task=f"t{n}", success=True, seconds=1)
        replayed = replace(CALL, stand_in=by == "call")
        script.run("two", replayed, task=f"t{n}", success=True, seconds=2)
    notes = report(ledger, bench=bench).notes
    (best,) = [note for note in notes if note.startswith("Best by")]
    assert best.startswith("Best by success: one and two; cost per success:")
    assert "p50" not in best
    assert "p95" not in best
    assert "Where records answer, no model takes time: p50 and p95 are of the replay." in notes
    assert not [note for note in report(ledger, by="model").notes if "p50" in note]


def test_only_shared_tasks_are_compared(ledger: Ledger, script: Script):
    """After an interruption, the graphs are compared on what both have finished."""
    for n in range(6):
        script.run("one", CALL, task=f"t{n}", success=True)
    for n in range(3, 9):
        script.run("two", CALL, task=f"t{n}", success=n < 4)
    (comparison,) = [n for n in report(ledger, bench="b1").notes if "against" in n]
    assert "on the same 3 tasks" in comparison
    assert "success +66.7 points" in comparison
