"""Fitted thresholds decide what is doubtful, in the runs that they belong to."""

import logging
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentsys import Agent, Node, Run, System, UserError, interrupt, open_store, step
from agentsys.calibration import Isotonic, Platt
from agentsys.errors import StoreError
from agentsys.events import RunStarted
from agentsys.models.scripted import Scripted
from agentsys.stores import Store
from agentsys.thresholds import DEFINED, Gate, Kept, Thresholds, find, keep, kept_in
from agentsys.versions import digest_of
from tests.shapes import ASK, Answer, Question

SOLVE = Agent(
    Question, Answer, "Give the number.", escalate="llm", min_confidence=0.5, name="solve"
)


def at(least: float, version: str = "v1", **gate: Any) -> Thresholds:
    return Thresholds(version, {("solve", "slm"): Gate(least, **gate)})


def models(store: Store | None = None, sure: float = 0.7) -> System:
    small = Scripted({"value": 1}, name="small", confidence=sure)
    large = Scripted({"value": 2}, name="large", confidence=0.99)
    return System({"slm": small, "llm": large}, store=store)


async def kept(
    store: Store, thresholds: Thresholds, node: Node[Any, Any] = SOLVE, graph: str = "g"
) -> None:
    await keep(store, Kept(thresholds, graph, digest_of(node.shape), {}))
    await kept_in(store).use(graph, thresholds.version)


def stored(tmp_path: Path) -> Store:
    return open_store(f"sqlite:///{tmp_path / 'store.db'}")


@pytest.mark.parametrize(
    ("thresholds", "path"),
    [
        (DEFINED, ("solve@slm",)),
        (at(0.6), ("solve@slm",)),
        (at(0.8), ("solve@slm", "solve@llm")),
        (at(0.6, calibration=Platt(1.0, -2.0)), ("solve@slm", "solve@llm")),
        (at(0.8, calibration=Platt(1.0, 2.0)), ("solve@slm",)),
        (at(0.8, models={"small": Platt(1.0, 2.0)}), ("solve@slm",)),
        (at(0.8, models={"small": Platt(1.0, 0.0)}), ("solve@slm", "solve@llm")),
        (at(0.8, models={"another": Platt(1.0, 0.0)}), ("solve@slm",)),
        (Thresholds("v", {("another", "slm"): Gate(0.8)}), ("solve@slm",)),
        (Thresholds("v", {("solve", "llm"): Gate(0.8)}), ("solve@slm",)),
    ],
)
async def test_a_gate_decides_what_is_doubtful(
    thresholds: Thresholds, path: tuple[str, ...]
) -> None:
    """The calibrated confidence is held against the gate; without one, the agent's own decides."""
    run = await models().run(SOLVE, ASK, thresholds=thresholds)
    assert (run.status, run.path) == ("ok", path)


async def test_a_run_picks_up_what_is_in_use_for_its_name(tmp_path: Path) -> None:
    """Runs of the graph's name take the version in use, others their own; the ledger says which."""
    store = stored(tmp_path)
    await kept(store, at(0.8))
    async with models(store) as system:
        runs = [await system.run(SOLVE, ASK, name=name) for name in ("g", "h")]
        assert [len(run.path) for run in runs] == [2, 1]
        assert started(system) == ["v1", ""]


async def test_what_is_given_comes_before_what_is_in_use(tmp_path: Path) -> None:
    """Thresholds that a run is given are those it has, the definitions' own included."""
    store = stored(tmp_path)
    await kept(store, at(0.8))
    async with models(store) as system:
        assert len((await system.run(SOLVE, ASK, name="g", thresholds=DEFINED)).path) == 1


