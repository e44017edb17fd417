"""Runs within budgets, on every store."""

import asyncio
import time
from decimal import Decimal
from typing import Any

import pytest

from agentsys import System, UserError, both
from agentsys.deployment import Deployment
from agentsys.errors import NoOutput, Truncated
from agentsys.events import BudgetCrossed, Call
from agentsys.limits import Budget, RateLimit
from agentsys.models.limited import Limited
from agentsys.models.scripted import Scripted
from agentsys.rates import Rates
from agentsys.stores import Store
from tests.budgets.conftest import Make, of, spent
from tests.budgets.models import Held, Liar, micro, priced, talker


async def test_a_run_ends_where_its_budget_does(make: Make, store: Store) -> None:
    """The call that does not fit is not made, and the run says which budget was in the way."""
    model = priced("a b c d e")
    run = await make(model).run(talker() >> talker("second"), "go", budget=Budget(usd=micro(14)))
    assert run.status == "budget_exceeded"
    assert len(model.requests) == 1
    assert run.error == (
        f"The budget of run '{run.run_id}' has no room for a call: $0.000005 of $0.000014 are "
        "spent, and it may take $0.00001. Raise it (give the run more), or let the agent ask for "
        "fewer tokens."
    )
    assert await spent(store, of(run)) == await spent(store)
    assert (await spent(store)).nano_usd == run.cost.nano_usd == 5_000
    with pytest.raises(NoOutput):
        run.output  # noqa: B018


@pytest.mark.parametrize(
    ("enough", "too_little"),
    [
        (Budget(usd=micro(10)), Budget(usd=micro(9))),
        (Budget(tokens=10), Budget(tokens=9)),
        (Budget(calls=1), Budget(calls=0)),
        (Budget(seconds=1), Budget(seconds=0.999999)),
    ],
    ids=["usd", "tokens", "calls", "seconds"],
)
async def test_each_field_is_limited(make: Make, enough: Budget, too_little: Budget) -> None:
    """Money, tokens, calls and seconds are limits of their own, exact to the last unit."""
    model = Held(seconds=1)
    model.let.set()
    system = make(model)
    assert (await system.run(talker(), "go", budget=too_little)).status == "budget_exceeded"
    assert (await system.run(talker(), "go", budget=enough)).status == "ok"


async def test_a_budget_of_nothing(make: Make) -> None:
    """Nothing at all can be spent of zero dollars; what costs nothing can be asked."""
    nothing = Budget(usd=0)
    assert (await make(priced("a")).run(talker(), "go", budget=nothing)).status == "budget_exceeded"
    assert (await make(Scripted("a")).run(talker(), "go", budget=nothing)).ok


async def test_replies_are_shortened_before_a_refusal(make: Make) -> None:
    """A call may take a quarter of the tokens that it would like, and no less."""
    model, agent = priced("a"), talker(tokens=100)
    system = make(model)
    for amount in (100, 99, 25, 24):
        await system.run(agent, "go", budget=Budget(usd=micro(amount)))
    assert [request.max_tokens for request in model.requests] == [100, 99, 25]


async def test_a_reply_that_was_shortened_too_far(make: Make, store: Store) -> None:
    """A reply cut off by what the budget had left is paid, and the run is `budget_exceeded`."""
    model = priced(Truncated("cut off.", tokens_out=50, nano_usd=50_000))
    run = await make(model).run(talker(tokens=100), "go", budget=Budget(usd=micro(50)))
    assert run.status == "budget_exceeded"
    assert run.error.startswith("talker: a reply did not get by with the 50 tokens that were left.")
    assert [call.error for call in run.attempts] == ["BudgetExceeded"]
    assert (await spent(store, of(run))).nano_usd == 50_000
    run = await make(model).run(talker(tokens=100), "go", budget=Budget(usd=micro(100)))
    assert run.status == "failed"


async def test_time_is_shortened(make: Make, store: Store) -> None:
    """A call that takes longer than the budget has seconds for is given up and booked."""
    model = Held(seconds=10)
    run = await make(model).run(talker(), "go", budget=Budget(seconds=1))
    assert run.status == "budget_exceeded"
    assert run.error.startswith("talker: a reply did not get by with the 1 s that were left.")
    assert [call.nano_usd for call in run.attempts] == [3_000]
    assert (await spent(store)).nano_usd == 3_000


