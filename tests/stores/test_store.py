"""What every store does. A new store joins `STORES` and passes all of this."""

import asyncio
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from agentsys.errors import SettingsError
from agentsys.stores import Store, open_store

STORES = ["sqlite", "redis"]


@pytest.fixture(params=STORES)
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "redis":
        return request.getfixturevalue("redis_url")
    return f"sqlite:///{tmp_path / 'store.db'}"


@pytest.fixture
async def store(url: str):
    opened = open_store(url)
    yield opened
    await opened.close()


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
