"""Stores for the tests that all of them pass. A new one joins `STORES`."""

from collections.abc import Callable
from pathlib import Path

import pytest

from agentsys.stores import Store, open_store
from agentsys.stores.sqlite import SqliteStore
from tests.redis_server import RedisServer

STORES = ("sqlite", "redis")

Later = Callable[[float], None]
"""Makes all that the store has written so many seconds older."""

_AGE = """
local micros = tonumber(ARGV[1])
for _, key in ipairs(redis.call('KEYS', 'agentsys:*')) do
  if string.match(key, ':leases$') or string.match(key, ':expiries$')
    or string.match(key, '}:log$') then
    for _, member in ipairs(redis.call('ZRANGE', key, 0, -1)) do
      redis.call('ZINCRBY', key, -micros, member)
    end
  elseif string.match(key, '}:values$') then
    for _, name in ipairs(redis.call('HKEYS', key)) do
      local before, ends, data = string.match(
        redis.call('HGET', key, name), '^(%d+:%d+:)(%d*)(:.*)$')
      if ends ~= '' then ends = string.format('%.0f', tonumber(ends) - micros) end
      redis.call('HSET', key, name, before .. ends .. data)
    end
  elseif string.match(key, '}:state$') and redis.call('HEXISTS', key, 'shut') == 1 then
    redis.call('HINCRBY', key, 'shut', -micros)
  end
end
return 1
"""


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


@pytest.fixture
def later(store: Store, redis_server: RedisServer) -> Later:
    return clock_of(store, redis_server)


def clock_of(store: Store, server: RedisServer) -> Later:
    """What moves the time of a store on: its clock, or what a server's clock is compared with."""
    if not isinstance(store, SqliteStore):
        return lambda seconds: age(server, seconds)
    clock, ahead = store._now, [0]
    store._now = lambda: clock() + ahead[0]

    def move(seconds: float) -> None:
        ahead[0] += round(seconds * 1e6)

    return move


def age(server: RedisServer, seconds: float) -> None:
    reply = server.command("EVAL", _AGE, "0", str(round(seconds * 1e6)))
    assert reply == b":1\r\n", reply
