"""Every store does what a simple model does, in any sequence of operations."""

import asyncio
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from agentsys.money import UNLIMITED, Spend
from agentsys.stores import ABSENT, open_store
from agentsys.stores.base import SEARCHABLE
from tests.redis_server import RedisServer
from tests.stores.conftest import STORES, clock_of
from tests.stores.model import Model

few = st.sampled_from(["a", "b", "c"])
records = st.fixed_dictionaries(
    {"n": st.integers()}, optional=dict.fromkeys(SEARCHABLE, few) | {"text": st.text()}
)
amounts = st.builds(Spend, *[st.integers(0, 5)] * 4)
limits = st.one_of(st.just(UNLIMITED), st.integers(0, 15))
caps = st.dictionaries(few, st.builds(Spend, *[limits] * 4), min_size=1)
seconds = st.sampled_from([10.0, 100.0])


class Sequences(RuleBasedStateMachine):
    url = ""
    server: RedisServer

    @initialize()
    def begin(self):
        if self.url.startswith("unix:"):
            self.server.command("FLUSHALL")
        self.loop = asyncio.Runner()
        self.store = open_store(self.url)
        self.later = clock_of(self.store, self.server)
        self.model = Model()
        self.versions = {0}

    def teardown(self):
        if hasattr(self, "loop"):
            self.loop.run(self.store.close())
            self.loop.close()

    def run(self, awaited: Any) -> Any:
        return self.loop.run(awaited)

    @rule(record=records, key=st.one_of(st.none(), few))
    def append(self, record, key):
        added = self.run(self.store.append("log", record, key=key))
        assert added == self.model.append(record, key)

    @rule(field=st.sampled_from(SEARCHABLE), values=st.sets(few))
    def read(self, field, values):
        found = [e.record for e in self.store.read("log", where={field: values})]
        assert found == [r for r in self.model.records if r.get(field) in values]

    @rule(space=few, key=few, data=st.integers(), ttl=st.one_of(st.none(), seconds))
    def put(self, space, key, data, ttl):
        version = self.run(self.store.put(space, key, data, ttl=ttl))
        self._keep(space, key, data, ttl, version)

    @rule(space=few, key=few, ttl=st.one_of(st.none(), seconds), change=st.integers(-1, 1))
    def compare_and_set(self, space, key, ttl, change):
        expected = max(ABSENT, self.model.version(space, key) + change)
        version = self.run(self.store.put(space, key, "cas", ttl=ttl, expected=expected))
        assert (version is not None) == (expected == self.model.version(space, key))
        if version is not None:
            self._keep(space, key, "cas", ttl, version)

    def _keep(self, space, key, data, ttl, version):
        earlier = self.model.values.get((space, key), (None, ABSENT, None))[1]
        assert version > earlier
        ends = None if ttl is None else self.model.now + ttl
        self.model.values[space, key] = (data, version, ends)

    @rule(space=few, key=few, change=st.sampled_from([None, 0, 1]))
    def delete(self, space, key, change):
        version = self.model.version(space, key)
        expected = None if change is None else version + change
        gone = version != ABSENT and expected in (None, version)
        assert self.run(self.store.delete(space, key, expected=expected)) == gone
        if gone:
            data, _, _ = self.model.values[space, key]
            self.model.values[space, key] = (data, version, self.model.now)

    @rule(name=few, spend=amounts, caps=caps, lease_s=seconds)
    def reserve(self, name, spend, caps, lease_s):
        expiry = {"kind": "Expired", "hold": name, "lease_s": lease_s}
        refusal = self.run(
            self.store.reserve(name, spend, caps, lease_s=lease_s, log="log", expiry=expiry)
        )
        assert refusal == self.model.reserve(name, spend, caps, lease_s, expiry)

    @rule(name=few, lease_s=seconds)
    def extend(self, name, lease_s):
        alive = self.model.alive(name)
        assert self.run(self.store.extend(name, lease_s=lease_s)) == alive
        if alive:
            self.model.touch(name, lease_s)

    @rule(name=few)
    def release(self, name):
        alive = self.model.alive(name)
        assert self.run(self.store.release(name)) == alive
        if alive:
            del self.model.holds[name]

    @rule(
        name=few,
        accounts=st.lists(few),
        spend=amounts,
        key=st.integers(0, 9).map(str),
        wrong=st.booleans(),
    )
    def settle(self, name, accounts, spend, key, wrong):
        record = {
            "accounts": accounts,
            "nano_usd": spend.nano_usd + wrong,
            "tokens_in": spend.tokens,
            "tokens_out": 0,
            "microseconds": spend.microseconds,
        }
        booked = self.run(
            self.store.settle(name, accounts, spend, log="log", record=record, key=key)
        )
        assert booked == self.model.settle(name, accounts, spend, record, key)

    @precondition(lambda self: self.model.records)
    @rule()
    def rebuild(self):
        assert self.run(self.store.rebuild("log")) == self.model.rebuild()

    @rule(by=st.sampled_from([1.0, 9.0, 95.0]))
    def wait(self, by):
        self.later(by)
        self.model.now += by

    @rule()
    def close(self):
        self.run(self.store.close())

    @invariant()
    def agree(self):
        if not hasattr(self, "store"):
            return
        assert [e.record for e in self.store.read("log")] == self.model.records
        assert self.run(self.store.balances()) == {
            name: self.model.balance(name) for name in sorted(self.model.spent)
        }
        every = self.run(self.store.balances(["a", "b", "c"]))
        assert every == {name: self.model.balance(name) for name in "abc"}
        alive = [names for names in sorted(self.model.values) if self.model.value(*names)]
        assert self.run(self.store.spaces()) == sorted({space for space, _ in alive})
        for space in "abc":
            found = self.run(self.store.values(space))
            assert {key: (value.data, value.version) for key, value in found.items()} == {
                key: self.model.value(space, key) for where, key in alive if where == space
            }


@pytest.mark.parametrize("name", STORES)
def test_any_sequence(name: str, redis_server: RedisServer):
    """Logs, values and accounts are as in the model after every operation."""
    url = redis_server.url if name == "redis" else "sqlite:///:memory:"
    machine = type("Machine", (Sequences,), {"url": url, "server": redis_server})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=40,
            stateful_step_count=40,
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow],
        ),
    )
