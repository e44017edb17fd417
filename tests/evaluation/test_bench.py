"""Benches end to end on scripted models, with a real ledger."""

import asyncio
import logging
import sqlite3
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from agentsys import Agent, Price, System, step
from agentsys.errors import (
    DefinitionError,
    InvalidTask,
    ModelError,
    SchemaError,
    SettingsError,
    StoreError,
    UnknownName,
    UserError,
)
from agentsys.evaluation.bench import Bench, Progress, find_bench, new_id
from agentsys.evaluation.reports.report import Row, report
from agentsys.evaluation.scorers import Numeric
from agentsys.evaluation.suites import Suite, Task
from agentsys.events import Assigned, BenchStarted, Call, Outcome, RunFinished
from agentsys.ledger import Ledger
from agentsys.models.scripted import Scripted
from tests.shapes import Answer, Question, double, length_of_question

SUITE = Suite(
    "lengths", tuple(Task(f"t{n}", {"text": "x" * n}, n) for n in range(1, 31)), Numeric()
)
SMALL = Agent(Question, Answer, "Give the length.", name="solve")
GRAPHS = {
    "small": SMALL,
    "large": SMALL.at("llm"),
    "fallback": SMALL.check(lambda question, answer: answer.value >= 0 or "it is negative"),
}
GRAPHS["fallback"] = GRAPHS["fallback"].escalate("llm")


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger.open(f"sqlite:///{tmp_path}/runs.db")


@pytest.fixture
async def system(ledger: Ledger) -> AsyncIterator[System]:
    price = Price(Decimal("0.05"), Decimal("0.08"))
    small = Scripted(length_of_question, wrong={"value": -1}, error_rate=0.4, price=price)
    large = Scripted(length_of_question, price=Price(Decimal("2.5"), Decimal(10)), name="large")
    async with System({"slm": small, "llm": large}, store=ledger.store) as opened:
        yield opened


def bench(id: str = "b1", suite: Suite = SUITE, **graphs: Any) -> Bench:
    return Bench(id, suite, graphs or GRAPHS)


def rows(ledger: Ledger, id: str = "b1") -> dict[str, Row]:
    return {row.graph: row for row in report(ledger, bench=id).rows}


def outcomes(ledger: Ledger) -> list[tuple[str, str, bool]]:
    found = [recorded.event for recorded in ledger.events(Outcome)]
    return [(e.graph, e.task_id, e.success) for e in found if isinstance(e, Outcome)]


async def test_every_graph_gets_every_task(system: System, ledger: Ledger):
    """Known error rates come out as known success rates; routing mends what the checks see."""
    await bench().run(system)
    found = rows(ledger)
    assert {name: row.tasks for name, row in found.items()} == dict.fromkeys(GRAPHS, 30)
    assert found["large"].success_rate == 1.0
    assert found["fallback"].success_rate == 1.0
    small = found["small"].success_rate
    assert small is not None
    assert 0.3 < small < 0.9
    assert 0 < (found["fallback"].escalation_rate or 0) < 1
    costs = [found[name].nano_usd for name in ("small", "fallback", "large")]
    assert costs == sorted(costs)


async def test_the_report_reconciles_with_the_calls(system: System, ledger: Ledger):
    """The report's total, the calls' and the runs' are the same to the nano-dollar."""
    await bench().run(system)
    calls = sum(r.event.nano_usd for r in ledger.events(Call) if isinstance(r.event, Call))
    ends = (r.event for r in ledger.events(RunFinished))
    runs = sum(e.nano_usd for e in ends if isinstance(e, RunFinished))
    assert calls > 0
    assert calls == runs == report(ledger, bench="b1").nano_usd == report(ledger).nano_usd


async def test_the_same_seed_gives_the_same_figures(system: System, ledger: Ledger):
    """Whatever the concurrency and the order in which tasks end."""
    await bench("b1", small=SMALL).run(system, concurrency=1)
    await bench("b2", small=SMALL).run(system, concurrency=16)
    first, second = (rows(ledger, id)["small"] for id in ("b1", "b2"))
    unlike = {"p50_s", "p95_s"}
    assert first.model_dump(exclude=unlike) == second.model_dump(exclude=unlike)


async def test_progress_is_told(system: System, ledger: Ledger):
    """Each graph begins at what it has, and goes up to all tasks."""
    told: list[Progress] = []
    await bench(small=SMALL).run(system, on_progress=told.append)
    assert [step.finished for step in told] == list(range(31))
    assert told[-1].tasks == 30
    assert told[-1].successes == sum(success for _, _, success in outcomes(ledger))


