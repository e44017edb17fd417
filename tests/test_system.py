"""A system runs nodes, reports what happened, and records it."""

import asyncio
import sqlite3
from pathlib import Path

import pytest

from agentsys import Run, System, step
from agentsys.errors import InvalidTask, NoOutput, Rejected, StoreError, UnknownName, UserError
from agentsys.events import Call, Event, RunFinished, RunStarted
from agentsys.models.base import Cancelled, Request
from agentsys.models.scripted import Scripted
from agentsys.money import Price, usd
from agentsys.stores import open_store
from tests.shapes import ASK, Answer, Question, decisions, double, over_five, solve, system


class Stalled:
    """A model that never answers."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()

    async def ask(self, request: object) -> None:
        self.asked.set()
        await asyncio.Event().wait()

    async def close(self) -> None:
        return None


class Dear(Stalled):
    """The same, with what a cancelled call had cost by then."""

    async def ask(self, request: object) -> None:
        try:
            await super().ask(request)
        except asyncio.CancelledError as error:
            raise Cancelled(deployment="dear", tokens_in=5, nano_usd=70, seconds=2) from error


def ledgered(tmp_path: Path, *answers: object) -> System:
    store = open_store(f"sqlite:///{tmp_path / 'ledger.db'}")
    return System({"slm": Scripted(list(answers))}, store=store)  # pyright: ignore[reportArgumentType]


async def test_cost_counts_every_call() -> None:
    """Repaired and escalated calls are paid for too, in whole nano-dollars."""
    price = Price(usd_per_mtok_in=usd(10**9), usd_per_mtok_out=usd(2 * 10**9))
    slm = Scripted([{"value": 1}, {"value": 6}], price=price)
    run = await System({"slm": slm}).run(solve.check(over_five), ASK)
    assert run.cost.calls == 2
    assert run.cost.nano_usd == run.cost.tokens_in * 1000 + run.cost.tokens_out * 2000
    assert run.cost.nano_usd == sum(call.nano_usd for call in run.attempts)


async def test_small_amounts_are_plain_decimals() -> None:
    """A few billionths of a dollar are written without an exponent."""
    price = Price(usd_per_mtok_in=usd(10**6), usd_per_mtok_out=usd(0))
    run = await system({"value": 41}, price=price).run(solve, ASK)
    assert 0 < run.cost.nano_usd < 100
    assert run.to_json()["cost"]["usd"] == f"0.{run.cost.nano_usd:09}"


async def test_json_of_a_run_is_stable() -> None:
    """The documented keys, no more and no fewer."""
    run = await system({"value": 41}, confidence=0.9).run(solve, ASK, name="demo")
    document = run.to_json()
    assert list(document) == [
        "run_id",
        "graph",
        "status",
        "output",
        "confidence",
        "cost",
        "path",
        "error",
        "questions",
        "finished",
        "thresholds",
    ]
    assert list(document["cost"]) == ["usd", "calls", "tokens_in", "tokens_out", "seconds"]
    assert (document["graph"], document["output"], document["error"]) == (
        "demo",
        {"value": 41},
        None,
    )


async def test_reading_a_missing_output_is_a_mistake() -> None:
    """`output` of a run that has none raises, with the run's own reason."""
    run = await system(Rejected("bad key.")).run(solve, ASK)
    with pytest.raises(NoOutput, match="bad key"):
        _ = run.output


async def test_task_of_the_wrong_type_is_refused_before_any_call() -> None:
    """A task that does not fit is the caller's mistake; no model is asked."""
    models = system({"value": 41})
    with pytest.raises(InvalidTask, match="'solve' takes Question: text"):
        await models.run(solve, {"text": 7})  # pyright: ignore[reportArgumentType]
    assert models.models["slm"].requests == []  # pyright: ignore[reportAttributeAccessIssue]


async def test_exception_in_a_step_fails_the_run() -> None:
    """A step's own exception ends the run with its name; the cause is kept."""

    @step
    async def broken(answer: Answer) -> Answer:
        return Answer(value=[][0])

    run = await system({"value": 1}).run(solve >> broken, ASK)
    assert (run.status, run.error) == ("failed", "IndexError: list index out of range")
    assert isinstance(run.cause, IndexError)


