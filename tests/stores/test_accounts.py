"""Accounts, holds and charges, in every store."""

import asyncio
import threading
from typing import Any

from agentsys.money import UNLIMITED, Spend
from agentsys.stores import Balance, Refusal, Store, open_store
from tests.stores.conftest import Later

ANY = Spend(UNLIMITED, UNLIMITED, UNLIMITED, UNLIMITED)
NOTHING = Balance(Spend(), Spend())


def usd(amount: int) -> Spend:
    return Spend(nano_usd=amount)


def cap(amount: int) -> Spend:
    return Spend(amount, UNLIMITED, UNLIMITED, UNLIMITED)


def charge(spend: Spend, *accounts: str) -> dict[str, Any]:
    return {
        "kind": "Charge",
        "accounts": list(accounts),
        "nano_usd": spend.nano_usd,
        "tokens_in": spend.tokens,
        "tokens_out": 0,
        "microseconds": spend.microseconds,
    }


async def reserve(
    store: Store, hold: str, spend: Spend, lease_s: float = 100, **caps: Spend
) -> Refusal | None:
    expiry = {"kind": "Expired", "hold": hold}
    return await store.reserve(hold, spend, caps, lease_s=lease_s, log="log", expiry=expiry)


async def settle(store: Store, hold: str, spend: Spend, *accounts: str, key: str | None = None):
    record = charge(spend, *accounts)
    return await store.settle(hold, accounts, spend, log="log", record=record, key=key or hold)


def kinds(store: Store) -> list[str]:
    return [entry.record["kind"] for entry in store.read("log")]


async def test_a_charge_replaces_its_hold(store: Store):
    """What is held is given back when the charge is booked, on every account."""
    amount = Spend(5, 100, 1, 1_000)
    assert await reserve(store, "h", amount, root=ANY, run=ANY) is None
    assert await store.balances(["root", "run"]) == {
        "root": Balance(Spend(), amount),
        "run": Balance(Spend(), amount),
    }
    real = Spend(3, 70, 1, 900)
    booked = {"root": Balance(real, Spend()), "run": Balance(real, Spend())}
    assert await settle(store, "h", real, "root", "run") == booked
    assert await store.balances() == booked
    assert kinds(store) == ["Charge"]


async def test_every_account_or_none(store: Store):
    """Where one account has no room, nothing is held on any."""
    assert await reserve(store, "a", usd(6), root=cap(10), run=cap(10)) is None
    refusal = await reserve(store, "b", usd(5), root=cap(20), run=cap(10), employee=cap(30))
    assert refusal == Refusal(
        "run",
        "nano_usd",
        Spend(10, UNLIMITED, UNLIMITED, UNLIMITED),
        Spend(4, UNLIMITED, UNLIMITED, UNLIMITED),
    )
    held = {name: balance.held.nano_usd for name, balance in (await store.balances()).items()}
    assert held == {}
    found = await store.balances(["root", "run", "employee"])
    assert {name: balance.held.nano_usd for name, balance in found.items()} == {
        "root": 6,
        "run": 6,
        "employee": 0,
    }
    assert await reserve(store, "c", usd(4), root=cap(20), run=cap(10)) is None


async def test_the_first_account_is_named(store: Store):
    """The refusal is of the first account in the order given, and the first field."""
    spend = Spend(1, 5, 5, 1)
    refusal = await reserve(store, "h", spend, z=Spend(9, 4, 4, 9), a=Spend(0, 0, 0, 0))
    assert refusal == Refusal("z", "tokens", Spend(0, 0, 0, 0), Spend(0, 0, 0, 0))


async def test_each_field_is_limited(store: Store):
    """Money, tokens, calls and time are limited independently."""
    amounts = (Spend(2), Spend(0, 2), Spend(0, 0, 2), Spend(0, 0, 0, 2))
    limits = Spend(1, 1, 1, 1)
    refusals = [await reserve(store, "h", amount, a=limits) for amount in amounts]
    fields = [refusal and refusal.dimension for refusal in refusals]
    assert fields == ["nano_usd", "tokens", "calls", "microseconds"]


async def test_what_is_left_and_what_is_free(store: Store):
    """`left` leaves out what was spent, `free` also what is held; each the least of all."""
    await settle(store, "old", usd(3), "a")
    await reserve(store, "h", usd(4), a=cap(100), b=cap(100))
    refusal = await reserve(store, "i", usd(50), a=cap(20), b=cap(19))
    assert refusal is not None
    assert (refusal.left.nano_usd, refusal.free.nano_usd) == (17, 13)
    await settle(store, "over", usd(30), "a")
    refusal = await reserve(store, "i", usd(0), a=cap(20))
    assert refusal is not None
    assert (refusal.left.nano_usd, refusal.free.nano_usd) == (-13, -17)


