"""Logs, in every store."""

import asyncio
import gc
import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from agentsys.errors import SettingsError
from agentsys.stores import Store, open_store

ROOT = Path(__file__).parents[2]


def records(store: Store, log: str = "log", **filters):
    return [entry.record for entry in store.read(log, **filters)]


async def test_records_come_back_in_order(store: Store):
    """A log gives its records as they were, in the order they were appended."""
    written = [{"kind": "a", "n": n, "nested": {"list": [1, None, True, "é"]}} for n in range(5)]
    for record in written:
        await store.append("log", record)
    assert records(store) == written


async def test_logs_are_apart(store: Store):
    """What is appended to one log is in no other."""
    await store.append("one", {"n": 1})
    assert records(store, "other") == []


async def test_records_outlive_the_store(store: Store, url: str):
    """Another store at the same URL reads what was appended, even before the first is closed."""
    await store.append("log", {"n": 1})
    assert records(open_store(url)) == [{"n": 1}]


async def test_appending_goes_on_after_closing(store: Store):
    """A closed store opens again when it is used."""
    await store.append("log", {"n": 1})
    await store.close()
    await store.append("log", {"n": 2})
    assert records(store) == [{"n": 1}, {"n": 2}]


@pytest.mark.parametrize(
    ("where", "found"),
    [
        ({"kind": ["a"]}, [0, 2]),
        ({"kind": ["a", "b"]}, [0, 1, 2]),
        ({"kind": ["a"], "run_id": ["y"]}, [2]),
        ({"bench": ["q"]}, [3]),
        ({"kind": []}, []),
        ({"kind": ["'; DROP TABLE entry"]}, []),
        ({}, [0, 1, 2, 3]),
    ],
)
async def test_where_chooses(store: Store, where, found):
    """Every named field must have one of the wanted values."""
    fields = [
        {"kind": "a", "run_id": "x"},
        {"kind": "b", "run_id": "x"},
        {"kind": "a", "run_id": "y"},
        {"kind": "c", "bench": "q"},
    ]
    for n, record in enumerate(fields):
        await store.append("log", {"n": n, **record})
    assert [record["n"] for record in records(store, where=where)] == found


async def test_where_takes_thousands_of_values(store: Store):
    """There is no bound on the number of wanted values."""
    await store.append("log", {"run_id": "run-77777"})
    assert records(store, where={"run_id": [f"run-{n}" for n in range(100_000)]})


def test_other_fields_cannot_be_searched(store: Store):
    """A field that is not searchable is a mistake, not an empty answer."""
    with pytest.raises(ValueError, match="colour"):
        records(store, where={"colour": ["red"]})


async def test_time_is_now_and_utc(store: Store):
    """An entry has the moment it was appended."""
    before = datetime.now(UTC)
    await store.append("log", {})
    (entry,) = store.read("log")
    assert before - timedelta(milliseconds=1) <= entry.time <= datetime.now(UTC)
    assert entry.time.tzinfo is UTC


async def test_since_and_until_choose(store: Store):
    """`since` is within, `until` is not; another time zone changes nothing."""
    for n in range(3):
        await store.append("log", {"n": n})
    first, second, third = (entry.time for entry in store.read("log"))
    assert first <= second <= third
    assert len(records(store, since=first, until=third + timedelta(microseconds=1))) == 3
    assert records(store, until=first) == []
    assert records(store, since=third + timedelta(microseconds=1)) == []
    assert len(records(store, since=first.astimezone())) == 3


@pytest.mark.parametrize("value", [float("nan"), "\udc80", "\0", "x" * 1_000_000, [[[]]] * 500])
async def test_odd_values_survive(store: Store, value):
    """Whatever a model or a user sends comes back as it was."""
    await store.append("log", {"kind": "odd", "value": value})
    (record,) = records(store)
    assert repr(record["value"]) == repr(value)