async def test_the_cause_of_a_failed_call_is_its_error() -> None:
    """It says what kind of failure it was, not which library noticed."""

    def unreachable(_request: Request) -> str:
        try:
            raise OSError("no route")
        except OSError as error:
            raise Rejected("not there.", deployment="a") from error

    run = await System({"slm": Scripted(unreachable)}).run(solve, ASK)
    assert (run.status, type(run.cause)) == ("failed", Rejected)


async def test_sys_exit_in_a_step_fails_the_run() -> None:
    """A step that exits ends its run, not the program."""

    @step
    async def leave(answer: Answer) -> Answer:
        raise SystemExit(5)

    run = await system({"value": 1}).run(solve >> leave, ASK)
    assert run.status == "failed"
    assert "sys.exit(5)" in run.error


def test_run_sync() -> None:
    """Code that is not async runs nodes too, all on one event loop."""
    loops: set[int] = set()

    @step
    async def here(question: Question) -> Answer:
        loops.add(id(asyncio.get_running_loop()))
        return Answer(value=1)

    with system({"value": 41}) as models:
        assert models.run_sync(solve, ASK).output.value == 41
        assert models.run_sync(here, ASK).output.value == 1
        assert models.run_sync(here >> double, ASK).output.value == 2
    assert len(loops) == 1


async def test_run_sync_inside_a_loop_says_what_to_use() -> None:
    """Blocking inside an event loop is a mistake, with the way out."""
    with pytest.raises(UserError, match=r"await system\.run"):
        system({"value": 41}).run_sync(solve, ASK)


async def test_stream_gives_events_then_the_run() -> None:
    """Events come as they happen; the last item is the run."""
    seen = [
        event
        async for event in system([{"value": 1}, {"value": 6}]).stream(solve.check(over_five), ASK)
    ]
    assert [type(event) for event in seen] == [RunStarted, Call, Call, RunFinished, Run]


async def test_leaving_a_stream_cancels_the_run() -> None:
    """Breaking out of the loop stops the run and leaves no task behind."""
    models = System({"slm": Stalled()})  # pyright: ignore[reportArgumentType]
    stream = models.stream(solve, ASK)
    async for event in stream:
        assert isinstance(event, RunStarted)
        break
    await stream.aclose()
    assert len(asyncio.all_tasks()) == 1


async def test_stream_raises_the_callers_mistake() -> None:
    """A mistake in the call is raised by the stream as by `run`."""
    with pytest.raises(UserError):
        async for _ in system().stream(solve, Answer(value=1)):  # pyright: ignore[reportArgumentType]
            pass


async def test_spending_of_a_cancelled_call_is_booked() -> None:
    """What a model says that a cancelled call cost is on the record."""
    dear, events = Dear(), list[Event]()
    models = System({"slm": dear})  # pyright: ignore[reportArgumentType]
    running = asyncio.create_task(models.run(solve, ASK, on_event=events.append))
    await dear.asked.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    call, end = events[1:]
    assert isinstance(call, Call)
    assert isinstance(end, RunFinished)
    assert (call.deployment, call.decision, call.nano_usd) == ("dear", "cancel", 70)
    assert end.nano_usd == 70


async def test_timeout_around_a_run_is_a_timeout() -> None:
    """`asyncio.timeout` works around a run, whatever the model says that the call had cost."""
    models = System({"slm": Dear()})  # pyright: ignore[reportArgumentType]
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await models.run(solve, ASK)


async def test_cancelled_run_is_recorded() -> None:
    """Cancelling a run records the aborted call and the end, and raises `CancelledError`."""
    events: list[Event] = []
    stalled = Stalled()
    models = System({"slm": stalled})  # pyright: ignore[reportArgumentType]
    running = asyncio.create_task(models.run(solve, ASK, on_event=events.append))
    await stalled.asked.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert [type(event) for event in events] == [RunStarted, Call, RunFinished]
    assert isinstance(events[1], Call)
    assert events[1].decision == "cancel"
    assert isinstance(events[2], RunFinished)
    assert events[2].status == "failed"