async def test_a_wait_for_a_turn_is_not_counted(make: Make) -> None:
    """Who has a second waits longer than that to be let in, and has its second afterwards."""
    inner = Held(seconds=10)
    deployment = Deployment(name="a", tier="slm", gguf="a.gguf", usd_per_hour=Decimal(1))
    model = Limited(inner, deployment, Rates({"a": RateLimit(concurrency=1)}))
    system, budget = make(model), Budget(seconds=1)
    first = asyncio.create_task(system.run(talker(), "go"))
    await inner.asked.acquire()
    second = asyncio.create_task(system.run(talker(), "go", budget=budget))
    assert not (await asyncio.wait([second], timeout=1.5))[0]
    inner.let.set()
    assert [(await first).status, (await second).status] == ["ok", "ok"]
    inner.let.clear()
    late = await asyncio.wait_for(system.run(talker(), "go", budget=budget), 10)
    assert (late.status, [call.nano_usd for call in late.attempts]) == ("budget_exceeded", [3_000])


async def test_an_answer_that_was_paid_for_is_handed_back(make: Make, store: Store) -> None:
    """A model that takes more than it said: its answer counts, and so does its real cost."""
    run = await make(Liar(500)).run(talker(), "go", budget=Budget(usd=micro(10)))
    assert run.ok
    assert run.output == "yes"
    assert (await spent(store, of(run))).nano_usd == run.cost.nano_usd == 500_000
    [crossed] = events(make, BudgetCrossed)
    assert (crossed.account, crossed.spent, crossed.limit) == (of(run), 500_000, 10_000)


async def test_crossing_is_recorded_once(make: Make) -> None:
    """At four fifths of a limit and past it there is a record, and none in between."""
    system = make(Liar(4), None, Budget(usd=micro(10), per="total"))
    agent = talker(tokens=1)
    seen: list[Any] = []
    for _ in range(4):
        await system.run(agent, "go", on_event=seen.append)
    crossings = [event for event in seen if isinstance(event, BudgetCrossed)]
    assert crossings == events(make, BudgetCrossed)
    assert [(c.account, c.dimension, c.spent) for c in crossings] == [
        ("total", "nano_usd", 8_000),
        ("total", "nano_usd", 12_000),
    ]
    run = await make(Liar(2)).run(agent.each(limit=1), ["go"] * 9, budget=Budget(usd=micro(10)))
    of_run = [crossed for crossed in events(make, BudgetCrossed) if crossed.account == of(run)]
    assert [crossed.spent for crossed in of_run] == [8_000]
    assert run.cost.nano_usd == 10_000


async def test_calls_wait_for_what_others_leave(make: Make, store: Store) -> None:
    """A call waits while one under way holds what it needs, and takes what that leaves."""
    model = Held()
    system = make(model, None, Budget(usd=micro(11), per="total"))
    runs = [asyncio.ensure_future(system.run(talker(), "go")) for _ in range(2)]
    await model.asked.acquire()
    assert (await store.balances(["total"]))["total"].held.nano_usd == 10_000
    assert model.asked.locked()
    model.let.set()
    assert [run.status for run in await asyncio.gather(*runs)] == ["ok", "ok"]
    assert (await spent(store)).nano_usd == 2_000


async def test_slm_only_goes_on_with_the_small_model(make: Make) -> None:
    """Where the large model is not affordable, an agent of that tier asks the small one."""
    budget = Budget(calls=1, per="total", on_empty="slm-only")
    free = Budget(usd=micro(9), on_empty="slm-only")
    system = make(Scripted("small"), priced("large"), budget)
    run = await system.run(talker(tier="llm"), "go", budget=free)
    assert (run.status, run.output, run.path) == ("ok", "small", ("talker@slm",))
    run = await system.run(talker(tier="llm"), "go", budget=free)
    assert run.status == "budget_exceeded"


async def test_slm_only_takes_the_best_there_is(make: Make) -> None:
    """An escalation that is not affordable leaves the small model's answer, of low confidence."""
    small = Scripted("small", confidence=0.4)
    agent = talker(escalate="llm", min_confidence=0.5)
    system = make(small, priced("large"))
    run = await system.run(agent, "go", budget=Budget(usd=0, on_empty="slm-only"))
    assert (run.status, run.output) == ("low_confidence", "small")
    assert len(small.requests) == 1


