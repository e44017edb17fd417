"""A bench is one condition: all its runs take the thresholds and the router that it began with."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from agentsys import Agent, System
from agentsys.errors import UserError
from agentsys.evaluation.bench import Bench, Progress
from agentsys.evaluation.reports.report import report
from agentsys.evaluation.scorers import Numeric
from agentsys.evaluation.suites import Suite, Task
from agentsys.events import RunStarted
from agentsys.ledger import LOG, Ledger
from agentsys.models.scripted import Scripted
from agentsys.routing import Grams, Router
from agentsys.routing import Kept as KeptRouter
from agentsys.routing import keep as keep_router
from agentsys.routing.kept import kept_in as routers_in
from agentsys.stores import Store
from agentsys.thresholds import Gate, Kept, Thresholds, keep, kept_in
from agentsys.versions import digest_of
from tests.shapes import ASK, Answer, Question

SUITE = Suite("s", tuple(Task(f"t{n}", {"text": "x" * n}, 1) for n in range(1, 9)), Numeric())
SOLVE = Agent(
    Question, Answer, "Give the number.", escalate="llm", min_confidence=0.5, name="solve"
)
BENCH = Bench("b", SUITE, {"g": SOLVE})


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger.open(f"sqlite:///{tmp_path}/runs.db")


@pytest.fixture
async def system(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[System]:
    """One whose runs see at once what is put in use."""
    monkeypatch.setattr("agentsys.versions.FRESH_S", -1.0)
    small, large = Scripted({"value": 1}, confidence=0.7), Scripted({"value": 1}, confidence=0.9)
    async with System({"slm": small, "llm": large}, store=ledger.store) as opened:
        for version in ("v1", "v2"):
            gates = {("solve", "slm"): Gate(0.8)}
            kept = Kept(Thresholds(version, gates), "g", digest_of(SOLVE.shape), {})
            await keep(ledger.store, kept)
            router = Router(version, "llm", 0.5, Grams.of(["x"], most=1, least=1))
            await keep_router(ledger.store, "g", KeptRouter(router, digest_of(SOLVE.shape), {}))
        yield opened


async def use(store: Store, *, thresholds: str = "", router: str = "") -> None:
    await kept_in(store).use("g", thresholds)
    await routers_in(store).use("g", router)


async def stopped_after(system: System, tasks: int, bench: Bench = BENCH) -> None:
    """Begin a bench and stop it under way."""

    def show(step: Progress) -> None:
        if step.finished == tasks:
            going.cancel()

    going = asyncio.ensure_future(bench.run(system, concurrency=1, on_progress=show))
    with pytest.raises(asyncio.CancelledError):
        await going


def began(ledger: Ledger) -> list[tuple[str, str]]:
    """The thresholds and the router of every run."""
    every = [recorded.event for recorded in ledger.events(RunStarted)]
    return [(e.thresholds, e.router) for e in every if isinstance(e, RunStarted)]


@pytest.mark.parametrize("before", ["", "v1"])
async def test_what_is_put_in_use_meanwhile_is_for_other_runs(
    system: System, ledger: Ledger, before: str
) -> None:
    """Neither while a bench goes on, nor between its stop and its end, does a run take another."""
    await use(ledger.store, thresholds=before, router=before)
    await stopped_after(system, 3)
    await use(ledger.store, thresholds="v2", router="v2")

    async def off() -> None:
        await use(ledger.store)

    tasks: list[asyncio.Task[None]] = []

    def show(step: Progress) -> None:
        if step.finished == 5:
            tasks.append(asyncio.ensure_future(off()))

    await BENCH.run(system, concurrency=1, on_progress=show)
    await asyncio.gather(*tasks)
    assert set(began(ledger)) == {(before, before)}
    assert len(began(ledger)) >= len(SUITE.tasks)


async def test_the_report_names_them(system: System, ledger: Ledger) -> None:
    """The version in its column, the router in a line below; of what is not there, nothing."""
    await BENCH.run(system)
    plain = report(ledger, bench="b")
    assert plain.rows[0].thresholds == ""
    assert not any("router" in note for note in plain.notes)
    await use(ledger.store, thresholds="v1", router="v2")
    await Bench("c", SUITE, {"g": SOLVE, "h": SOLVE}).run(system)
    told = report(ledger, bench="c")
    assert [row.thresholds for row in told.rows] == ["v1", ""]
    assert "A router says at which tier runs begin: v2 of g." in told.notes


async def test_a_row_of_several_conditions_says_so(system: System, ledger: Ledger) -> None:
    """Of runs with thresholds of a version and runs without, both are named."""
    await system.run(SOLVE, ASK, name="g")
    await use(ledger.store, thresholds="v1")
    await system.run(SOLVE, ASK, name="g")
    [row] = report(ledger).rows
    assert row.thresholds == "as defined, v1"


async def test_thresholds_that_are_given_ask_no_router(system: System, ledger: Ledger) -> None:
    """What is given is all there is; a bench that goes on must be given the same."""
    await use(ledger.store, thresholds="v1", router="v1")
    own = {"g": Thresholds("own", {("solve", "slm"): Gate(0.1)})}
    await stopped_after(system, 3, Bench("b", SUITE, {"g": SOLVE}, own))
    with pytest.raises(UserError, match="thresholds own of 'g', and others are given"):
        await Bench("b", SUITE, {"g": SOLVE}, {"g": Thresholds("another")}).run(system)
    await Bench("b", SUITE, {"g": SOLVE}, own).run(system)
    assert set(began(ledger)) == {("own", "")}


@pytest.mark.parametrize("kind", ["thresholds", "router"])
async def test_what_cannot_be_had_again_ends_the_bench(
    system: System, ledger: Ledger, kind: str
) -> None:
    """No run of it takes anything else, where its graph has changed or the version is gone."""
    await use(ledger.store, **{kind: "v1"})
    await stopped_after(system, 3)
    before = len(began(ledger))
    changed = Agent(Question, Answer, "Say it.", escalate="llm", name="solve")
    with pytest.raises(UserError, match="definition has changed"):
        await Bench("b", SUITE, {"g": changed}).run(system)
    space = "thresholds:g" if kind == "thresholds" else "routers:g"
    await ledger.store.delete(space, "v1")
    with pytest.raises(UserError, match=f"{kind} v1 of 'g', and the store has"):
        await BENCH.run(system)
    assert len(began(ledger)) == before


async def test_a_bench_of_before_takes_what_is_in_use(system: System, ledger: Ledger) -> None:
    """Older ledgers do not say what was in force: what is in use when it goes on holds for all."""
    await ledger.store.append(
        LOG,
        {
            "kind": "BenchStarted",
            "bench": "b",
            "suite": "s",
            "graphs": ["g"],
            "limit": None,
            "seed": 0,
            "tasks": 8,
        },
    )
    await use(ledger.store, thresholds="v1")
    await BENCH.run(system)
    assert set(began(ledger)) == {("v1", "")}
