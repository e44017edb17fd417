r"""Logs in Redis: a stream each, with a sorted set that finds the searchable fields.

The id of a record is its time in microseconds. The set holds `FIELD\0VALUE\0ID`, in the order of
bytes, so that the ids of one value are one range.
"""

import hashlib
import json
import secrets
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from agentsys.stores.base import SEARCHABLE, Entry
from agentsys.stores.records import (
    amounts,
    charge,
    searchable,
    to_microseconds,
    to_moment,
    to_text,
    wanted,
)
from agentsys.stores.redis.server import Argument, Command, Server, to_name

_CHUNK = 1_000
"""Commands or records in one round trip."""
_LONGEST = 64
"""Bytes of a value that are kept in the index; of longer ones a hash is."""
_SPARSE = 4
"""Where more than one record in so many is found by the index, all are read."""
_END = 2**62

Id = tuple[int, int]
"""Microseconds, and a number among those of one microsecond."""
Run = Callable[..., list[Any]]


class RedisLog(Server):
    """Logs; see `agentsys.stores.base.Log`."""

    async def append(self, log: str, record: Mapping[str, Any], *, key: str | None = None) -> bool:
        """Add a record, unless there is one of that key."""
        name = b"" if key is None else b"=" + to_name(key)
        arguments = (name, new_token(), *as_entry(record))
        return bool(await self._script("append", log_keys(log), *arguments, again=key is not None))

    def read(
        self,
        log: str,
        *,
        where: Mapping[str, Collection[str]] | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> Iterator[Entry]:
        """The records of a log in the order they were appended; writers are not held up."""
        which = wanted(where)
        stream, index, _ = log_keys(log)
        with self._reading() as run:
            newest, length = run(("XREVRANGE", stream, "+", "-", "COUNT", 1), ("XLEN", stream))
            if not newest or not all(which.values()):
                return
            first = (to_microseconds(since) if since else 0, 0)
            last = _id(newest[0][0])
            if until:
                last = min(last, (to_microseconds(until) - 1, _END))
            ids = _found(run, index, which, length)
            if ids is None:
                entries = _every(run, stream, first, last)
            else:
                entries = _each(run, stream, [i for i in ids if first <= i <= last])
            for (micros, _), text in entries:
                record = json.loads(text)
                fields = dict[str, str | None](zip(SEARCHABLE, searchable(record), strict=True))
                if all(fields[name] in values for name, values in which.items()):
                    yield Entry(to_moment(micros), record)


def log_keys(log: str) -> tuple[bytes, bytes, bytes]:
    """The stream of a log, its index, and the keys of its records."""
    name = to_name(log)
    kinds = (b"log", b"log-index", b"log-keys")
    stream, index, keys = (b"agentsys:{state}:%s:%s" % (kind, name) for kind in kinds)
    return stream, index, keys


def as_entry(record: Mapping[str, Any]) -> list[Argument]:
    """A record as scripts take it: the terms it is found by, and the fields of the stream."""
    pairs = zip(SEARCHABLE, searchable(record), strict=True)
    terms = [_term(name, value) for name, value in pairs if value is not None]
    fields: list[Argument] = ["record", to_text(record)]
    booked = charge(record)
    if booked:
        names, spend = booked
        fields += ["spend", ",".join(map(str, amounts(spend)))]
        fields += [part for name in names for part in ("account", to_name(name))]
    return [len(terms), *terms, len(fields), *fields]


def new_token() -> str:
    """What tells a second try of one call from another call."""
    return secrets.token_hex(8)


def _term(field: str, value: str) -> bytes:
    text = value.encode()
    if len(text) > _LONGEST:
        text = hashlib.sha256(text).hexdigest().encode()
    return field.encode() + b"\0" + text


def _id(text: bytes) -> Id:
    micros, _, number = text.rpartition(b"\0")[2].partition(b"-")
    return int(micros), int(number)


def _found(
    run: Run, index: bytes, which: Mapping[str, Collection[str]], length: int
) -> list[Id] | None:
    """The records of the field that chooses best; `None` where reading all is faster."""
    best, fewest = list[tuple[bytes, bytes]](), length / _SPARSE
    for field, values in which.items():
        if len(values) >= length:
            continue
        terms = [_term(field, value) for value in values]
        ranges = [(b"[" + term + b"\0", b"(" + term + b"\1") for term in terms]
        count = sum(_chunked(run, [("ZLEXCOUNT", index, *each) for each in ranges]))
        if count < fewest:
            best, fewest = ranges, count
    if not best:
        return None
    members = _chunked(run, [("ZRANGEBYLEX", index, *each) for each in best])
    return sorted({_id(member) for found in members for member in found})


def _chunked(run: Run, commands: Sequence[Command]) -> Iterator[Any]:
    for start in range(0, len(commands), _CHUNK):
        yield from run(*commands[start : start + _CHUNK])


def _every(run: Run, stream: bytes, first: Id, last: Id) -> Iterator[tuple[Id, bytes]]:
    start, end = "{}-{}".format(*first), "{}-{}".format(*last)
    while first <= last:
        (entries,) = run(("XRANGE", stream, start, end, "COUNT", _CHUNK))
        for name, fields in entries:
            yield _id(name), fields[1]
        if len(entries) < _CHUNK:
            return
        start = b"(" + entries[-1][0]


def _each(run: Run, stream: bytes, ids: Sequence[Id]) -> Iterator[tuple[Id, bytes]]:
    names = ["{}-{}".format(*each) for each in ids]
    for found in _chunked(run, [("XRANGE", stream, name, name) for name in names]):
        for name, fields in found:
            yield _id(name), fields[1]