async def test_an_escalation_that_is_not_affordable(make: Make) -> None:
    """The best answer is handed back although the run ended for want of money."""
    agent = talker(escalate="llm", min_confidence=0.5)
    system = make(Scripted("small", confidence=0.4), priced("large"))
    run = await system.run(agent, "go", budget=Budget(usd=0))
    assert (run.status, run.output) == ("budget_exceeded", "small")
    assert run.to_json()["output"] == "small"


async def test_a_queue_waits_for_a_higher_limit(make: Make) -> None:
    """A call on a `queue` is made once the limit is raised."""
    system = make(priced("a"))
    await system.budgets.set(Budget(usd=micro(5), per="total", on_empty="queue"))
    running = asyncio.ensure_future(system.run(talker(), "go"))
    await asyncio.sleep(0.05)
    assert not running.done()
    await system.budgets.set(Budget(usd=micro(50), per="total"))
    assert (await asyncio.wait_for(running, 10)).ok


async def test_a_queue_has_an_end(make: Make) -> None:
    """Calls that wait on a `queue` give up together, each after its `wait_s`."""
    budget = Budget(usd=micro(5), per="total", on_empty="queue", wait_s=0.2)
    system = make(priced("a"), None, budget)
    runs = asyncio.gather(*(system.run(talker(), "go") for _ in range(20)))
    statuses = {run.status for run in await asyncio.wait_for(runs, 3)}
    assert statuses == {"budget_exceeded"}


async def test_a_queue_holds_nobody_up(make: Make) -> None:
    """A small call is made while a large one is waiting for a higher limit."""
    budget = Budget(usd=micro(20), per="total", on_empty="queue")
    system = make(priced("a"), None, budget)
    large = asyncio.ensure_future(system.run(talker(tokens=200), "go"))
    await asyncio.sleep(0.02)
    runs = await asyncio.gather(*(system.run(talker(tokens=9), "go") for _ in range(5)))
    assert [run.status for run in runs] == ["ok"] * 5
    large.cancel()
    await asyncio.gather(large, return_exceptions=True)


async def test_a_stop_is_not_waited_out(make: Make) -> None:
    """Where a queue and a stop are both full, there is no use in waiting."""
    system = make(priced("a"), None, Budget(usd=0, per="total", on_empty="queue"))
    run = await asyncio.wait_for(system.run(talker(), "go", budget=Budget(usd=0)), 10)
    assert run.status == "budget_exceeded"
    assert run.run_id in run.error


async def test_a_fan_out_cut_short(make: Make) -> None:
    """The parts that were affordable are handed back with their places."""
    system = make(Scripted(lambda request: request.messages[-1].content.upper()))
    node = talker().each(limit=1)
    run = await system.run(node, ["a", "b", "c", "d"], budget=Budget(calls=2))
    assert (run.status, run.has_output) == ("budget_exceeded", False)
    assert run.finished == ((0, "A"), (1, "B"))
    assert run.to_json()["finished"] == [[0, "A"], [1, "B"]]


async def test_branches_share_the_budget_of_their_run(make: Make, store: Store) -> None:
    """Concurrent branches cannot spend more than the run together."""
    node = both(talker("one"), both(talker("two"), talker("three")))
    run = await make(priced("a b c d e f")).run(node, "go", budget=Budget(usd=micro(17)))
    assert run.status == "budget_exceeded"
    assert (await spent(store, of(run))).nano_usd == 12_000


@pytest.mark.parametrize("limit", [1, 8])
async def test_a_node_has_one_budget_for_all_items(make: Make, store: Store, limit: int) -> None:
    """`within` counts what the node spends on all items of a run, and begins anew in the next."""
    node = talker().within(Budget(calls=2)).each(limit=limit)
    system = make(Scripted("a"))
    for _ in range(2):
        run = await system.run(node, ["a", "b", "c", "d"])
        assert len(run.finished) == 2
        assert run.error.startswith(f"The budget of 'talker' in run '{run.run_id}' has")
    assert (await spent(store)).calls == 4


async def test_a_node_has_one_budget_for_all_attempts(make: Make) -> None:
    """`within` counts repairs of a guarded node, too."""
    node = (talker() >> talker("second")).within(Budget(calls=3)).check(lambda _, text: text == "b")
    run = await make(Scripted("a")).run(node, "go")
    assert (run.status, run.cost.calls) == ("budget_exceeded", 3)