async def test_at_most_so_many_tasks_at_once(system: System):
    """The concurrency is a bound, and it is used."""
    now, most = 0, 0

    @step
    async def watch(question: Question) -> Answer:
        nonlocal now, most
        now += 1
        most = max(most, now)
        await asyncio.sleep(0)
        now -= 1
        return Answer(value=0)

    await bench(watch=watch).run(system, concurrency=3)
    assert most == 3


def stopping(at: int) -> tuple[Any, asyncio.Event]:
    """A node that answers until its n-th question, then waits for ever."""
    asked, reached = 0, asyncio.Event()

    @step
    async def halting(question: Question) -> Question:
        nonlocal asked
        asked += 1
        if asked == at:
            reached.set()
            await asyncio.Event().wait()
        return question

    return halting, reached


async def interrupted(system: System, at: int, *, concurrency: int = 1) -> None:
    """A bench that is cancelled while its n-th task is under way, after the task's first call."""
    halting, reached = stopping(at)
    asks = SMALL >> step_to_question >> halting >> SMALL
    running = asyncio.ensure_future(bench(flow=asks).run(system, concurrency=concurrency))
    await reached.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running


@step
async def step_to_question(answer: Answer) -> Question:
    return Question(text="x" * max(answer.value, 0))


async def test_a_cancelled_bench_keeps_what_is_finished(system: System, ledger: Ledger):
    """Finished tasks have their outcomes; the one under way has its cost and no outcome."""
    await interrupted(system, 8)
    assert [task for _, task, _ in outcomes(ledger)] == [f"t{n}" for n in range(1, 8)]
    row = rows(ledger)["flow"]
    assert row.tasks == 7
    assert row.statuses["unfinished"] == 1
    calls = [r.event for r in ledger.events(Call) if isinstance(r.event, Call)]
    assert len(calls) == 15  # two each, and the first of the one that was interrupted
    assert row.nano_usd == sum(call.nano_usd for call in calls)


async def test_a_resumed_bench_runs_only_the_rest(system: System, ledger: Ledger):
    """Every task has one outcome in the end, and what the interrupted run spent stays counted."""
    await interrupted(system, 8)
    spent = rows(ledger)["flow"].nano_usd
    flow = SMALL >> step_to_question >> stopping(99)[0] >> SMALL
    assert await bench(flow=flow).run(system) == 7
    assert sorted(task for _, task, _ in outcomes(ledger)) == sorted(t.id for t in SUITE.tasks)
    row = rows(ledger)["flow"]
    assert row.tasks == 30
    assert "unfinished" not in row.statuses
    assert row.nano_usd > spent
    await bench("b2", flow=flow).run(system)
    assert row.success_rate == rows(ledger, "b2")["flow"].success_rate


async def test_a_finished_bench_has_nothing_left(system: System, ledger: Ledger):
    """To resume it asks no model again."""
    await bench().run(system)
    before = len(list(ledger.events()))
    assert await bench().run(system) == 90
    assert len(list(ledger.events())) == before


async def test_a_bench_does_not_go_on_as_another(system: System):
    """The same id with other tasks would mix two things."""
    await bench(small=SMALL).run(system)
    with pytest.raises(UserError, match="'b1' was begun with other graphs or tasks"):
        await bench(large=GRAPHS["large"]).run(system)


async def test_a_task_that_raises_has_failed(system: System, ledger: Ledger, caplog: Any):
    """It counts as a failed task, the others go on, and the log can say why."""
    caplog.set_level(logging.DEBUG, "agentsys.evaluation.solving")

    @step
    async def brittle(question: Question) -> Answer:
        if len(question.text) == 3:
            raise UserError("three is too many.")
        if len(question.text) == 4:
            raise ZeroDivisionError
        return Answer(value=len(question.text))

    await bench(brittle=brittle).run(system)
    row = rows(ledger)["brittle"]
    assert (row.tasks, row.success_rate) == (30, 28 / 30)
    assert "three is too many" in caplog.text


@pytest.mark.parametrize("kind", [SettingsError, DefinitionError, SchemaError])
async def test_what_is_not_the_tasks_fault_ends_the_bench(
    system: System, ledger: Ledger, kind: type[UserError]
):
    """A deployment or a definition that cannot be used is raised; its task is run again later."""
    broken = True

    @step
    async def configured(question: Question) -> Answer:
        if broken and len(question.text) == 3:
            raise kind("it is damaged.")
        return Answer(value=len(question.text))

    with pytest.raises(kind, match="damaged"):
        await bench(configured=configured).run(system, concurrency=1)
    assert [task for _, task, _ in outcomes(ledger)] == ["t1", "t2"]
    broken = False
    assert await bench(configured=configured).run(system) == 2
    row = rows(ledger)["configured"]
    assert (row.tasks, row.success_rate, row.statuses) == (30, 1.0, {"ok": 30})


