"""Reports of tasks that were solved several times, and of what decided."""

import asyncio
from typing import Any

import pytest

from agentsys.errors import NotRecorded
from agentsys.evaluation.reports.report import Report, Row, report
from agentsys.evaluation.statistics import pass_hat_k, share_interval, wilson
from agentsys.events import Assigned, Call, Event, Outcome, RunFinished, RunStarted
from agentsys.ledger import Ledger


@pytest.fixture
def ledger() -> Ledger:
    return Ledger.open("sqlite:///:memory:")


def write(ledger: Ledger, *events: Event) -> None:
    async def every() -> None:
        for event in events:
            await ledger.write(event)

    asyncio.run(every())


def solve(
    ledger: Ledger, task: str, *successes: bool | None, graph: str = "g", **more: Any
) -> None:
    """A task as often as there are verdicts, each for a thousandth of a dollar; `None`: cut off."""
    for repeat, success in enumerate(successes):
        run_id = f"{graph}-{task}-{repeat}"
        call = Call(run_id, "solve", "slm", "small", 0, "no", 3, 4, 10**6, 0.1, True, 1, "accept",
                    "", "reply")  # fmt: skip
        started = RunStarted(run_id, graph, {}, thresholds=more.get("thresholds", ""))
        write(ledger, started, Assigned(run_id, graph, "s", "b", task, repeat), call)
        if success is not None:
            end = RunFinished(run_id, graph, "ok", 1, "", (), 1.0, 0, 0, 0, 0)
            scorer = more.get("scorer", "exact")
            outcome = Outcome(run_id, graph, "s", "b", task, success, scorer, repeat)
            write(ledger, end, outcome)


def only(computed: Report) -> Row:
    (row,) = computed.rows
    return row


def test_repeats_are_tried_one_by_one_and_told_together(ledger: Ledger):
    """pass^k and pass@k of three tasks with three, one and no success, worked out by hand."""
    solve(ledger, "t1", True, True, True)
    solve(ledger, "t2", False, True, False)
    solve(ledger, "t3", False, False, False)
    row = only(report(ledger, bench="b"))
    assert (row.tasks, row.repeats, row.nano_usd) == (9, 3, 9 * 10**6)
    assert row.success_rate == pytest.approx(4 / 9)
    assert row.cps_usd == pytest.approx(0.009 / 4)
    assert row.pass_hat == pytest.approx((4 / 9, 1 / 3, 1 / 3))
    assert row.pass_at == pytest.approx((4 / 9, 5 / 9, 2 / 3))
    assert row.statuses == {"ok": 9}


def test_without_repeats_there_is_no_pass_k(ledger: Ledger):
    """One try says nothing of the next."""
    solve(ledger, "t1", True)
    solve(ledger, "t2", False)
    row = only(report(ledger, bench="b"))
    assert (row.repeats, row.pass_hat, row.pass_at) == (1, None, None)
    assert row.success_ci == wilson(1, 2)


def test_a_task_that_was_cut_off_counts_as_often_as_it_was_tried(ledger: Ledger):
    """pass^2 is of the tasks with two tries; what the third spent is in the cost."""
    solve(ledger, "t1", True, True, None)
    solve(ledger, "t2", True, None)
    solve(ledger, "t3", False, True, True)
    row = only(report(ledger, bench="b"))
    assert (row.tasks, row.repeats) == (6, 3)
    assert row.pass_hat == pytest.approx(((1 + 1 + 2 / 3) / 3, (1 + 1 / 3) / 2, 0))
    assert row.statuses == {"ok": 6, "unfinished": 2}
    assert row.cps_usd == pytest.approx(0.008 / 5)


def test_intervals_know_that_repeats_are_alike(ledger: Ledger):
    """Ten times the same verdict tells of a task what one does: intervals do not shrink for it."""
    for n in range(20):
        solve(ledger, f"t{n}", *[n % 2 == 0] * 10)
    row = only(report(ledger, bench="b"))
    assert row.success_ci is not None
    assert row.cps_ci is not None
    low, high = row.success_ci
    once = wilson(10, 20)
    apart = wilson(100, 200)
    assert once is not None
    assert apart is not None
    assert high - low == pytest.approx(once[1] - once[0], rel=0.08)
    assert high - low > 2 * (apart[1] - apart[0])
    assert row.cps_ci[1] is not None
    assert row.cps_ci[1] / row.cps_ci[0] > apart[1] / apart[0]


def test_independent_tries_tell_as_much_as_tasks():
    """Where repeats differ as much as tasks do, each counts; none counts more than once."""
    even = share_interval([(2, 1)] * 98 + [(2, 0), (2, 2)])
    assert even == pytest.approx(wilson(100, 200))
    assert share_interval([]) is None
    assert share_interval([(3, 3)] * 8) == wilson(8, 8)


def test_pass_hat_needs_enough_draws():
    """The estimator is undefined of more draws than there were."""
    assert pass_hat_k(5, 4, 2) == pytest.approx(6 / 10)
    with pytest.raises(ValueError, match=r"pass\^3 cannot be told"):
        pass_hat_k(2, 1, 3)


def test_graphs_are_compared_by_tasks_with_all_their_repeats(ledger: Ledger):
    """Four tasks of two tries each are four pairs."""
    for n in range(4):
        solve(ledger, f"t{n}", True, False, graph="one")
        solve(ledger, f"t{n}", True, True, graph="two")
    (line,) = [note for note in report(ledger, bench="b").notes if "against" in note]
    assert "on the same 4 tasks" in line
    assert "success -50.0 points" in line
    assert "cost per success +$0.00100" in line


def test_rows_say_what_decided_and_which_thresholds(ledger: Ledger):
    """By name, each once; the graph's own checks where no scorer did."""
    solve(ledger, "t1", True, scorer="numeric", thresholds="v2")
    solve(ledger, "t2", True, scorer="exact", thresholds="v1")
    solve(ledger, "t3", False, scorer="exact", thresholds="v2")
    row = only(report(ledger, bench="b"))
    assert (row.scorer, row.thresholds) == ("exact, numeric", "v1, v2")
    write(ledger, RunStarted("r", "h", {}), RunFinished("r", "h", "ok", 1, "", (), 1, 0, 0, 0, 0))
    (alone,) = [row for row in report(ledger).rows if row.graph == "h"]
    assert (alone.scorer, alone.thresholds) == ("checks", "")


def test_tasks_without_a_recording_are_counted_and_named(ledger: Ledger):
    """At most ten of them by name; other failures are not among them."""
    for n in range(13):
        run_id, missing = f"r{n}", n < 12
        error = f"{NotRecorded.PREFIX}no such request\n- a\n+ b" if missing else "it broke."
        end = RunFinished(run_id, "g", "failed", None, error, (), 1.0, 0, 0, 0, 0)
        verdict = Outcome(run_id, "g", "s", "b", f"t{n}", False, "exact")
        started = RunStarted(run_id, "g", {})
        write(ledger, started, Assigned(run_id, "g", "s", "b", f"t{n}"), end, verdict)
    (line,) = [note for note in report(ledger, bench="b").notes if "nothing is recorded" in note]
    assert line == (
        "12 of 13 failed because nothing is recorded for them:"
        f" {', '.join(f't{n}' for n in range(10))} and 2 more."
    )
