"""Values under keys, in every store."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from agentsys.stores import ABSENT, Store, open_store
from tests.stores.conftest import Later


async def test_a_value_comes_back(store: Store):
    """A value has its data, a version, the time it was written, and no end."""
    before = datetime.now(UTC) - timedelta(milliseconds=1)
    data = {"list": [1, None, True, "é", 0.5, {}], "empty": []}
    version = await store.put("space", "key", data)
    value = await store.get("space", "key")
    assert value is not None
    assert (value.data, value.version, value.expires) == (data, version, None)
    assert before <= value.written <= datetime.now(UTC)
    assert value.written.tzinfo is UTC


async def test_there_is_none_at_first(store: Store):
    """A key that nothing was put under has no value, and cannot be deleted."""
    assert await store.get("space", "key") is None
    assert await store.values("space") == {}
    assert await store.spaces() == []
    assert not await store.delete("space", "key")


async def test_versions_grow_over_deletions(store: Store):
    """A key never has the same version twice."""
    versions = [await store.put("space", "key", n) or 0 for n in range(2)]
    assert await store.delete("space", "key")
    versions.append(await store.put("space", "key", 2) or 0)
    assert ABSENT not in versions
    assert versions == sorted(set(versions))


async def test_compare_and_set(store: Store):
    """A value is set where it has the expected version, and left alone elsewhere."""
    assert await store.put("space", "key", 1, expected=5) is None
    first = await store.put("space", "key", 1, expected=ABSENT)
    assert await store.put("space", "key", 2, expected=ABSENT) is None
    second = await store.put("space", "key", 2, expected=first)
    assert await store.put("space", "key", 3, expected=first) is None
    assert not await store.delete("space", "key", expected=first)
    assert await store.delete("space", "key", expected=second)
    assert await store.get("space", "key") is None


async def test_one_of_many_wins(store: Store):
    """Of many that expect the same version, one sets the value."""
    versions = await asyncio.gather(
        *(store.put("space", "key", n, expected=ABSENT) for n in range(50))
    )
    assert sum(version is not None for version in versions) == 1


async def test_values_expire(store: Store, later: Later):
    """An expired value is not there by any door, and its version does not come back."""
    old = await store.put("space", "short", 1, ttl=10)
    await store.put("space", "long", 2, ttl=1000)
    value = await store.get("space", "short")
    assert value is not None
    assert value.expires is not None
    assert timedelta(seconds=9) < value.expires - value.written <= timedelta(seconds=10)
    later(11)
    assert await store.get("space", "short") is None
    assert list(await store.values("space")) == ["long"]
    assert not await store.delete("space", "short")
    assert await store.put("space", "short", 3, expected=old) is None
    assert await store.put("space", "short", 3, expected=ABSENT) is not None
    later(1000)
    assert await store.spaces() == ["space"]
    await store.delete("space", "short")
    assert await store.spaces() == []


async def test_real_time_ends_a_value(store: Store):
    """The seconds of a value are those of the clock."""
    await store.put("space", "key", 1, ttl=0.02)
    await asyncio.sleep(0.03)
    assert await store.get("space", "key") is None


async def test_another_put_ends_the_expiry(store: Store, later: Later):
    """A value that is put anew expires as that put says, not as the one before."""
    await store.put("space", "key", 1, ttl=10)
    await store.put("space", "key", 2)
    later(11)
    value = await store.get("space", "key")
    assert value is not None
    assert value.data == 2


async def test_spaces_are_apart(store: Store):
    """A key of one namespace is in no other, whatever their names are made of."""
    names = ["a", "a:b", "a}b", "{a}", "a:values", "", "a\0", "é", "\udc80", "%", "_", "A"]
    for name in names:
        await store.put(name, "key", name)
    for name in names:
        assert [value.data for value in (await store.values(name)).values()] == [name]
    assert await store.spaces() == sorted(names)
    assert await store.spaces("a") == ["a", "a\0", "a:b", "a:values", "a}b"]
    assert await store.spaces("é") == ["é"]
    assert await store.spaces("\udc80") == ["\udc80"]
    assert await store.delete("a", "key")
    assert await store.spaces("a") == ["a\0", "a:b", "a:values", "a}b"]


async def test_keys_are_sorted_and_may_be_odd(store: Store):
    """All values of a namespace come sorted by key, under the keys as they were given."""
    keys = ["b", "a", "", "é", "z" * 10_000, "a\0b", "\udc80", "a:b:c", "\uffff", "😀"]
    for key in keys:
        await store.put("space", key, key[:1])
    found = await store.values("space")
    assert list(found) == sorted(keys)
    for key in keys:
        value = await store.get("space", key)
        assert value == found[key]


@pytest.mark.parametrize("data", [None, "\udc80", "\0", 2**70, [[[]]] * 100, "1:2:3:4"])
async def test_odd_data_survives(store: Store, data):
    """Whatever JSON is put comes back as it was."""
    await store.put("space", "key", data)
    value = await store.get("space", "key")
    assert value is not None
    assert value.data == data


async def test_values_outlive_the_store(store: Store, url: str):
    """Another store at the same URL has the values, with their versions."""
    version = await store.put("space", "key", 1)
    other = open_store(url)
    assert await other.get("space", "key") == await store.get("space", "key")
    assert await other.put("space", "key", 2, expected=version)
    await other.close()