async def test_a_model_that_fails_is_a_failed_task(ledger: Ledger):
    """Without an output there is no success, and its cost is none."""
    async with System({"slm": Scripted(ModelError("gone."))}, store=ledger.store) as system:
        await bench(small=SMALL).run(system)
    row = rows(ledger)["small"]
    assert (row.tasks, row.success_rate, row.statuses) == (30, 0.0, {"failed": 30})


async def test_a_doubtful_right_answer_is_a_success(ledger: Ledger):
    """Success is the scorer's verdict on any output that was handed back."""
    unsure = Agent(Question, Answer, "Give the length.", min_confidence=0.9)
    model = Scripted(length_of_question, confidence=0.5)
    async with System({"slm": model}, store=ledger.store) as system:
        await bench(unsure=unsure).run(system)
    row = rows(ledger)["unsure"]
    assert (row.success_rate, row.statuses) == (1.0, {"low_confidence": 30})


@pytest.mark.parametrize(
    ("graph", "error"),
    [(double, InvalidTask), (SMALL.at("huge"), (UserError, KeyError))],
)
async def test_what_cannot_work_is_said_before_anything_runs(
    system: System, ledger: Ledger, graph: Any, error: Any
):
    """A graph of another type, or of a tier that is not there, is no reason to spend money."""
    with pytest.raises(error):
        await bench(small=SMALL, graph=graph).run(system)
    assert list(ledger.events()) == []


async def test_a_bench_needs_a_ledger():
    """Without one nothing could be reported."""
    with pytest.raises(UserError, match="needs a ledger"):
        await bench().run(System({"slm": Scripted({"value": 1})}))


async def test_a_concurrency_below_one_is_refused(system: System):
    """It would wait for ever."""
    with pytest.raises(UserError, match="concurrency of 0"):
        await bench().run(system, concurrency=0)


def refuse(file: Path, condition: str) -> None:
    """Let SQLite itself refuse some entries, as it does on a full disk; `0`: none."""
    connection = sqlite3.connect(file)
    connection.execute("DROP TRIGGER IF EXISTS refuse")
    connection.execute(
        f"CREATE TRIGGER refuse BEFORE INSERT ON entry WHEN {condition}"
        " BEGIN SELECT RAISE(FAIL, 'database or disk is full'); END"
    )
    connection.close()


@pytest.mark.parametrize(
    "condition",
    ["(SELECT count(*) FROM entry) >= 43", "NEW.kind = 'Assigned' AND NEW.record LIKE '%\"t5\"%'"],
)
async def test_a_full_disk_ends_the_bench_and_keeps_the_rest(
    system: System, ledger: Ledger, tmp_path: Path, condition: str
):
    """It is not a failed task: the bench stops with the error and goes on when there is room."""
    refuse(tmp_path / "runs.db", condition)
    with pytest.raises(StoreError, match=r"runs\.db cannot be written: database or disk is full"):
        await bench(small=SMALL).run(system, concurrency=2)
    refuse(tmp_path / "runs.db", "0")
    kept = len(outcomes(ledger))
    assert 0 < kept < 15
    assert await bench(small=SMALL).run(system) == kept
    assert rows(ledger)["small"].tasks == 30


async def test_the_newest_bench_is_found(system: System, ledger: Ledger):
    """`last` is the one that was begun last; an id is itself; others are unknown."""
    for id in ("zz", "aa"):
        await bench(id, small=SMALL).run(system)
    assert find_bench(ledger, "last").bench == "aa"
    assert find_bench(ledger, "zz").tasks == 30
    with pytest.raises(UnknownName, match="There is no bench 'zx'"):
        find_bench(ledger, "zx")
    for number in range(5):
        await ledger.write(BenchStarted(f"b{number}", "s", (), None, 0, 0))
    with pytest.raises(UnknownName, match="The newest: b4, b3, b2, b1, b0, and 2 older"):
        find_bench(ledger, "another")


def test_ids_are_new():
    """Two benches begun in the same second differ."""
    assert len({new_id() for _ in range(20)}) > 1


async def test_each_run_is_assigned_before_it_spends(system: System, ledger: Ledger):
    """So that even a killed bench knows what its runs cost."""
    await bench(small=SMALL).run(system)
    assigned: set[str] = set()
    for recorded in ledger.events(Assigned, Call):
        match recorded.event:
            case Assigned() as event:
                assigned.add(event.run_id)
            case Call() as event:
                assert event.run_id in assigned
            case _:
                pass