async def test_reading_does_not_hold_up_appending(store: Store):
    """Records may be appended while a log is being read."""
    for n in range(100):
        await store.append("log", {"n": n})
    for entry in store.read("log"):
        await store.append("other", entry.record)
    assert len(records(store, "other")) == 100


async def test_threads_append_at_once(store: Store):
    """No record of any thread is lost."""

    async def work(name: int) -> None:
        for n in range(200):
            await store.append("log", {"run_id": f"{name}", "n": n})

    threads = [threading.Thread(target=lambda n=name: asyncio.run(work(n))) for name in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(records(store)) == 1600
    assert [r["n"] for r in records(store, where={"run_id": ["3"]})] == list(range(200))


@pytest.mark.parametrize("url", ["", "sqlite://", "sqlite:///", "a.db", "http://x"])
def test_other_urls_are_refused(url: str):
    """A URL of another form names what is allowed."""
    with pytest.raises(SettingsError, match="Allowed are 'sqlite:///PATH'"):
        open_store(url)


async def test_a_key_is_added_once(store: Store):
    """Of two records of one key the first stays; another log knows nothing of it."""
    assert await store.append("log", {"n": 1}, key="k")
    assert not await store.append("log", {"n": 2}, key="k")
    assert await store.append("log", {"n": 3}, key="other")
    assert await store.append("log", {"n": 4})
    assert await store.append("other", {"n": 5}, key="k")
    assert records(store) == [{"n": 1}, {"n": 3}, {"n": 4}]


async def test_tasks_append_at_once(store: Store):
    """More tasks than a store has connections do not hinder each other."""
    await asyncio.gather(*(store.append("log", {"n": n}) for n in range(300)))
    assert sorted(record["n"] for record in records(store)) == list(range(300))


async def test_long_logs_come_back_whole(store: Store):
    """A log that is read in pieces has no gap between them, however it is chosen from."""
    for n in range(2_500):
        await store.append("log", {"n": n, "kind": "odd" if n % 2 else "even", "run_id": f"{n}"})
    assert [record["n"] for record in records(store)] == list(range(2_500))
    odd = records(store, where={"kind": ["odd"]})
    assert [record["n"] for record in odd] == list(range(1, 2_500, 2))
    some = records(store, where={"run_id": ["7", "2000", "none"], "kind": ["odd"]})
    assert [record["n"] for record in some] == [7]


@pytest.mark.parametrize("value", ["\udc80", "a\0b", "", "é" * 500, "x" * 10_000])
async def test_odd_values_are_found(store: Store, value: str):
    """Whatever text a searchable field has, it is found by it, and nothing else is."""
    await store.append("log", {"run_id": "a", "n": 0})
    await store.append("log", {"run_id": "é" * 501, "n": 1})
    await store.append("log", {"run_id": value, "n": 2})
    assert [r["n"] for r in records(store, where={"run_id": [value]})] == [2]
    for n in range(20):
        await store.append("log", {"kind": "more", "n": n})
    assert [r["n"] for r in records(store, where={"run_id": [value]})] == [2]


def test_event_loops_follow_each_other(url: str):
    """A store that is never closed is used by one event loop after another, with no warning."""
    code = """if True:
        import asyncio, sys
        from agentsys.stores import open_store
        store = open_store(sys.argv[1])
        for n in range(3):
            asyncio.run(store.append("log", {"n": n}))
        async def several():
            await asyncio.gather(*(store.append("log", {"n": n}) for n in range(3, 40)))
        asyncio.run(several())
        print(sum(1 for _ in store.read("log")))
    """
    command = [sys.executable, "-W", "error", "-c", code, url]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert (done.stdout, done.stderr) == ("40\n", "")


async def test_a_reader_may_stop(store: Store):
    """An iterator that is left early keeps nothing open."""
    for n in range(1_500):
        await store.append("log", {"n": n})
    reading = store.read("log")
    assert next(reading).record == {"n": 0}
    del reading
    gc.collect()
