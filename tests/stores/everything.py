"""Each method of a store, once: for servers that may not be able to do it."""

from typing import Any

from agentsys.money import Spend
from agentsys.stores import Store


async def everything(store: Store) -> None:
    """Use a store by all its doors."""
    cap = Spend(10, 10, 10, 10)
    charge = {"kind": "Charge", "accounts": ["a", "b"], "nano_usd": 1}
    assert await store.append("log", {"kind": "x", "run_id": "r"}, key="k")
    assert not await store.append("log", {"kind": "x"}, key="k")
    assert await store.append("log", {"kind": "x"})
    version = await store.put("space", "key", 1, ttl=100)
    assert await store.put("space", "key", 2, expected=version)
    assert await store.get("space", "key")
    assert list(await store.values("space")) == ["key"]
    assert await store.spaces() == ["space"]
    assert await store.delete("space", "key")
    hold: dict[str, Any] = {"lease_s": 100, "log": "log", "expiry": {"kind": "Expired"}}
    gone: dict[str, Any] = {**hold, "lease_s": 0}
    assert await store.reserve("h", Spend(5), {"a": cap, "b": cap}, **hold) is None
    assert await store.reserve("i", Spend(6), {"a": cap}, **hold)
    assert await store.extend("h", lease_s=100)
    assert await store.settle("h", ["a", "b"], Spend(1, 0, 1), log="log", record=charge, key="h")
    assert await store.reserve("j", Spend(1), {"a": cap}, **gone) is None
    assert await store.reserve("h", Spend(1), {"a": cap}, **hold) is None
    assert await store.release("h")
    assert list(await store.balances()) == ["a", "b"]
    assert await store.rebuild("log") == {}
    gate: dict[str, Any] = {
        "requests_per_minute": 9,
        "tokens_per_minute": 9,
        "concurrency": 1,
        "lease_s": 100,
    }
    assert await store.enter("gate", "slot", tokens=5, **gate) == 0
    assert await store.enter("gate", "other", tokens=5, **gate) > 0
    await store.leave("gate", "slot", unused_tokens=1)
    await store.shut("gate", 5)
    kinds = [entry.record["kind"] for entry in store.read("log")]
    assert kinds == ["x", "x", "Charge", "Expired"]
    found = list(store.read("log", where={"run_id": ["r"]}))
    assert len(found) == 1
    assert list(store.lines("log", ["x"], ["run_id"])) == [("r",)]
    assert list(store.totals("log", "x", ["run_id"], listed=["node"])) == [("r", 1, "[[null]]")]