async def test_ledger_holds_what_the_run_says(tmp_path: Path) -> None:
    """Every event is in the ledger, and the calls there add up to the run's cost."""
    models = ledgered(tmp_path, {"value": 1}, {"value": 6})
    run = await models.run(solve.check(over_five), ASK, name="demo")
    assert models.ledger is not None
    kept = [record.event for record in models.ledger.events()]
    assert [type(event) for event in kept] == [RunStarted, Call, Call, RunFinished]
    assert sum(e.nano_usd for e in kept if isinstance(e, Call)) == run.cost.nano_usd
    await models.close()


async def test_calls_that_langgraph_makes_are_in_the_reports(tmp_path: Path) -> None:
    """A graph that LangGraph runs spends under the name its context was given."""
    from agentsys.evaluation.reports.report import report

    models = ledgered(tmp_path, {"value": 1})
    await solve.graph().ainvoke({"value": ASK}, context=models.context(name="by-hand"))
    assert models.ledger is not None
    rows = report(models.ledger).rows
    assert [row.graph for row in rows] == ["by-hand"]
    await models.close()


async def test_missing_tier_is_named() -> None:
    """A tier that the system does not have is the caller's mistake, before any call."""
    models = System({"slm": Scripted({"value": 1})})
    with pytest.raises(UnknownName, match="'llm'"):
        await models.run(solve.escalate("llm"), ASK)
    assert models.models["slm"].requests == []  # pyright: ignore[reportAttributeAccessIssue]


async def test_ledger_is_closed_although_a_model_will_not(tmp_path: Path) -> None:
    """A model that fails to close does not keep the ledger open."""
    models = ledgered(tmp_path, {"value": 1})

    class Stubborn(Scripted):
        async def close(self) -> None:
            raise RuntimeError("no.")

    stubborn = System({"slm": Stubborn("")}, store=models.store)
    with pytest.raises(RuntimeError):
        await stubborn.close()
    await models.close()


async def test_two_runs_at_once_do_not_mix(tmp_path: Path) -> None:
    """Concurrent runs of one node keep their own events and outputs."""
    models = system(lambda request: {"value": len(request.messages[1].content)})
    tasks = [Question(text="x" * n) for n in range(1, 30)]
    runs = await asyncio.gather(*(models.run(solve >> double, task) for task in tasks))
    assert [run.output.value for run in runs] == [2 * n for n in range(1, 30)]
    assert len({run.run_id for run in runs}) == len(runs)
    assert all({call.run_id for call in run.attempts} == {run.run_id} for run in runs)


async def test_seed_reaches_the_model() -> None:
    """The run's seed is the request's, so that samples can be repeated."""
    models = system({"value": 1})
    await models.run(solve.vote(3), ASK, seed=7)
    await models.run(solve.vote(3), ASK, seed=7)
    seeds = [r.seed for r in models.models["slm"].requests]  # pyright: ignore[reportAttributeAccessIssue]
    assert seeds[0] == 7
    assert len(set(seeds[:3])) == 3
    assert sorted(seeds[:3]) == sorted(seeds[3:])


async def test_decision_of_the_last_failure_is_give_up() -> None:
    """Nothing is called a repair when nothing follows."""
    run = await system("no json").run(solve, ASK)
    assert [d for _, d, _ in decisions(run)] == ["repair", "give-up"]


async def test_ledger_that_breaks_is_raised(tmp_path: Path) -> None:
    """A run whose events cannot be kept does not pass for a finished run."""
    file = tmp_path / "ledger.db"
    models = ledgered(tmp_path, {"value": 1})

    def full(event: object) -> None:
        if isinstance(event, RunStarted):
            with sqlite3.connect(file) as other:
                other.execute("DROP TABLE entry")
            other.close()

    with pytest.raises(StoreError, match=r"ledger\.db"):
        await models.run(solve, ASK, on_event=full)
    await models.close()