async def test_a_vote_that_is_not_affordable(make: Make) -> None:
    """The samples that were affordable decide, and the run says that it was cut short."""
    run = await make(Scripted("a")).run(talker().vote(5), "go", budget=Budget(calls=3))
    assert (run.status, run.output, run.cost.calls) == ("budget_exceeded", "a", 3)
    node = talker().within(Budget(calls=3, on_empty="slm-only")).vote(5)
    run = await make(Scripted("a")).run(node, "go")
    assert (run.status, run.output, run.cost.calls) == ("low_confidence", "a", 3)
    run = await make(Scripted("a")).run(talker().vote(5), "go", budget=Budget(calls=0))
    assert (run.status, run.has_output) == ("budget_exceeded", False)


async def test_runs_of_similar_ids_are_apart(make: Make) -> None:
    """Ids of one's own may look like places in other runs; each run has its own budget."""
    system, node = make(Scripted("a")), talker("b").within(Budget(calls=1))
    for run_id in ("job/1", "job/2", "job~1", "job", "job/b", "total", "a/talker"):
        assert (await system.run(node, "go", run_id=run_id, budget=Budget(calls=1))).ok, run_id
        assert (await system.run(talker(), "go", run_id=f"{run_id}!")).ok


async def test_calls_of_similar_ids_are_apart(make: Make, store: Store) -> None:
    """A call of one run is not taken for one of another whose id looks like a place in it."""
    system = make(Scripted("a"))
    inner = both(talker("x"), talker("y"))
    await system.run(talker("first") >> inner, "go", run_id="a")
    await system.run(talker("x"), "go", run_id=f"a/{inner.name}")
    assert (await spent(store)).calls == len(events(make, Call)) == 4


@pytest.mark.parametrize("limited", [True, False])
async def test_whatever_is_cancelled_is_booked(make: Make, store: Store, limited: bool) -> None:
    """At whatever moment a run is cancelled: answers are booked, and nothing stays held."""
    model = priced("a")
    system = make(model, None, *([Budget(usd=1, per="total")] if limited else []))

    async def cancelled(after_s: float) -> None:
        running = asyncio.ensure_future(system.run(talker() >> talker("b"), "go"))
        await asyncio.wait([running], timeout=after_s)
        running.cancel()
        await asyncio.wait([running])

    began = time.perf_counter()
    await asyncio.gather(*(cancelled(60) for _ in range(20)))
    whole = time.perf_counter() - began
    for part in range(10):
        await asyncio.gather(*(cancelled(whole * (part + n / 20) / 10) for n in range(20)))
    assert (await spent(store)).calls == len(events(make, Call)) == len(model.requests) > 0


async def test_tenants_have_budgets_of_their_own(make: Make, store: Store) -> None:
    """A budget per tenant is one for each; a run of nobody in particular is limited by none."""
    system = make(Scripted("a"), None, Budget(calls=1, per="tenant"))
    tenants = ("acme", "a/day:2026-01-01", "total", "tenant:acme", "", "é %2F", "\udc80", "a b")
    for tenant in tenants:
        statuses = [(await system.run(talker(), "go", tenant=tenant)).status for _ in range(2)]
        assert statuses == (["ok"] * 2 if tenant == "" else ["ok", "budget_exceeded"]), tenant
    assert (await spent(store)).calls == len(tenants) + 1


async def test_one_tenant_may_have_a_budget(make: Make) -> None:
    """A budget of a tenant limits no other."""
    system = make(Scripted("a"), None, Budget(calls=0, per="tenant/month", tenant="acme"))
    assert (await system.run(talker(), "go", tenant="acme")).status == "budget_exceeded"
    assert (await system.run(talker(), "go", tenant="other")).ok
    assert "tenant 'acme' in 20" in (await system.run(talker(), "go", tenant="acme")).error


async def test_a_budget_set_while_a_run_is_under_way(make: Make) -> None:
    """The next call is within it, and what was spent before counts."""
    system = make(Scripted("a"))

    async def limit(event: Any) -> None:
        if isinstance(event, Call):
            await system.budgets.set(Budget(calls=1, per="total"))

    run = await system.run(talker() >> talker("second"), "go", on_event=limit)
    assert (run.status, run.cost.calls) == ("budget_exceeded", 1)
    await system.budgets.unset(Budget(calls=9, per="total"))
    assert (await system.run(talker() >> talker("second"), "go")).ok