async def test_a_definition_that_has_changed_keeps_its_own(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Thresholds of a graph that was another one are not used, and one warning says so."""
    store = stored(tmp_path)
    await kept(store, at(0.8))
    changed = Agent(Question, Answer, "Say it.", escalate="llm", min_confidence=0.5, name="solve")
    async with models(store) as system:
        for _ in range(2):
            assert len((await system.run(changed, ASK, name="g")).path) == 1
    [line] = [r for r in caplog.records if r.name == "agentsys.thresholds"]
    assert line.levelno == logging.WARNING
    assert "its definition has changed" in line.getMessage()


async def test_another_version_is_seen_by_a_process_that_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is put in use, or out of it, holds for the runs of a system that is under way."""
    monkeypatch.setattr("agentsys.versions.FRESH_S", 0.0)
    store = stored(tmp_path)
    async with models(store) as system:
        for thresholds in (at(0.8, "v1"), at(0.9, "v2"), DEFINED):
            await (
                kept_in(store).use("g", "") if thresholds is DEFINED else kept(store, thresholds)
            )
            await system.run(SOLVE, ASK, name="g")
        seen = started(system)
    assert seen == ["v1", "v2", ""]


async def test_a_resumed_run_keeps_its_version(tmp_path: Path) -> None:
    """A run goes on with the thresholds that it began with, whatever is in use by then."""
    store = stored(tmp_path)
    await kept(store, at(0.8, "v1"))
    async with models(store) as system:
        first = await system.run(asks >> SOLVE, ASK, name="g", thresholds=at(0.8, "v1"))
        assert first.status == "interrupted"
        await kept(store, at(0.1, "v2"))
        run = await system.run(asks >> SOLVE, resume=first.run_id, answer="yes")
        assert run.path == ("solve@slm", "solve@llm")


async def test_a_version_that_is_gone_must_be_given(tmp_path: Path) -> None:
    """Without its thresholds in the store a run says so, and goes on where they are given."""
    async with models(stored(tmp_path)) as system:
        first = await system.run(asks >> SOLVE, ASK, thresholds=at(0.8, "mine"))
        for given, message in ((None, "does not have"), (at(0.8, "x"), "begun with")):
            with pytest.raises(UserError, match=message):
                await system.run(asks >> SOLVE, resume=first.run_id, answer=1, thresholds=given)
        run: Run[Answer] = await system.run(
            asks >> SOLVE, resume=first.run_id, answer=1, thresholds=at(0.8, "mine")
        )
        assert run.path == ("solve@slm", "solve@llm")


@given(st.lists(st.floats(0, 1), min_size=2, max_size=9, unique=True), st.floats(0, 1))
async def test_what_is_kept_decides_as_before(raw: list[float], told: float) -> None:
    """A gate that comes back from the store says the same of every confidence, to the last bit."""
    random, store = Random(len(raw)), open_store("sqlite:///:memory:")
    shares = sorted(random.random() for _ in raw)
    line = Isotonic(tuple(sorted(raw)), tuple(shares))
    given = at(0.5, models={"small": line, "other": Platt(random.random(), 0.1)})
    await keep(store, Kept(given, "g", "", {}))
    back = (await find(store, "g", "v1")).gates["solve", "slm"]
    assert back.means(told, "small") == line(told)
    assert back.means(told, "third") is None
    assert back.at_least == 0.5
    await store.close()


async def test_what_a_newer_version_wrote_is_named(tmp_path: Path) -> None:
    """Thresholds that cannot be read are not silently left out: the run says what to do."""
    store = stored(tmp_path)
    await store.put("thresholds:g", "v9", {"future": True})
    await kept_in(store).use("g", "v9")
    async with models(store) as system:
        with pytest.raises(StoreError, match="calibrate off --graph g"):
            await system.run(SOLVE, ASK, name="g")


@step
async def asks(question: Question) -> Question:
    interrupt("go on?")
    return question


def started(system: System) -> list[str]:
    """The versions that the runs began with."""
    assert system.ledger is not None
    found = (recorded.event for recorded in system.ledger.events(RunStarted))
    return [event.thresholds for event in found if isinstance(event, RunStarted)]
