"""One at a time works on a thing, on all machines; who has died is followed at once, or soon."""

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

from agentsys import UserError, leases, open_store
from agentsys.leases import holders, leased, process
from agentsys.stores import Store


@pytest.fixture(params=["sqlite", "redis"])
async def store(request: pytest.FixtureRequest, tmp_path: Path):
    redis = request.param == "redis"
    url = request.getfixturevalue("redis_url") if redis else f"sqlite:///{tmp_path / 's.db'}"
    opened = open_store(url)
    yield opened
    await opened.close()


def ended_process() -> str:
    """A process of this machine that is no more."""
    code = "from agentsys.leases import process; print(process())"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return ended.stdout.strip()


async def test_one_at_a_time(store: Store) -> None:
    """Inside the block nobody else gets in; after it, however it ended, the next one does."""
    async with leased(store, "x", "The thing"):
        assert await holders(store) == {"x": process()}
        with pytest.raises(UserError, match="The thing is being worked on by process"):
            async with leased(store, "x", "The thing"):
                pass
        async with leased(store, "y", "Another thing"):
            pass
    with pytest.raises(ZeroDivisionError):
        async with leased(store, "x", "The thing"):
            raise ZeroDivisionError
    assert await holders(store) == {}


async def test_a_cancelled_one_gives_back(store: Store) -> None:
    """Cancelled inside its block, or on its way in, a task leaves no lease behind."""

    async def work() -> None:
        async with leased(store, "x", "The thing"):
            await asyncio.Event().wait()

    for turns in range(12):
        task = asyncio.ensure_future(work())
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await holders(store) == {}


async def test_who_has_died_here_is_followed_at_once(store: Store) -> None:
    """A process of this machine that has ended has nothing any more, nor has its number."""
    reused = ":".join([*process().split(":")[:2], "1"])
    for name in (ended_process(), reused):
        await store.put("leases", "x", name, ttl=60)
        async with leased(store, "x", "The thing"):
            assert await holders(store) == {"x": process()}


async def test_who_may_live_elsewhere_is_waited_for(store: Store) -> None:
    """Of another machine nobody knows who has died: its lease must run out."""
    elsewhere = "elsewhere/12345678/4026531836:1:2"
    await store.put("leases", "x", elsewhere, ttl=60)
    with pytest.raises(UserError, match=r"by process 1 on elsewhere.*for 30 seconds at most"):
        async with leased(store, "x", "The thing"):
            pass
    await store.put("leases", "x", elsewhere, ttl=0.001)
    await asyncio.sleep(0.002)
    async with leased(store, "x", "The thing"):
        pass


async def test_who_shows_no_life_is_followed(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where somebody has taken over, who had it before stops, says so and lets the other go on."""
    monkeypatch.setattr(leases, "LEASE_S", 0.06)

    async def work() -> None:
        async with leased(store, "x", "The thing"):
            await store.put("leases", "x", "elsewhere:1:2", ttl=60)
            await asyncio.Event().wait()

    with pytest.raises(UserError, match="another process, which has taken over"):
        await work()
    assert await holders(store) == {"x": "elsewhere:1:2"}


async def test_signs_of_life_keep_it(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """A lease outlives its time while its process lives, also where it had run out."""
    monkeypatch.setattr(leases, "LEASE_S", 0.3)
    async with leased(store, "x", "The thing"):
        await store.delete("leases", "x")
        await asyncio.sleep(0.5)
        assert await holders(store) == {"x": process()}
    assert await holders(store) == {}


async def test_a_renewal_without_an_answer_is_no_takeover(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A lease that was written, but never answered for, is still one's own."""
    monkeypatch.setattr(leases, "LEASE_S", 0.3)
    async with leased(store, "x", "The thing"):
        written = await store.get("leases", "x")
        assert written is not None
        again = await store.put("leases", "x", written.data, ttl=60)
        assert again is not None
        for _ in range(2):
            await asyncio.sleep(0.15)  # one sign of life, which finds another version
        assert await holders(store) == {"x": process()}
    assert await holders(store) == {}


async def test_another_lease_of_this_process_is_a_takeover(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two tasks of one process are told apart: a lease is not one's own for its process alone."""
    monkeypatch.setattr(leases, "LEASE_S", 0.06)

    async def work() -> None:
        async with leased(store, "x", "The thing"):
            await store.put("leases", "x", f"{process()}:other", ttl=60)
            await asyncio.Event().wait()

    with pytest.raises(UserError, match="has taken over"):
        await work()


async def test_who_was_held_up_is_not_first_again(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Work that somebody else took over and finished meanwhile is not gone on with."""
    monkeypatch.setattr(leases, "LEASE_S", 0.06)

    async def work() -> None:
        async with leased(store, "x", "The thing"):
            # What another process leaves behind that followed: its lease, given back.
            await store.put("leases", "x", leases._ENDED, ttl=60)
            await asyncio.Event().wait()

    with pytest.raises(UserError, match="another process, which has taken over"):
        await work()
    async with leased(store, "x", "The thing"):
        assert await holders(store) == {"x": process()}
    assert await holders(store) == {}
