"""Reports, ledger and budgets say the same to the nano-dollar, whatever has happened."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from pathlib import Path
from random import Random
from typing import get_args

import pytest

from agentsys import Budget, System
from agentsys.budgets.accounts import tenant_scope
from agentsys.evaluation.bench import Bench
from agentsys.evaluation.reports.report import By, report
from agentsys.events import Call, RunStarted
from agentsys.ledger import Ledger
from agentsys.stores import open_store
from tests.budgets.models import Held
from tests.evaluation.reports.known import EVERY, Known, solver, suite
from tests.shapes import Question
from tests.survivor import Nursery, Order, Place, carry_out, nursery

THINGS = 40
"""That happen in a mixture."""
TENANTS = ("", "acme", "globex")


@pytest.fixture(scope="module")
def processes() -> Iterator[Nursery]:
    with nursery() as opened:
        yield opened


@pytest.fixture(params=["sqlite", "redis"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    redis = request.param == "redis"
    store = request.getfixturevalue("redis_url") if redis else f"sqlite:///{tmp_path / 'store.db'}"
    return Place(store, f"sqlite:///{tmp_path / 'checkpoints.db'}", str(tmp_path / "effects"))


def opened(place: Place, known: Known) -> System:
    """A system on the store, with a graph's models."""
    models = {tier: make() for tier, make in known.models.items()}
    budgets = (Budget(usd=1, per="total"), Budget(usd=1, per="tenant"))
    return System(models, store=open_store(place.store), budgets=budgets)


async def a_run(place: Place, random: Random, processes: Nursery) -> None:
    """Of any graph and tenant; now and then with a budget that ends it."""
    name = random.choice([*EVERY])
    budget = Budget(calls=random.randrange(1, 4)) if random.random() < 0.3 else None
    async with opened(place, EVERY[name]) as system:
        task = Question(text=f"{random.random()}")
        tenant = random.choice(TENANTS)
        await system.run(
            EVERY[name].graph, task, seed=random.randrange(99), tenant=tenant, budget=budget
        )


async def a_bench(place: Place, random: Random, processes: Nursery) -> None:
    """That is stopped somewhere, and goes on to its end."""
    known, seed = EVERY[random.choice([*EVERY])], random.randrange(10**6)
    bench = Bench(f"b{seed}", suite(seed, 5), {"g": known.graph}, repeat=random.randrange(1, 3))
    finished, stop_at = 0, random.randrange(8)
    async with opened(place, known) as system:
        work: asyncio.Future[int]

        def stop(_: object) -> None:
            nonlocal finished
            finished += 1
            if finished == stop_at:
                work.cancel()

        work = asyncio.ensure_future(bench.run(system, concurrency=3, on_progress=stop))
        with suppress(asyncio.CancelledError):
            await work
        await bench.run(system)


async def a_cancelled_run(place: Place, random: Random, processes: Nursery) -> None:
    """While its call is under way."""
    held = Held()
    async with System({"slm": held}, store=open_store(place.store)) as system:
        tenant = random.choice(TENANTS)
        work = asyncio.ensure_future(system.run(solver(), Question(text="?"), tenant=tenant))
        await held.asked.acquire()
        work.cancel()
        with suppress(asyncio.CancelledError):
            await work


async def a_killed_process(place: Place, random: Random, processes: Nursery) -> None:
    """With its run, which is resumed by another one, or is not."""
    run_id = f"run-{random.randrange(10**9)}"
    order = Order(place, run_id, kill_at=random.randrange(5, 60), delay_s=random.random() * 0.006)
    processes.carry_out(order)
    begun = next(Ledger(open_store(place.store)).events(RunStarted, run_ids=[run_id]), None)
    if begun is not None and random.random() < 0.5:
        await carry_out(Order(place, run_id, resume=True))


HAPPENS: dict[Callable[[Place, Random, Nursery], Awaitable[None]], int] = {
    a_run: 6,
    a_bench: 2,
    a_cancelled_run: 1,
    a_killed_process: 1,
}


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2])
async def test_whatever_happens_adds_up(place: Place, processes: Nursery, seed: int) -> None:
    """Every row of every report is the sum of its calls, and budgets have counted the same."""
    random = Random(f"{place.store.partition(':')[0]} {seed}")
    happens = [
        *HAPPENS,
        *random.choices([*HAPPENS], [*HAPPENS.values()], k=THINGS - len(HAPPENS)),
    ]
    for happen in happens:
        await happen(place, random, processes)
    store = open_store(place.store)
    ledger = Ledger(store)
    calls = list(ledger.events(Call))
    begun = {
        recorded.event.run_id: recorded
        for recorded in ledger.events(RunStarted)
        if isinstance(recorded.event, RunStarted)
    }
    sums: dict[str, Counter[str]] = {by: Counter() for by in get_args(By)}
    for recorded in calls:
        call = recorded.event
        assert isinstance(call, Call)
        run = begun[call.run_id]
        assert isinstance(run.event, RunStarted)
        names = {
            "graph": run.event.graph,
            "model": call.deployment or "(no reply)",
            "node": call.node,
            "tenant": run.event.tenant or "(no tenant)",
            "day": run.time.date().isoformat(),
            "run": call.run_id,
        }
        for by, name in names.items():
            sums[by][name] += call.nano_usd
    spent = sum(sums["run"].values())
    for by in get_args(By):
        found = report(ledger, by=by)
        assert found.nano_usd == spent
        assert Counter({row.graph: row.nano_usd for row in found.rows}) == sums[by], by
    balances = await store.balances()
    assert balances["total"].spent.nano_usd == spent
    for tenant in TENANTS[1:]:
        assert balances[tenant_scope(tenant)].spent.nano_usd == sums["tenant"][tenant]
    system = System({}, store=store)
    assert await system.budgets.rebuild() == {}
    seen = {event.decision for recorded in calls if isinstance(event := recorded.event, Call)}
    assert seen >= {"accept", "repair", "escalate", "tool", "give-up", "cancel"}
    await system.close()
