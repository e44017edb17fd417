"""Everything that was asked is in the numerator of the cost per success: one test a kind of call.

Each makes one task succeed, and knows to the nano-dollar what was spent.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from decimal import Decimal
from typing import Any

import pytest

from agentsys import Agent, Budget, Judge, System, decompose
from agentsys.errors import Truncated, Unreachable
from agentsys.evaluation.bench import Bench
from agentsys.evaluation.reports.report import Row, report
from agentsys.models.base import Model
from agentsys.models.litellm import router_models
from agentsys.models.scripted import Script, Scripted
from agentsys.settings import Deployment
from agentsys.stores import open_store
from tests.budgets.models import Held
from tests.evaluation.reports.known import (
    C_FINAL,
    C_J,
    C_L,
    C_S,
    C_USE,
    LARGE,
    RIGHT,
    SEEN,
    SMALL,
    SPLIT,
    WRONG,
    joined,
    listed,
    look_up,
    posed,
    solver,
    suite,
    visible,
)
from tests.loopback import Loopback, say, stall
from tests.shapes import Answer, Question

TASK = Question(text="How many?")
C_HELD = 3_000
"""What a call has cost that is cancelled while it is held."""


@pytest.fixture
async def systems() -> AsyncIterator[list[System]]:
    """Those that a test makes, closed after it."""
    made: list[System] = []
    yield made
    for system in made:
        await system.close()


@pytest.fixture
def make(systems: list[System]) -> Any:
    """A system of scripted models, whose large model costs twenty times as much."""

    def made(slm: Script | Scripted, **others: Script | Scripted) -> System:
        models = {
            tier: script
            if isinstance(script, Scripted)
            else Scripted(script, price=LARGE if tier == "llm" else SMALL, name=tier)
            for tier, script in {"slm": slm, **others}.items()
        }
        systems.append(System(models, store=open_store("sqlite:///:memory:")))
        return systems[-1]

    return made


def row(system: System, by: str = "graph", **where: Any) -> Row:
    """The only row of a report, which adds up."""
    assert system.ledger is not None
    [found] = report(system.ledger, **where).rows
    for other in ("model", "node", "tenant", "day", "run"):
        assert report(system.ledger, by=other, **where).nano_usd == found.nano_usd  # pyright: ignore[reportArgumentType]  (one of the literals)
    return found


def costs_a_success(system: System, nano_usd: int, **where: Any) -> None:
    """One task has succeeded, and all of this was spent."""
    found = row(system, **where)
    assert found.nano_usd == nano_usd
    assert found.cps_usd == nano_usd / 1e9


async def test_the_call_that_succeeds(make: Any) -> None:
    """One call, one success."""
    system = make(RIGHT)
    await system.run(solver(), TASK)
    costs_a_success(system, C_S)


async def test_failed_calls(make: Any) -> None:
    """A call without a reply has cost what the model says, and its task is no success."""
    down = Unreachable("down", deployment="slm", tokens_out=2, nano_usd=2_000)
    system = make([down, RIGHT])
    for _ in range(2):
        await system.run(solver(), TASK)
    costs_a_success(system, 2_000 + C_S)
    assert row(system).success_rate == 0.5


async def test_truncated_calls(make: Any) -> None:
    """A reply that was cut off was paid for."""
    cut = Truncated("cut off", deployment="slm", tokens_out=512, nano_usd=512_000)
    system = make(cut, llm=RIGHT)
    await system.run(solver().escalate("llm"), TASK)
    costs_a_success(system, 512_000 + C_L)


async def test_repaired_calls(make: Any) -> None:
    """A reply that a check has sent back was paid for."""
    system = make([SEEN, RIGHT])
    await system.run(solver(repairs=1).check(visible), TASK)
    costs_a_success(system, 2 * C_S)


async def test_escalated_calls(make: Any) -> None:
    """The small model's attempt belongs to the large one's success."""
    system = make(SEEN, llm=RIGHT)
    await system.run(solver().check(visible).escalate("llm"), TASK)
    costs_a_success(system, C_S + C_L)


async def test_judged_calls(make: Any) -> None:
    """What a judge costs is a cost of the answer that it accepts, and of the one it does not."""
    system = make(WRONG, llm=RIGHT, judge=lambda request: verdict(request.messages[-1].content))
    judge = Judge(Question, Answer, "One is right.", tier="judge")
    await system.run(solver().check(judge).escalate("llm"), TASK)
    costs_a_success(system, 2 * (C_S + C_J) + C_L + C_J)


def verdict(shown: str) -> str:
    return '"correct"' if '"answer":{"value":1}' in shown else '"incorrect"'


async def test_calls_that_a_vote_has_outvoted(make: Any) -> None:
    """Every sample was paid for, whichever wins."""
    system = make([WRONG, RIGHT, RIGHT])
    await system.run(solver().vote(3), TASK)
    costs_a_success(system, 3 * C_S)


async def test_calls_for_tools(make: Any) -> None:
    """A step that asks for a tool is a call, also where the tool fails."""
    use = {"tool": "look_up", "args": {"word": "x"}}
    system = make([use, use, {"final": RIGHT}])
    await system.run(solver(tools=[look_up]), TASK)
    costs_a_success(system, 2 * C_USE + C_FINAL)


async def test_calls_for_parts(make: Any) -> None:
    """Splitting a problem and solving its parts are costs of the whole."""
    system = make(RIGHT, splitter={"value": 3})
    await system.run(
        decompose(SPLIT >> listed, posed >> solver(), joined, depends_on=lambda _: ()), TASK
    )
    costs_a_success(system, C_S + 3 * C_S)


async def test_calls_of_runs_that_were_cancelled(make: Any) -> None:
    """An aborted run has cost what its call had by then; it is no task that was finished."""
    held, answers = Held(), make(RIGHT)
    await answers.run(solver(), TASK)
    aborted = System({"slm": held}, store=answers.store)
    work = asyncio.ensure_future(aborted.run(solver(), TASK))
    await held.asked.acquire()
    work.cancel()
    with suppress(asyncio.CancelledError):
        await work
    costs_a_success(answers, C_S + C_HELD)
    assert row(answers).statuses["ok"] == 1


async def test_calls_of_a_bench_that_was_stopped(make: Any) -> None:
    """The task is solved anew; what its first run had cost stays its cost."""
    held, answers = Held(), make(RIGHT)
    tasks = suite(1, 1)
    stopped = System({"slm": held}, store=answers.store)
    work = asyncio.ensure_future(Bench("b", tasks, {"g": solver()}).run(stopped))
    await held.asked.acquire()
    work.cancel()
    with suppress(asyncio.CancelledError):
        await work
    unfinished = row(stopped, bench="b")
    assert (unfinished.tasks, unfinished.nano_usd, unfinished.cps_usd) == (0, C_HELD, None)
    await Bench("b", tasks, {"g": solver()}).run(answers)
    costs_a_success(answers, C_HELD + C_S, bench="b")
    assert row(answers, bench="b").tasks == 1


async def test_calls_that_ran_out_of_time(make: Any) -> None:
    """A call that a budget of seconds has ended costs what it had cost by then."""
    held, answers = Held(seconds=2), make(RIGHT)
    await answers.run(solver(), TASK)
    late = System({"slm": held}, store=answers.store)
    run = await late.run(solver(), TASK, budget=Budget(seconds=1))  # the least
    assert run.status == "budget_exceeded"
    costs_a_success(answers, C_S + C_HELD)


async def test_calls_of_runs_that_a_budget_has_cut(make: Any) -> None:
    """What was spent until the budget was empty is spent."""
    system = make([SEEN, RIGHT], llm=RIGHT)
    for _ in range(2):
        await system.run(solver().check(visible).escalate("llm"), TASK, budget=Budget(calls=1))
    costs_a_success(system, 2 * C_S)
    assert row(system).statuses == {"budget_exceeded": 1, "ok": 1}


async def test_calls_of_runs_that_broke(make: Any) -> None:
    """A check that raises ends the run; the reply that it was given was paid for."""

    def breaks(question: Question, answer: Answer) -> bool:
        if answer.value == 9:
            raise RuntimeError("broken")
        return True

    system = make([SEEN, RIGHT])
    await system.run(solver().check(breaks), TASK)
    await system.run(solver().check(breaks), TASK)
    costs_a_success(system, 2 * C_S)
    assert row(system).statuses == {"failed": 1, "ok": 1}


async def test_calls_that_were_not_sure(make: Any) -> None:
    """An answer that nobody was sure of is no success where no scorer decides; it costs."""
    unsure = Scripted([WRONG, RIGHT], confidence=0.9, price=SMALL)
    doubtful = Scripted(RIGHT, confidence=0.3, price=SMALL)
    system = make(unsure, doubtful=doubtful)
    graph = Agent(Question, Answer, "Answer.", name="solve", min_confidence=0.5)
    await system.run(graph, TASK, name="g")
    await system.run(graph.at("doubtful"), TASK, name="g")
    costs_a_success(system, 2 * C_S)
    assert row(system).statuses == {"low_confidence": 1, "ok": 1}


async def test_requests_that_were_retried(loopback: Loopback, systems: list[System]) -> None:
    """A try that was given up may have been worked on in full: it is booked as that."""
    loopback.script(stall(), say('{"value":1}'))
    params = {
        "model": "hosted_vllm/small",
        "api_base": loopback.url,
        "api_key": "x",
        "timeout": 0.05,
    }
    given: dict[str, Any] = {"tier": "slm", "litellm_params": params, "usd_per_mtok_in": 0}
    both = [Deployment(name=name, usd_per_mtok_out=Decimal(1), **given) for name in ("one", "two")]
    models: Mapping[str, Model] = router_models(both)
    systems.append(System(models, store=open_store("sqlite:///:memory:")))
    run = await systems[-1].run(solver(max_tokens=100), TASK)
    said = run.cost.tokens_out
    assert len(loopback.requests) == 2
    costs_a_success(systems[-1], 1_000 * (100 + said))
