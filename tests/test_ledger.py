"""The ledger: events go in, the same events come out."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from agentsys.errors import StoreError
from agentsys.events import (
    Assigned,
    BenchStarted,
    Call,
    Event,
    Outcome,
    RunFinished,
    RunStarted,
    ToolCall,
)
from agentsys.ledger import Ledger
from agentsys.stores import open_store

CALL = Call(
    "r1", "solve", "slm", "mini", 0, "outlines", 9, 3, 1234, 0.5, True, 0.9, "accept", "", "{}"
)
EVENTS: list[Event] = [
    BenchStarted("b1", "sums", ("one", "two"), None, 0, 2),
    RunStarted("r1", "one", {"text": "é"}),
    Assigned("r1", "one", "sums", "b1", "t1"),
    CALL,
    replace(CALL, schema_valid=None, confidence=None, decision="escalate", reason="no"),
    ToolCall("r1", "solve", "add", {"a": 1}, True, "2", 0.1),
    RunFinished("r1", "one", "ok", [1, {"x": None}], "", ("solve@slm",), 1.5, 1234, 1, 9, 3),
    Outcome("r1", "one", "sums", "b1", "t1", True, "exact"),
    replace(CALL, run_id="r2"),
    Outcome("r2", "two", "sums", "b2", "t1", False, "exact"),
]


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    opened = Ledger.open(f"sqlite:///{tmp_path}/runs.db")
    yield opened
    asyncio.run(opened.store.close())


@pytest.fixture
def full(ledger: Ledger) -> Ledger:
    async def write() -> None:
        for event in EVENTS:
            await ledger.write(event)

    asyncio.run(write())
    return ledger


def test_every_kind_of_event_comes_back_as_it_was(full: Ledger):
    """What is read equals what was written, in order."""
    assert [recorded.event for recorded in full.events()] == EVENTS


@pytest.mark.parametrize(
    ("kinds", "filters", "places"),
    [
        ((Call,), {}, [3, 4, 8]),
        ((Call, ToolCall), {"run_ids": ["r1"]}, [3, 4, 5]),
        ((), {"run_ids": ["r2"]}, [8, 9]),
        ((), {"bench": "b1"}, [0, 2, 7]),
        ((Outcome,), {"bench": "b2", "run_ids": ["r2", "r1"]}, [9]),
        ((), {"run_ids": []}, []),
    ],
)
def test_filters_choose(full: Ledger, kinds, filters, places):
    """Events fit every filter that is given."""
    found = [recorded.event for recorded in full.events(*kinds, **filters)]
    assert found == [EVENTS[place] for place in places]


def test_times_choose(full: Ledger):
    """`since` is within, `until` is not."""
    times = [recorded.time for recorded in full.events()]
    assert times == sorted(times)
    assert len(list(full.events(since=times[0]))) == len(EVENTS)
    assert list(full.events(until=times[0])) == []
    assert list(full.events(since=times[-1] + timedelta(microseconds=1))) == []


@pytest.mark.parametrize("record", [{"kind": "Charge"}, {"kind": "Call", "colour": 1}, {}])
async def test_records_of_a_later_version_are_not_skipped(tmp_path: Path, record):
    """A sum without them would be wrong, so the ledger says that it is too new."""
    store = open_store(f"sqlite:///{tmp_path}/runs.db")
    await store.append("ledger", record)
    with pytest.raises(StoreError, match=r"does not know\. Upgrade agentsys"):
        list(Ledger(store).events())
    await store.close()
