"""Rates, concurrency and shut gates, in every store."""

import asyncio

import pytest

from agentsys.stores import Store
from tests.stores.conftest import Later


async def enter(
    store: Store,
    slot: str,
    *,
    gate: str = "gate",
    rpm: int | None = None,
    tpm: int | None = None,
    most: int | None = None,
    tokens: int = 0,
    lease_s: float = 1000,
) -> float:
    return await store.enter(
        gate,
        slot,
        requests_per_minute=rpm,
        tokens_per_minute=tpm,
        concurrency=most,
        tokens=tokens,
        lease_s=lease_s,
    )


async def test_an_unlimited_gate_is_open(store: Store):
    """Without limits everybody is let in."""
    assert [await enter(store, f"{n}") for n in range(100)] == [0.0] * 100


async def test_requests_of_a_minute(store: Store, later: Later):
    """The request that is one too many waits until the first one is a minute old."""
    assert await enter(store, "a", rpm=2) == 0
    later(20)
    assert await enter(store, "b", rpm=2) == 0
    later(10)
    assert await enter(store, "c", rpm=2) == pytest.approx(30, abs=1)
    await store.leave("gate", "a")
    assert await enter(store, "c", rpm=2) == pytest.approx(30, abs=1)
    later(30)
    assert await enter(store, "c", rpm=2) == 0
    assert await enter(store, "d", rpm=2) == pytest.approx(20, abs=1)


async def test_tokens_of_a_minute(store: Store, later: Later):
    """A request waits until so many tokens are a minute old that its own fit."""
    assert await enter(store, "a", tpm=100, tokens=40) == 0
    later(10)
    assert await enter(store, "b", tpm=100, tokens=40) == 0
    assert await enter(store, "c", tpm=100, tokens=20) == 0
    assert await enter(store, "d", tpm=100, tokens=40) == pytest.approx(50, abs=1)
    assert await enter(store, "d", tpm=100, tokens=41) == pytest.approx(60, abs=1)


async def test_unused_tokens_come_back(store: Store):
    """Tokens that were not taken are there for the next, once."""
    await enter(store, "a", tpm=100, tokens=90)
    await enter(store, "b", tpm=100, tokens=10)
    await store.leave("gate", "a", unused_tokens=50)
    await store.leave("gate", "a", unused_tokens=50)
    assert await enter(store, "c", tpm=100, tokens=51) > 0
    assert await enter(store, "c", tpm=100, tokens=50) == 0
    await store.leave("gate", "b", unused_tokens=1000)
    assert await enter(store, "d", tpm=100, tokens=11) > 0
    assert await enter(store, "d", tpm=100, tokens=10) == 0


async def test_a_large_request_is_let_in_alone(store: Store, later: Later):
    """A request of more tokens than a minute has waits until it is the minute's only one."""
    assert await enter(store, "small", tpm=100, tokens=1) == 0
    assert await enter(store, "large", tpm=100, tokens=500) == pytest.approx(60, abs=1)
    later(61)
    assert await enter(store, "large", tpm=100, tokens=500) == 0
    assert await enter(store, "next", tpm=100, tokens=1) == pytest.approx(60, abs=1)
    later(61)
    assert await enter(store, "next", tpm=100, tokens=1) == 0


async def test_concurrency(store: Store):
    """No more than so many are inside; who leaves makes room, once."""
    assert [await enter(store, name, most=2) for name in "ab"] == [0, 0]
    assert 0 < await enter(store, "c", most=2) < 5
    await store.leave("gate", "a")
    await store.leave("gate", "a")
    await store.leave("gate", "nobody")
    assert await enter(store, "c", most=2) == 0
    assert await enter(store, "d", most=2) > 0


async def test_a_slot_is_given_back_with_its_lease(store: Store, later: Later):
    """A request that never leaves is inside until its lease runs out; entering again extends it."""
    assert await enter(store, "a", most=1, lease_s=100) == 0
    later(90)
    assert await enter(store, "a", most=1, lease_s=100) == 0
    later(90)
    assert await enter(store, "b", most=1) > 0
    later(20)
    assert await enter(store, "b", most=1) == 0
    await store.leave("gate", "a")
    assert await enter(store, "c", most=1) > 0


async def test_a_slot_may_come_again(store: Store, later: Later):
    """A request that comes again after it left counts again."""
    assert await enter(store, "a", rpm=2) == 0
    await store.leave("gate", "a")
    assert await enter(store, "a", rpm=2, lease_s=10) == 0
    later(11)
    assert await enter(store, "a", rpm=2) > 0
    assert await enter(store, "a", rpm=3) == 0


async def test_a_shut_gate(store: Store, later: Later):
    """Nobody comes in while it is shut; a shorter time does not open it sooner."""
    await enter(store, "inside")
    await store.shut("gate", 30)
    await store.shut("gate", 10)
    assert await enter(store, "a") == pytest.approx(30, abs=1)
    assert await enter(store, "inside") == 0
    assert await enter(store, "a", gate="other") == 0
    later(31)
    assert await enter(store, "a") == 0


async def test_gates_are_apart(store: Store):
    """What is let in at one gate counts at no other, whatever their names are made of."""
    names = ["a", "a}b", "{a}", "", "é", "\udc80", "a:log"]
    assert [await enter(store, "x", gate=name, rpm=1) for name in names] == [0] * len(names)
    assert all([await enter(store, "y", gate=name, rpm=1) for name in names])


async def test_tasks_cannot_enter_at_once(store: Store):
    """Of many that come at the same time, as many are let in as are allowed."""
    waits = await asyncio.gather(*(enter(store, f"{n}", rpm=30, most=20) for n in range(100)))
    assert sum(wait == 0 for wait in waits) == 20