async def test_holding_twice_holds_once(store: Store, later: Later):
    """A hold takes the place of the one of its id, with its own amount, accounts and lease."""
    await reserve(store, "h", usd(5), a=cap(10), b=cap(10))
    later(90)
    assert await reserve(store, "h", usd(9), a=cap(10)) is None
    later(90)
    assert await store.balances(["a", "b"]) == {"a": Balance(Spend(), usd(9)), "b": NOTHING}
    assert await reserve(store, "h", usd(11), a=cap(10))
    assert await store.balances(["a"]) == {"a": NOTHING}
    assert kinds(store) == []


async def test_settling_ten_times_charges_once(store: Store):
    """A second charge of the same key books nothing."""
    results = [await settle(store, "h", usd(5), "a") for _ in range(10)]
    assert results == [{"a": Balance(usd(5), Spend())}] + [None] * 9
    assert kinds(store) == ["Charge"]


async def test_a_second_charge_ends_its_hold(store: Store):
    """The hold is given back also where the charge was booked before."""
    await settle(store, "h", usd(5), "a")
    await reserve(store, "h", usd(7), a=ANY)
    assert await settle(store, "h", usd(5), "a") is None
    assert await store.balances(["a"]) == {"a": Balance(usd(5), Spend())}


async def test_charges_are_booked_whole(store: Store):
    """A charge above its hold and above the cap is booked as it is."""
    await reserve(store, "h", usd(5), a=cap(10))
    assert await settle(store, "h", usd(50), "a") == {"a": Balance(usd(50), Spend())}


async def test_other_accounts_may_be_charged(store: Store):
    """A charge may be on other accounts than its hold, which is given back all the same."""
    await reserve(store, "h", usd(5), a=ANY, b=ANY)
    assert await settle(store, "h", usd(4), "b", "c", "c") == {
        "b": Balance(usd(4), Spend()),
        "c": Balance(usd(4), Spend()),
    }
    assert await store.balances() == {
        "b": Balance(usd(4), Spend()),
        "c": Balance(usd(4), Spend()),
    }
    assert await store.balances(["a"]) == {"a": NOTHING}
    assert await store.balances([]) == {}


async def test_a_released_hold_is_gone(store: Store):
    """Releasing gives the amount back, once."""
    await reserve(store, "h", usd(5), a=ANY, b=ANY)
    assert await store.release("h")
    assert not await store.release("h")
    assert not await store.extend("h", lease_s=1)
    assert await store.balances(["a", "b"]) == {"a": NOTHING, "b": NOTHING}
    assert kinds(store) == []


async def test_a_lease_runs_out(store: Store, later: Later):
    """A hold whose lease has run out is gone by every door, and the next one says so in the log."""
    await reserve(store, "h", usd(5), lease_s=10, a=ANY)
    later(11)
    assert await store.balances(["a"]) == {"a": NOTHING}
    assert not await store.extend("h", lease_s=100)
    assert not await store.release("h")
    assert kinds(store) == []
    assert await reserve(store, "i", usd(10), a=cap(10)) is None
    assert kinds(store) == ["Expired"]
    assert (await store.balances(["a"]))["a"].held == usd(10)
    entries = list(store.read("log", where={"kind": ["Expired"]}))
    assert [entry.record for entry in entries] == [{"kind": "Expired", "hold": "h"}]


async def test_real_time_ends_a_lease(store: Store):
    """The seconds of a lease are those of the clock."""
    await reserve(store, "h", usd(5), lease_s=0.02, a=ANY)
    await asyncio.sleep(0.03)
    assert await store.balances(["a"]) == {"a": NOTHING}
    assert not await store.extend("h", lease_s=1)


async def test_a_late_charge_is_booked(store: Store, later: Later):
    """A charge whose hold has expired is booked; the log has both."""
    await reserve(store, "h", usd(5), lease_s=10, a=ANY)
    later(11)
    assert await settle(store, "h", usd(4), "a") == {"a": Balance(usd(4), Spend())}
    assert kinds(store) == ["Expired", "Charge"]


async def test_an_extended_lease_holds(store: Store, later: Later):
    """A hold stays as long as it is extended in time."""
    await reserve(store, "h", usd(5), lease_s=10, a=ANY)
    for _ in range(3):
        later(9)
        assert await store.extend("h", lease_s=10)
    assert (await store.balances(["a"]))["a"].held == usd(5)


