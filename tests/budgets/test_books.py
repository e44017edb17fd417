"""Holds, settlements and what is shown of budgets, on every store."""

import asyncio
import random
import time
from datetime import UTC, date, datetime
from typing import Any

import pytest

from agentsys.budgets import Budgets, Purse, spoken
from agentsys.budgets.accounts import Limits, account_of, tenant_scope
from agentsys.errors import BudgetExceeded, StoreError
from agentsys.events import Call, HoldExpired
from agentsys.ledger import Ledger
from agentsys.limits import Budget
from agentsys.money import Price, Spend, Worst
from agentsys.stores import Store
from tests.budgets.conftest import Make, spent
from tests.budgets.models import PER_TOKEN, Held, micro, talker

OPERATIONS = 10_000


def a_call(call_id: str, accounts: tuple[str, ...], tokens: int = 3) -> Call:
    """A call that took so many tokens."""
    return Call(
        run_id="r",
        node="n",
        tier="slm",
        deployment="d",
        attempt=0,
        guided="none",
        tokens_in=0,
        tokens_out=tokens,
        nano_usd=tokens * 1_000,
        seconds=tokens / 1_000_000,
        schema_valid=None,
        confidence=None,
        decision="accept",
        reason="",
        text="",
        call_id=call_id,
        accounts=accounts,
    )


def worst(seconds: float = 0.0) -> Worst:
    return Worst(0, seconds, PER_TOKEN)


async def test_a_charge_is_booked_where_it_was_held(store: Store) -> None:
    """A call that was held before midnight is booked on that day."""
    budgets = Budgets(store)
    yesterday = datetime(2026, 12, 31, 23, 59, 59, tzinfo=UTC)
    names = [account_of("total", period, yesterday) for period in ("", "day", "month")]
    assert names == ["total", "total/day:2026-12-31", "total/month:2026-12"]

    async def limits() -> Limits:
        limit = (Budget(usd=1, per="total"),)
        return Limits(tuple(names), {names[0]: limit, names[1]: limit})

    grant = await budgets.hold("c", "r", worst(), 10, await limits(), limits)
    await budgets.settle(a_call("c", grant.accounts))
    assert {name: (await spent(store, name)).calls for name in names} == dict.fromkeys(names, 1)
    assert await budgets.rebuild() == {}


async def test_a_new_day_has_a_new_budget(store: Store) -> None:
    """A call that waits on a `queue` is made when the account becomes another one."""
    budgets, days = Budgets(store), iter(["full", "full", "new"])
    await budgets.settle(a_call("before", ("full",), tokens=10))
    budget = Budget(usd=micro(10), per="total/day", on_empty="queue")

    async def limits() -> Limits:
        day = next(days)
        return Limits((day,), {day: (budget,)})

    assert (await budgets.hold("c", "r", worst(), 10, await limits(), limits)).accounts == ("new",)
    await budgets.release("c")


async def test_settling_ten_times_charges_once(store: Store) -> None:
    """The same call is booked once, whoever says so."""
    for _ in range(10):
        await Budgets(store).settle(a_call("c", ("total",)))
    assert await spent(store) == Spend(3_000, 3, 1, 3)
    assert len(list(Ledger(store).events(Call))) == 1


async def test_a_call_that_takes_longer_than_the_lease(store: Store) -> None:
    """What it holds stays held as long as its process lives."""
    budgets = Budgets(store, (Budget(usd=micro(10), per="total"),), lease_s=0.1)
    purse = Purse(budgets, "r")
    grant = await purse.hold("c", worst, 10)
    await asyncio.sleep(0.4)
    assert (await store.balances(["total"]))["total"].held.nano_usd == 10_000
    await purse.settle(a_call("c", grant.accounts))
    assert (await spent(store)).nano_usd == 3_000
    assert list(Ledger(store).events(HoldExpired)) == []


async def test_a_process_that_was_held_up(store: Store) -> None:
    """It holds what its call takes again, room or not; when it is settled, nothing stays held."""
    budgets = Budgets(store, (Budget(usd=micro(10), per="total"),), lease_s=0.1)
    others = Budgets(store, budgets.given)
    grant = await Purse(budgets, "r").hold("c", worst, 10)
    time.sleep(0.2)  # noqa: ASYNC251  (the event loop is held up)
    other = await Purse(others, "s").hold("d", worst, 10)
    await asyncio.sleep(0.1)
    assert (await store.balances(["total"]))["total"].held.nano_usd == 20_000
    for call_id, accounts in (("c", grant.accounts), ("d", other.accounts)):
        await (budgets if call_id == "c" else others).settle(a_call(call_id, accounts, tokens=10))
    assert (await spent(store)).nano_usd == 20_000
    assert len(list(Ledger(store).events(HoldExpired))) == 1


