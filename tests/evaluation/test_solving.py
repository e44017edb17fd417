"""Repeats, and benches that were stopped between a run's end and its score."""

import asyncio
import gc
import sqlite3
import tracemalloc
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from zlib import crc32

import pytest
from pydantic import BaseModel

from agentsys import Agent, Price, System, step
from agentsys.errors import StoreError, UserError
from agentsys.evaluation.bench import Bench, Progress
from agentsys.evaluation.reports.report import report
from agentsys.evaluation.scorers import Numeric, Score
from agentsys.evaluation.suites import Source, Suite, Task, load_suite
from agentsys.events import Assigned, BenchStarted, Call, Outcome, RunStarted, to_record
from agentsys.ledger import LOG, Ledger
from agentsys.models.scripted import Scripted
from tests.shapes import Answer, Question, length_of_question

SUITE = Suite("s", tuple(Task(f"t{n}", {"text": "x" * n}, n) for n in range(1, 7)), Numeric())
ASKS = Agent(Question, Answer, "Give the length.", name="solve")


@step
async def counts(question: Question) -> Answer:
    return Answer(value=len(question.text))


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger.open(f"sqlite:///{tmp_path}/runs.db")


@pytest.fixture
async def system(ledger: Ledger) -> AsyncIterator[System]:
    model = Scripted(length_of_question, price=Price())
    async with System({"slm": model}, store=ledger.store) as opened:
        yield opened


def events(ledger: Ledger, kind: type[Any]) -> list[Any]:
    return [recorded.event for recorded in ledger.events(kind)]


async def test_each_task_is_solved_so_often(system: System, ledger: Ledger):
    """By every graph, with an outcome each time; a task is done before the next one begins."""
    bench = Bench("b", SUITE, {"a": ASKS, "z": ASKS}, repeat=3)
    await bench.run(system, concurrency=1)
    wanted = [
        (task.id, repeat, graph) for task in SUITE.tasks for repeat in range(3) for graph in "az"
    ]
    for kind in (Assigned, Outcome):
        assert [(e.task_id, e.repeat, e.graph) for e in events(ledger, kind)] == wanted
    [begun] = events(ledger, BenchStarted)
    assert (begun.repeat, begun.tasks) == (3, 6)
    assert report(ledger, bench="b").rows[0].tasks == 18


async def test_repeats_have_other_seeds(system: System, ledger: Ledger):
    """Each its own, the same every time; the first is that of a bench without repeats."""
    suite = replace(SUITE, seed=5)
    await Bench("b", suite, {"g": ASKS}, repeat=3).run(system, concurrency=1)
    await Bench("c", suite, {"g": ASKS}, repeat=2).run(system, concurrency=1)
    await Bench("d", suite, {"g": ASKS}).run(system, concurrency=1)
    seeds = [event.seed for event in events(ledger, RunStarted)]
    first, second, plain = seeds[:18], seeds[18:30], seeds[30:]
    assert len(set(first)) == 18
    assert second == [seed for n, seed in enumerate(first) if n % 3 < 2]
    assert plain == first[::3] == [crc32(f"5 {task.id}".encode()) for task in SUITE.tasks]


async def test_progress_counts_repeats(system: System):
    """A bar is full when every repeat is done."""
    told: list[Progress] = []
    await Bench("b", SUITE, {"g": counts}, repeat=4).run(system, on_progress=told.append)
    assert [(step.finished, step.tasks) for step in told] == [(n, 24) for n in range(25)]
    assert told[-1].successes == 24


async def test_repeats_below_one_are_refused(system: System, ledger: Ledger):
    """There would be nothing to do."""
    with pytest.raises(UserError, match="0 repeats run nothing"):
        await Bench("b", SUITE, {"g": counts}, repeat=0).run(system)
    assert events(ledger, BenchStarted) == []


async def test_a_bench_goes_on_within_the_repeats(system: System, ledger: Ledger):
    """What has an outcome is not run again, and another number of repeats is another bench."""
    asked, halt = 0, asyncio.Event()

    @step
    async def halting(question: Question) -> Answer:
        nonlocal asked
        asked += 1
        if asked == 8:
            halt.set()
            await asyncio.Event().wait()
        return Answer(value=len(question.text))

    bench = Bench("b", SUITE, {"g": halting}, repeat=3)
    running = asyncio.ensure_future(bench.run(system, concurrency=1))
    await halt.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    with pytest.raises(UserError, match="begun with other graphs or tasks"):
        await Bench("b", SUITE, {"g": halting}, repeat=2).run(system)
    assert await bench.run(system) == 7
    places = [(e.task_id, e.repeat) for e in events(ledger, Outcome)]
    assert sorted(places) == sorted((t.id, n) for t in SUITE.tasks for n in range(3))
    assert asked == 19