async def test_the_tightest_budget_counts(make: Make) -> None:
    """Of those in the configuration, in the store, of the run and of the node."""
    budgets = {"given": 3, "set": 3, "run": 3, "node": 3}
    for tight in budgets:
        most = {**budgets, tight: 2}
        system = make(Scripted("a"), None, Budget(calls=most["given"]))
        await system.budgets.set(Budget(calls=most["set"], per="run"))
        node = talker().each(limit=1).within(Budget(calls=most["node"]))
        run = await system.run(node, ["a"] * 4, budget=Budget(calls=most["run"]))
        assert run.cost.calls == 2, tight


async def test_a_cancelled_run_gives_back_what_it_held(make: Make, store: Store) -> None:
    """The call under way is booked with what it had cost, and the one that waited holds nothing."""
    model = Held()
    system = make(model, None, Budget(usd=micro(15), per="total"))
    runs = [asyncio.ensure_future(system.run(talker(), "go")) for _ in range(2)]
    await model.asked.acquire()
    for run in runs:
        run.cancel()
    await asyncio.gather(*runs, return_exceptions=True)
    assert (await spent(store)).nano_usd == 3_000
    assert [call.decision for call in events(make, Call)] == ["cancel"]


async def test_failed_calls_are_charged(make: Make, store: Store) -> None:
    """A call without a reply is booked with what it cost; one that broke gives back its hold."""
    error = Truncated("cut off.", tokens_out=4, nano_usd=4_000)
    budget = Budget(usd=micro(100), per="total")
    run = await make(priced(error), None, budget).run(talker(), "go")
    assert (run.status, (await spent(store)).nano_usd) == ("failed", 4_000)

    def breaks(_: Any) -> str:
        raise ZeroDivisionError("a bug.")

    run = await make(priced(breaks), None, budget).run(talker(), "go")
    assert run.error == "ZeroDivisionError: a bug."
    assert (await spent(store)).nano_usd == 4_000


async def test_a_run_cannot_have_the_budget_of_a_tenant(make: Make) -> None:
    """A run's own budget is for the run alone."""
    with pytest.raises(UserError, match="is for the run, not per='tenant'"):
        await make(Scripted("a")).run(talker(), "go", budget=Budget(calls=1, per="tenant"))


async def test_without_a_store_budgets_hold_all_the_same() -> None:
    """Those of the system, of a run and of a node."""
    node = talker().each(limit=1)
    system = System({"slm": Scripted("a")}, budgets=(Budget(calls=5, per="total"),))
    runs = [await system.run(node, ["a"] * 3) for _ in range(3)]
    assert [run.cost.calls for run in runs] == [3, 2, 0]
    system = System({"slm": Scripted("a")})
    assert (await system.run(node, ["a"] * 3, budget=Budget(calls=2))).cost.calls == 2
    assert (await system.run(node.within(Budget(calls=1)), ["a"] * 3)).cost.calls == 1
    await system.budgets.set(Budget(calls=1, per="tenant"))
    assert (await system.run(node, ["a"] * 3, tenant="acme")).cost.calls == 1


def events(make: Make, kind: type[Any]) -> list[Any]:
    """What the ledger of the store has of a kind."""
    ledger = make(Scripted("")).ledger
    assert ledger is not None
    return [recorded.event for recorded in ledger.events(kind)]


async def test_a_queue_has_an_end_beside_others(make: Make) -> None:
    """Who waits on a `queue` for what another call holds gives up after `wait_s`, too."""
    budget = Budget(usd=micro(15), per="total", on_empty="queue", wait_s=0.2)
    model = Held()
    system = make(model, None, budget)
    first = asyncio.ensure_future(system.run(talker(), "go"))
    await model.asked.acquire()
    others = asyncio.gather(*(system.run(talker(), "go") for _ in range(3)))
    runs = await asyncio.wait_for(others, 10)
    assert {run.status for run in runs} == {"budget_exceeded"}
    assert "$0.00001 of $0.000015 are spent or held, and it may take" in runs[0].error
    model.let.set()
    assert (await first).ok