async def test_a_late_settlement(store: Store) -> None:
    """A call whose hold has expired and went to others is booked whole, once."""
    budgets = Budgets(store, (Budget(usd=micro(10), per="total"),), lease_s=0.05)
    grant = await Purse(budgets, "r").hold("c", worst, 10)
    time.sleep(0.1)  # noqa: ASYNC251  (the event loop is held up)
    other = Purse(Budgets(store, budgets.given), "s")
    taken = await other.hold("d", worst, 10)
    for _ in range(2):
        await budgets.settle(a_call("c", grant.accounts, tokens=10))
    assert (await store.balances(["total"]))["total"].spent.nano_usd == 10_000
    await other.settle(a_call("d", taken.accounts, tokens=10))
    assert (await spent(store)).nano_usd == 20_000
    with pytest.raises(BudgetExceeded, match=r"\$0.00002 of \$0.00001 are spent"):
        await other.hold("e", worst, 10)


async def test_a_process_that_died_is_replaced_at_once(store: Store) -> None:
    """The same call, made again by a run that goes on, takes the place of its dead hold."""
    given = (Budget(usd=micro(10), per="total"),)
    await Purse(Budgets(store, given), "r").hold("c", worst, 10)
    purse = Purse(Budgets(store, given), "r")
    grant = await asyncio.wait_for(purse.hold("c", worst, 10), 5)
    await purse.settle(a_call("c", grant.accounts))
    assert (await spent(store)).nano_usd == 3_000


async def test_holds_that_are_cancelled_leave_nothing(store: Store) -> None:
    """Wherever a call is cancelled while room is looked for, nothing stays held."""
    purse = Purse(Budgets(store, (Budget(usd=1, per="total"),)), "r")
    await purse.release("c")

    async def cancelled(number: int) -> None:
        holding = asyncio.ensure_future(purse.hold(f"c{number}", worst, 10))
        await asyncio.sleep(number * 1e-5)
        if not holding.cancel():
            await purse.release(f"c{number}")
        await asyncio.gather(holding, return_exceptions=True)

    for _ in range(3):
        await asyncio.gather(*(cancelled(number) for number in range(200)))
        assert await spent(store) == Spend()


@pytest.mark.parametrize("seconds", [0.0, 1.0000001, 61.000000001, 1e-7, 10.0])
async def test_exactly_what_is_left_will_do(store: Store, seconds: float) -> None:
    """A call takes the last nano-dollar and microsecond; one more than there is ends at once."""
    budget = Budget(usd=micro(10), tokens=10, calls=1, seconds=seconds, per="total")
    purse = Purse(Budgets(store, (budget,)), "r")
    await asyncio.wait_for(purse.hold("c", lambda: worst(seconds), 10), 5)
    await purse.release("c")
    for more in (worst(seconds * 20 + 21), Worst(1, seconds, PER_TOKEN)):
        with pytest.raises(BudgetExceeded):
            await asyncio.wait_for(purse.hold("c", lambda more=more: more, 10), 5)
    assert await spent(store) == Spend()


async def test_time_is_shortened_before_the_reply(store: Store) -> None:
    """Where a machine is paid by the hour, a call gets less time, and then fewer tokens."""
    price = Price(usd_per_mtok_out=1, usd_per_hour=3600)  # pyright: ignore[reportArgumentType]
    purse = Purse(Budgets(store), "r")

    async def granted(usd: str) -> tuple[int, float | None]:
        own = purse.within("", Budget(usd=usd))
        grant = await own.hold("c", lambda: Worst(0, 100, price), 100)
        await own.release("c")
        return grant.max_tokens, grant.seconds

    assert await granted("100.0001") == (100, None)
    assert await granted("60.0001") == (100, 60)
    assert await granted("10.0001") == (100, 10)
    assert await granted("10.00005") == (50, 10)


async def test_a_thousand_tasks_cannot_overspend(make: Make, store: Store) -> None:
    """However many begin at the same moment, as many are made as there is room for."""
    model = Held()
    model.let.set()
    system = make(model, None, Budget(usd=micro(100), per="total"))
    runs = await asyncio.gather(*(system.run(talker(), "go") for _ in range(300)))
    statuses = [run.status for run in runs]
    # A call that takes 10 at most and costs 1 fits until 91 are spent.
    assert (statuses.count("ok"), statuses.count("budget_exceeded")) == (91, 209)
    assert (await spent(store)).nano_usd == 91_000