async def test_a_run_that_has_ended_is_scored_and_not_made_again(
    system: System, ledger: Ledger, tmp_path: Path
):
    """Where the bench was stopped in between: its answer was paid for."""
    refuse(tmp_path / "runs.db", "NEW.kind = 'Outcome' AND NEW.record LIKE '%\"t4\"%'")
    bench = Bench("b", SUITE, {"g": ASKS})
    with pytest.raises(StoreError):
        await bench.run(system, concurrency=1)
    assert (len(events(ledger, Outcome)), len(events(ledger, Call))) == (3, 4)
    refuse(tmp_path / "runs.db", "0")
    assert await bench.run(system, concurrency=1) == 3
    assert len(events(ledger, Call)) == 6
    assert [e.success for e in events(ledger, Outcome)] == [True] * 6
    assert len({e.run_id for e in events(ledger, Outcome)}) == 6


def refuse(file: Path, condition: str) -> None:
    """Let SQLite itself refuse some entries, as it does on a full disk; `0`: none."""
    connection = sqlite3.connect(file)
    connection.execute("DROP TRIGGER IF EXISTS refuse")
    connection.execute(
        f"CREATE TRIGGER refuse BEFORE INSERT ON entry WHEN {condition}"
        " BEGIN SELECT RAISE(FAIL, 'database or disk is full'); END"
    )
    connection.close()


async def test_a_bench_of_before_goes_on(system: System, ledger: Ledger):
    """Its ledger knows neither sources nor repeats."""
    suite = load_suite("word-problems", limit=3)
    begun = to_record(BenchStarted("old", "word-problems", ("g",), 3, 0, 3))
    outcome = to_record(Outcome("r", "g", suite.name, "old", suite.tasks[0].id, True, "numeric"))
    for record, gone in ((begun, ("source", "repeat")), (outcome, ("repeat", "nano_usd", "error"))):
        kept = {key: value for key, value in record.items() if key not in gone}
        await system.store.append(LOG, kept)  # pyright: ignore[reportOptionalMemberAccess]  (the fixture gives it one)
    assert await Bench("old", suite, {"g": counts}).run(system) == 1
    assert len(events(ledger, Outcome)) == 3
    half = replace(suite, source=Source(split="held-out"))
    with pytest.raises(UserError, match="begun with other graphs or tasks"):
        await Bench("old", half, {"g": counts}).run(system)


class Long(BaseModel):
    """A long answer."""

    value: int
    text: str


async def test_outputs_are_not_kept(system: System):
    """However many tasks there are, as much is in memory: outputs are in the ledger alone."""
    length, sizes = 100_000, dict[int, int]()

    @step
    async def lengthy(question: Question) -> Long:
        return Long(value=1, text="x" * length)

    def look(progress: Progress) -> None:
        if progress.finished in (20, 60):
            gc.collect()
            sizes[progress.finished] = tracemalloc.get_traced_memory()[0]

    suite = replace(SUITE, tasks=tuple(Task(f"t{n}", {"text": "x"}, 1) for n in range(60)))
    tracemalloc.start()
    try:
        await Bench("b", suite, {"g": lengthy}).run(system, concurrency=2, on_progress=look)
    finally:
        tracemalloc.stop()
    assert sizes[60] - sizes[20] < 10 * length


class Raises(Numeric):
    """Breaks on one output."""

    async def score(self, output: Any, task: Task, system: System) -> Score:
        if task.id == "t2":
            raise RuntimeError("oh")
        return await super().score(output, task, system)


async def test_a_scorer_that_breaks_does_not_end_the_bench(system: System, ledger: Ledger):
    """The task has failed, and its outcome says why."""
    await Bench("b", replace(SUITE, scorer=Raises()), {"g": counts}).run(system)
    found = {e.task_id: (e.success, e.error) for e in events(ledger, Outcome)}
    assert found.pop("t2") == (False, "not scored: RuntimeError: oh")
    assert set(found.values()) == {(True, "")}
