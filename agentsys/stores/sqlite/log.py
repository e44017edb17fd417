"""Logs in SQLite: one table, with an index for each searchable field."""

import json
from collections.abc import Collection, Iterator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from agentsys.stores.base import SEARCHABLE, Entry
from agentsys.stores.records import (
    Cells,
    cells,
    searchable,
    to_microseconds,
    to_moment,
    to_text,
    wanted,
)
from agentsys.stores.sqlite.columns import insert_line
from agentsys.stores.sqlite.database import Database, to_name

if TYPE_CHECKING:
    from sqlite3 import Connection

_INSERT = (
    f"INSERT INTO entry (log, time, record, key, {', '.join(SEARCHABLE)})"
    f" VALUES (?, ?, ?, ?{', ?' * len(SEARCHABLE)})"
)


class SqliteLog(Database):
    """Logs; see `agentsys.stores.base.Log`."""

    async def append(self, log: str, record: Mapping[str, Any], *, key: str | None = None) -> bool:
        """Add a record, unless there is one of that key."""
        row = as_row(record)
        return await self._write(lambda db: insert(db, log, self._now(), row, key))

    def read(
        self,
        log: str,
        *,
        where: Mapping[str, Collection[str]] | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> Iterator[Entry]:
        """The records of a log in the order they were appended; writers are not held up."""
        sql, values = _query(log, wanted(where), since, until)
        with self._reading() as connection:
            rows = connection.execute(sql, values)
            if self.path != ":memory:":
                for stamp, text in rows:
                    yield Entry(to_moment(stamp), json.loads(text))
                return
            kept = rows.fetchall()  # others wait for the one connection meanwhile
        for stamp, text in kept:
            yield Entry(to_moment(stamp), json.loads(text))


class Row(NamedTuple):
    """What is stored of a record."""

    text: str
    found_by: list[str | None]
    """The searchable fields."""
    cells: Cells | None
    """Its line; `None` where it has none."""


def as_row(record: Mapping[str, Any]) -> Row:
    """A record as it is stored."""
    return Row(to_text(record), searchable(record), cells(record))


def insert(db: "Connection", log: str, now: int, row: Row, key: str | None = None) -> bool:
    """Add a row, unless there is one of that key; whether it was added."""
    name, stored = to_name(log), None if key is None else to_name(key)
    again = "" if key is None else " ON CONFLICT DO NOTHING"
    added = db.execute(f"{_INSERT}{again}", (name, now, row.text, stored, *row.found_by))
    if added.rowcount != 1 or added.lastrowid is None:
        return False
    if row.cells is not None:
        insert_line(db, name, added.lastrowid, now, row.cells)
    return True


def _query(
    log: str,
    where: Mapping[str, set[str]],
    since: datetime | None,
    until: datetime | None,
) -> tuple[str, list[Any]]:
    conditions, values = ["log = ?"], list[Any]([to_name(log)])
    for name, each in where.items():
        conditions.append(f"{name} IN (SELECT value FROM json_each(?))")
        values.append(json.dumps(sorted(each)))
    for moment, sign in ((since, ">="), (until, "<")):
        if moment is not None:
            conditions.append(f"time {sign} ?")
            values.append(to_microseconds(moment))
    return f"SELECT time, record FROM entry WHERE {' AND '.join(conditions)} ORDER BY id", values