async def test_any_operations_leave_ledger_and_counters_alike(store: Store) -> None:
    """After ten thousand random operations they agree to the nano-dollar, and so does a rebuild."""
    drawn = random.Random(7)
    given = tuple(Budget(usd=micro(drawn.randrange(9_000)), per=per) for per in ("tenant", "run"))
    budgets = Budgets(store, given)
    under_way: dict[str, tuple[Purse, tuple[str, ...]]] = {}
    settled: list[Call] = []
    number = 0
    for _ in range(OPERATIONS):
        match drawn.choices(["hold", "settle", "release", "again", "late"], [45, 35, 5, 10, 5])[0]:
            case "hold" if len(under_way) < 20:
                purse = Purse(budgets, f"run{drawn.randrange(50)}", drawn.choice(["", "a", "b/c"]))
                number += 1
                try:
                    work = purse.hold(f"c{number}", worst, drawn.randrange(100))
                    grant = await asyncio.wait_for(work, None if under_way == {} else 0.01)
                except (BudgetExceeded, TimeoutError):
                    continue
                under_way[f"c{number}"] = (purse, grant.accounts)
            case "settle" if under_way:
                call_id = drawn.choice(list(under_way))
                purse, accounts = under_way.pop(call_id)
                settled.append(a_call(call_id, accounts, drawn.randrange(100)))
                await purse.settle(settled[-1])
            case "release" if under_way:
                call_id = drawn.choice(list(under_way))
                await under_way.pop(call_id)[0].release(call_id)
            case "again" if settled:
                await budgets.settle(drawn.choice(settled))
            case "late" if under_way:
                call_id = drawn.choice(list(under_way))
                await store.release(call_id)
            case _:
                pass
    for call_id, (purse, _) in under_way.items():
        await purse.release(call_id)
    assert await counted(store) == tallied(settled)
    assert tallied(recorded.event for recorded in Ledger(store).events(Call)) == tallied(settled)
    assert await budgets.rebuild() == {}
    assert await counted(store) == tallied(settled)


async def counted(store: Store) -> dict[str, Spend]:
    """What the counters say; nothing is held."""
    balances = await store.balances()
    assert {balance.held for balance in balances.values()} == {Spend()}
    return {account: balance.spent for account, balance in balances.items()}


def tallied(calls: Any) -> dict[str, Spend]:
    """What the calls add up to, on each account."""
    sums: dict[str, Spend] = {}
    for call in calls:
        for account in call.accounts:
            sums[account] = sums.get(account, Spend()) + call.spend
    return sums


async def test_what_is_shown(store: Store) -> None:
    """Each standing budget with what its account has spent; of each tenant that spent anything."""
    total = Budget(usd=1, per="total")
    each, acme = Budget(calls=5, per="tenant/day"), Budget(tokens=9, per="tenant", tenant="acme")
    run = Budget(seconds=9)
    budgets = Budgets(store, (total, run))
    for budget in (acme, each):
        await budgets.set(budget)
    shown = await budgets.shown()
    assert [(one.budget, one.account) for one in shown] == [
        (total, "total"),
        (run, ""),
        (each, ""),
        (acme, "tenant:acme"),
    ]
    for tenant in ("acme", "b/c"):
        purse = Purse(budgets, "r", tenant)
        grant = await purse.hold(tenant, worst, 5)
        await purse.settle(a_call(tenant, grant.accounts))
    shown = await budgets.shown()
    today = f"day:{datetime.now(UTC):%Y-%m-%d}"
    assert [(one.account, one.balance.spent.calls) for one in shown] == [
        ("total", 2),
        ("", 0),
        (f"tenant:acme/{today}", 1),
        (f"tenant:b%2Fc/{today}", 1),
        ("tenant:acme", 1),
    ]
    limits = await Purse(budgets, "r", "acme").standing()
    assert [one.account for one in limits] == [
        "total",
        "tenant:acme",
        f"tenant:acme/{today}",
        "run:r",
    ]


async def test_a_budget_takes_effect_in_other_processes(make: Make, store: Store) -> None:
    """Another system on the same store sees a budget that is set, within a second or so."""
    mine, theirs = Budgets(store), Budgets(store)
    assert await theirs.standing() == ()
    await mine.set(Budget(calls=1, per="total"))
    for _ in range(60):
        if await theirs.standing() == (Budget(calls=1, per="total"),):
            break
        await asyncio.sleep(0.05)
    assert await theirs.standing() == (Budget(calls=1, per="total"),)
    assert await mine.unset(Budget(usd=5, per="total"))
    assert not await mine.unset(Budget(usd=5, per="total"))
    assert await mine.standing() == ()


async def test_a_budget_of_a_newer_version(store: Store) -> None:
    """A budget that cannot be read stops calls instead of being left out."""
    await store.put("budgets", "total", {"per": "galaxy", "usd": "1"})
    with pytest.raises(StoreError, match=r"cannot read. Upgrade agentsys, or set the budget anew"):
        await Purse(Budgets(store), "r").hold("c", worst, 5)


@pytest.mark.parametrize(
    ("account", "words"),
    [
        ("total", "all runs"),
        ("total/day:2026-11-20", "all runs on 2026-11-20"),
        (
            account_of(tenant_scope("a/b'c"), "month", date(2026, 11, 1)),
            'tenant "a/b\'c" in 2026-11',
        ),
        (tenant_scope("\udc80"), "tenant '\\udc80'"),
        ("run:a%2Fb", "run 'a/b'"),
        ("run:a/x/y", "'x/y' in run 'a'"),
    ],
)
def test_accounts_in_words(account: str, words: str) -> None:
    """What a budget is for can be read."""
    assert spoken(account) == words
