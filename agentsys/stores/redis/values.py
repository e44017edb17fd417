"""Values in Redis: a hash for each namespace, and one set of all namespaces."""

import json
from typing import Any

from agentsys.stores.base import Value
from agentsys.stores.records import to_moment, to_text
from agentsys.stores.redis.server import Server, from_name, to_name

_SPACES = "agentsys:{spaces}"


class RedisValues(Server):
    """Values; see `agentsys.stores.base.Values`."""

    async def get(self, space: str, key: str) -> Value | None:
        """The value of a key, if there is one."""
        values, _, _ = _keys(space)
        found, time = await self._commands(("HGET", values, to_name(key)), ("TIME",))
        return None if found is None else _alive(found, time)

    async def put(
        self,
        space: str,
        key: str,
        data: Any,
        *,
        ttl: float | None = None,
        expected: int | None = None,
    ) -> int | None:
        """Set a value, where it is as expected."""
        text = to_text(data)
        # A namespace stays in the set when its last value goes; `spaces` looks whether it has any.
        await self._commands(("ZADD", _SPACES, 0, to_name(space)))
        left = "" if ttl is None else round(ttl * 1e6)
        arguments = (to_name(key), text, left, "" if expected is None else expected)
        return await self._script("put", _keys(space), *arguments, again=False)

    async def delete(self, space: str, key: str, *, expected: int | None = None) -> bool:
        """Take a value away, where it is as expected."""
        arguments = (to_name(key), "" if expected is None else expected)
        return bool(await self._script("delete", _keys(space)[:2], *arguments, again=False))

    async def values(self, space: str) -> dict[str, Value]:
        """All values of a namespace, sorted by key."""
        flat, time = await self._commands(("HGETALL", _keys(space)[0]), ("TIME",))
        found = {
            from_name(key): _alive(text, time)
            for key, text in zip(flat[::2], flat[1::2], strict=True)
        }
        return {key: value for key, value in sorted(found.items()) if value is not None}

    async def spaces(self, prefix: str = "") -> list[str]:
        """The namespaces that hold a value and whose name begins so, sorted."""
        start = to_name(prefix)
        # No byte of a name is 0xff.
        names, (seconds, micros) = await self._commands(
            ("ZRANGEBYLEX", _SPACES, b"[" + start, b"(" + start + b"\xff"), ("TIME",)
        )
        now = int(seconds) * 1_000_000 + int(micros)
        spaces = [from_name(name) for name in names]
        keys = [_keys(space) for space in spaces]
        counts = await self._commands(
            *(("HLEN", values) for values, _, _ in keys),
            *(("ZCOUNT", expiries, "-inf", now) for _, expiries, _ in keys),
        )
        pairs = zip(spaces, counts, counts[len(spaces) :], strict=False)
        return sorted(space for space, all_of_them, expired in pairs if all_of_them > expired)


def _keys(space: str) -> tuple[bytes, bytes, bytes]:
    """The values of a namespace, when they expire, and the last version that one was given."""
    name = to_name(space)
    kinds = (b"values", b"expiries", b"version")
    values, expiries, version = (b"agentsys:{value:%s}:%s" % (name, kind) for kind in kinds)
    return values, expiries, version


def _alive(text: bytes, time: tuple[bytes, bytes]) -> Value | None:
    version, written, expires, data = text.split(b":", 3)
    if expires and int(expires) <= int(time[0]) * 1_000_000 + int(time[1]):
        return None
    return Value(
        data=json.loads(data),
        version=int(version),
        written=to_moment(int(written)),
        expires=to_moment(int(expires)) if expires else None,
    )