async def test_rebuilding_counts_the_log(store: Store):
    """What was spent is computed from the records of charges; the balances that were wrong come."""
    await reserve(store, "h", usd(7), a=ANY)
    await settle(store, "right", Spend(1, 2, 1, 3), "a", "right")
    wrong = charge(usd(20), "b", "b") | {"tokens_in": 3, "tokens_out": 4, "microseconds": 5}
    await store.settle("x", ["b"], usd(10), log="log", record=wrong, key="wrong")
    await store.settle("y", ["c"], usd(9), log="elsewhere", record=charge(usd(9), "c"), key="y")
    await store.append("log", charge(usd(5), "d", "é\udc80"))
    for odd in ({"kind": "x"}, {"kind": "x", "accounts": "a"}, {"kind": "x", "n": float("nan")}):
        await store.append("log", odd)
    before = await store.rebuild("log")
    assert before == {
        "b": Balance(usd(10), Spend()),
        "c": Balance(usd(9), Spend()),
        "d": NOTHING,
        "é\udc80": NOTHING,
    }
    assert await store.balances() == {
        "a": Balance(Spend(1, 2, 1, 3), usd(7)),
        "b": Balance(Spend(20, 7, 1, 5), Spend()),
        "d": Balance(Spend(5, 0, 1, 0), Spend()),
        "right": Balance(Spend(1, 2, 1, 3), Spend()),
        "é\udc80": Balance(Spend(5, 0, 1, 0), Spend()),
    }
    assert await store.rebuild("log") == {}


async def test_rebuilding_counts_tuples(store: Store):
    """A record whose accounts come as a tuple is the charge that its JSON is."""
    spend = Spend(5, 6, 1, 7)
    record = charge(spend) | {"accounts": ("a", "b")}
    await store.settle("h", ["a", "b"], spend, log="log", record=record, key="h")
    assert await store.rebuild("log") == {}
    assert [*await store.balances()] == ["a", "b"]


async def test_rebuilding_takes_in_what_is_booked_meanwhile(store: Store):
    """Charges during a rebuild are counted once."""
    charged = Spend(1, 1, 1, 1)
    for n in range(2_500):
        await store.append("log", charge(charged, "a"), key=f"{n}")
    await store.rebuild("log")

    async def book() -> None:
        for n in range(200):
            await settle(store, f"s{n}", charged, "a")

    _, *wrong = await asyncio.gather(book(), *(store.rebuild("log") for _ in range(3)))
    assert wrong == [{}] * 3
    assert (await store.balances())["a"].spent == Spend(2_700, 2_700, 2_700, 2_700)


async def test_large_amounts_are_exact(store: Store):
    """Nine million dollars are counted to the nano-dollar."""
    large = Spend(UNLIMITED - 10, 1, 1, UNLIMITED - 1)
    await settle(store, "a", large, "x")
    assert await reserve(store, "h", usd(10), x=ANY) is None
    refusal = await reserve(store, "i", usd(1), x=ANY)
    assert refusal is not None
    assert (refusal.left.nano_usd, refusal.free.nano_usd) == (10, 0)
    assert (await settle(store, "h", usd(9), "x") or {})["x"].spent.nano_usd == UNLIMITED - 1


async def test_odd_names(store: Store):
    """Accounts, holds and keys may have any name."""
    names = ["", "a,b", "a;b", "\0", "é", "\udc80", "}", "x" * 5_000]
    for name in names:
        caps, expiry = {name: cap(1)}, {"kind": name}
        assert await store.reserve(name, usd(1), caps, lease_s=9, log=name, expiry=expiry) is None
        assert await settle(store, name, usd(1), name) == {name: Balance(usd(1), Spend())}
    assert list(await store.balances()) == sorted(names)


async def test_tasks_cannot_overspend(store: Store):
    """Of many that want more than there is, as many get it as fit."""
    wanted = [reserve(store, f"h{n}", usd(3), root=cap(100), run=ANY) for n in range(200)]
    granted = [refusal is None for refusal in await asyncio.gather(*wanted)]
    assert sum(granted) == 33
    assert (await store.balances(["root"]))["root"].held == usd(99)


def test_threads_cannot_overspend(url: str):
    """Event loops of several threads share one store."""
    store = open_store(url)
    granted = list[str]()

    async def work(thread: int) -> None:
        for n in range(50):
            hold = f"{thread}-{n}"
            if await reserve(store, hold, usd(1), a=cap(100)) is None:
                granted.append(hold)
                await settle(store, hold, usd(1), "a")
        await store.close()

    threads = [threading.Thread(target=lambda n=n: asyncio.run(work(n))) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(granted) == 100
