"""Logs as tables, in every store."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentsys.stores import Store, listed, open_store
from agentsys.stores.columns import COLUMNS

RECORD: dict[str, Any] = {
    "kind": "Call",
    "run_id": "r",
    "node": "solve",
    "nano_usd": 7,
    "seconds": 0.1,
    "schema_valid": True,
    "text": "what was said",
}


async def append(store: Store, *records: dict[str, Any]) -> None:
    for record in records:
        await store.append("log", record)


def totals(store: Store, *by: str, lists: tuple[str, ...] = (), **more: Any) -> dict[Any, Any]:
    """By group: the rest of the line, with what it lists."""
    found: dict[Any, Any] = {}
    for line in store.totals("log", "Call", by, listed=lists, **more):
        rest = [*line[len(by) :]]
        if lists:
            rest[-1] = listed(rest[-1], lists)
        found[line[: len(by)]] = rest
    return found


async def test_columns_are_given_in_the_order_asked(store: Store):
    """Each line has the values of the columns, as they were; what is not there is none."""
    await append(store, RECORD, {"kind": "Other", "run_id": "r"}, {"kind": "End", "run_id": "q"})
    columns = ("schema_valid", "kind", "seconds", "nano_usd", "run_id", "node", "tier")
    assert list(store.lines("log", ["Call", "End"], columns)) == [
        (True, "Call", 0.1, 7, "r", "solve", None),
        (None, "End", None, None, "q", None, None),
    ]
    (found,) = store.lines("log", ["Call"], ["schema_valid"])
    assert found[0] is True


async def test_lines_are_in_the_order_they_were_appended(store: Store):
    """Whatever their kinds and runs are."""
    for n in range(60):
        await append(store, {"kind": "AB"[n % 2], "run_id": f"{n * 37 % 60}", "attempt": n})
    found = [n for (n,) in store.lines("log", ["B", "A"], ["attempt"])]
    assert found == list(range(60))


async def test_only_lines_with_a_kind_and_a_run(store: Store):
    """Other records are in the log, and in no table."""
    await append(store, {"kind": "Call"}, {"run_id": "r"}, {"kind": "Call", "run_id": 3}, RECORD)
    assert len(list(store.lines("log", ["Call"], ["node"]))) == 1
    assert list(store.lines("other", ["Call"], ["node"])) == []


async def test_lines_are_chosen(store: Store):
    """By run, by bench and by time; of no run there is nothing."""
    await append(store, *({**RECORD, "run_id": f"r{n}", "bench": f"b{n % 2}"} for n in range(5)))

    def found(**which: Any) -> list[str]:
        return [line[0] for line in store.lines("log", ["Call"], ["run_id", "time"], **which)]

    assert found(where={"run_id": ["r1", "r3", "none"]}) == ["r1", "r3"]
    assert found(where={"bench": ["b0"], "run_id": ["r1", "r2"]}) == ["r2"]
    assert found(where={"run_id": []}) == []
    entries = list(store.read("log"))
    assert found(since=entries[3].time) == ["r3", "r4"]
    assert found(until=entries[0].time + timedelta(microseconds=1)) == ["r0"]
    (first, *_) = store.lines("log", ["Call"], ["time"])
    assert first[0] == round(entries[0].time.timestamp() * 1e6)


async def test_records_are_added_up(store: Store):
    """Sums, numbers of values, and lists in the order of the records, for each group."""
    await append(
        store,
        {**RECORD, "energy_j": 1.5},
        {**RECORD, "node": "plan", "nano_usd": 1, "schema_valid": None},
        {**RECORD, "run_id": "q", "nano_usd": 5},
        {**RECORD, "nano_usd": 10**15, "schema_valid": False},
    )
    found = totals(
        store,
        "run_id",
        sums=["nano_usd", "schema_valid", "energy_j"],
        lists=("node", "schema_valid", "energy_j"),
    )
    nodes = [("solve", True, True), ("plan", None, False), ("solve", False, False)]
    assert found["r",] == [3, 10**15 + 8, 1, 1.5, nodes]
    assert found["q",] == [1, 5, 1, None, [("solve", True, False)]]
    assert found["r",][-1][0][1:] == (True, True)
    assert found["r",][-1][0][2] is True
    by_node = totals(store, "run_id", "node", lists=("nano_usd",))
    assert by_node["r", "solve"] == [2, [(7,), (10**15,)]]
    assert by_node["r", "plan"] == [1, [(1,)]]
    assert totals(store, "run_id", where={"run_id": ["q"]}) == {("q",): [1]}


async def test_lists_keep_their_order_in_large_groups(store: Store):
    """Thousands of records of one run, whose nodes alternate."""
    for n in range(1_000):
        await store.append("log", {**RECORD, "run_id": f"r{n % 2}", "node": "ab"[n % 3 == 0]})
        await store.append("log", {**RECORD, "run_id": "long", "attempt": n})
    found = totals(store, "run_id", "node", lists=("attempt",))
    assert found["long", "solve"][1] == [(n,) for n in range(1_000)]


@pytest.mark.parametrize(
    ("name", "value", "kept"),
    [
        ("node", "\udc80", "\\udc80"),
        ("node", "a\0b", "a\\u0000b"),
        ("node", 'é"\\\n', 'é"\\\n'),
        ("node", 3, None),
        ("nano_usd", 2**62, 2**62),
        ("nano_usd", 2**63, None),
        ("nano_usd", 1.5, None),
        ("nano_usd", True, None),
        ("seconds", 3, 3.0),
        ("seconds", float("nan"), None),
        ("seconds", float("inf"), float("inf")),
        ("seconds", 10**400, None),
        ("seconds", "1", None),
        ("success", 1, None),
        ("success", False, False),
    ],
)
async def test_values_are_of_their_columns_type(store: Store, name: str, value: Any, kept: Any):
    """What is of another type is not there; text that no store can hold is escaped."""
    await append(store, {"kind": "Call", "run_id": "r", name: value, "output": float("nan")})
    assert list(store.lines("log", ["Call"], [name])) == [(kept,)]
    listed_as = kept is not None if COLUMNS[name] is float else kept
    assert totals(store, "run_id", lists=(name,)) == {("r",): [1, [(listed_as,)]]}


async def test_unknown_columns_are_a_mistake(store: Store):
    """A slip of the pen is no empty table, and no door to the database."""
    with pytest.raises(ValueError, match="no column"):
        list(store.lines("log", ["Call"], ["text"]))
    with pytest.raises(ValueError, match="no column"):
        list(store.totals("log", "Call", ["run_id"], sums=["1); DROP TABLE entry"]))
    with pytest.raises(ValueError, match="do not agree"):
        list(store.totals("log", "Call", ["seconds"]))


async def test_charges_are_lines_too(store: Store):
    """What is appended by a settlement is in the table as what is appended."""
    from agentsys.money import Spend

    await store.settle("h", [], Spend(1), log="log", record=RECORD, key="k")
    await store.settle("h", [], Spend(1), log="log", record=RECORD, key="k")
    await store.append("log", RECORD, key="k")
    assert list(store.lines("log", ["Call"], ["nano_usd"])) == [(7,)]


CELLS = st.fixed_dictionaries(
    {
        "run_id": st.sampled_from(["r1", "r2", "é"]),
        "node": st.sampled_from(["solve", "plan", ""]),
        "nano_usd": st.integers(0, 10**15),
        "schema_valid": st.sampled_from([True, False, None]),
        "energy_j": st.sampled_from([None, 0.0, 1.5]),
    }
)


@settings(max_examples=60, deadline=None)
@given(st.lists(CELLS, max_size=12))
def test_totals_are_what_the_records_say(records: list[dict[str, Any]]):
    """Against sums made record by record."""
    store = open_store("sqlite:///:memory:")
    asyncio.run(append(store, *({"kind": "Call", **record} for record in records)))
    lists = ("schema_valid", "energy_j")
    found = totals(store, "run_id", "node", sums=["nano_usd"], lists=lists)
    expected: dict[Any, Any] = {}
    for record in records:
        group = expected.setdefault((record["run_id"], record["node"]), [0, 0, []])
        group[0] += 1
        group[1] += record["nano_usd"]
        group[2].append((record["schema_valid"], record["energy_j"] is not None))
    assert found == expected
