"""Logs as tables in SQLite: a row of a few columns beside each entry, in the order of its run.

A file that an older agentsys wrote has none for its entries. They are made when they are first
read: beside the file, while others go on writing, then put into it in one transaction.
"""

import json
import logging
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from agentsys.stores.columns import COLUMNS, Line, comparable, known
from agentsys.stores.records import Cells, cells, to_microseconds, wanted
from agentsys.stores.sqlite.database import Database, to_name

if TYPE_CHECKING:
    from sqlite3 import Connection

_log = logging.getLogger(__name__)

_NAMES = ("log", "kind", "run_id", "entry", "time", *COLUMNS)
_INSERT = f"INSERT INTO {{}} ({', '.join(_NAMES)}) VALUES ({', '.join('?' * len(_NAMES))})"
_INSERT_LINE = _INSERT.format("line")
_CHUNK = 20_000
"""Entries that are read at a time."""


class SqliteColumns(Database):
    """Logs as tables; see `agentsys.stores.columns.Columns`."""

    def lines(
        self,
        log: str,
        kinds: Collection[str],
        columns: Sequence[str],
        *,
        where: Mapping[str, Collection[str]] | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> Iterator[Line]:
        """The values of some columns, in the order in which the records were appended."""
        known(columns)
        condition, given = _condition(log, {**(where or {}), "kind": kinds}, since, until)
        names = ", ".join(columns)
        sql = f"SELECT {names} FROM line WHERE {condition} ORDER BY entry"
        yield from self._rows(sql, given, _truths(columns))

    def totals(
        self,
        log: str,
        kind: str,
        by: Sequence[str],
        *,
        sums: Sequence[str] = (),
        listed: Sequence[str] = (),
        where: Mapping[str, Collection[str]] | None = None,
    ) -> Iterator[Line]:
        """The records of a kind, added up."""
        comparable(by)
        known((*sums, *listed))
        condition, given = _condition(log, {**(where or {}), "kind": [kind]}, None, None)
        # SQLite reads the rows by run and entry, and its sorter keeps them so within a group.
        parts = [*by, "count(*)", *(f"sum({name})" for name in sums)]
        if listed:
            told = [f"{n} IS NOT NULL" if COLUMNS.get(n) is float else n for n in listed]
            parts.append(f"json_group_array(json_array({', '.join(told)}))")
        sql = f"SELECT {', '.join(parts)} FROM line WHERE {condition} GROUP BY {', '.join(by)}"
        if self.path == ":memory:":
            return self._rows(sql, given, ())
        self._complete()
        return self._ahead(sql, given)

    def _rows(self, sql: str, given: Sequence[Any], truths: Sequence[int]) -> Iterator[Line]:
        if self.path != ":memory:":
            self._complete()
        with self._reading() as connection:
            found = connection.execute(sql, given)
            # Others wait for the one connection of a store in memory.
            rows = iter(found.fetchall()) if self.path == ":memory:" else found
            if not truths:
                yield from rows
                return
            for row in rows:
                for n in truths:
                    if row[n] is not None:
                        row = (*row[:n], bool(row[n]), *row[n + 1 :])
                yield row

    def _complete(self) -> None:
        """Make the lines of entries that an older agentsys wrote."""
        with self._reading() as connection:
            if last := _lineless(connection):
                _log.info(
                    "%s was written by an older agentsys: its %s records are read once, "
                    "to make reports fast.",
                    self.path,
                    f"{last:,}",
                )
                _fill(connection, last)


def insert_line(db: "Connection", log: str | bytes, entry: int, now: int, found: Cells) -> None:
    """Add the row of an entry."""
    kind, run_id, columns = found
    db.execute(_INSERT_LINE, (log, kind, run_id, entry, now, *columns))


def _lineless(db: "Connection") -> int:
    last: int = db.execute("SELECT last FROM lineless").fetchone()[0]
    return last


def _fill(db: "Connection", last: int) -> None:
    """Make the lines of the entries up to the last one, if nobody has meanwhile."""
    db.execute("PRAGMA temp_store = FILE")
    db.execute("CREATE TEMP TABLE made AS SELECT * FROM line WHERE false")
    place, insert = 0, _INSERT.format("made")
    read = "SELECT id, log, time, record FROM entry WHERE id > ? AND id <= ? ORDER BY id LIMIT ?"
    while entries := db.execute(read, (place, last, _CHUNK)).fetchall():
        db.execute("BEGIN")
        for entry, log, time, record in entries:
            found = cells(json.loads(record))
            if found is not None:
                kind, run_id, columns = found
                db.execute(insert, (log, kind, run_id, entry, time, *columns))
        db.execute("COMMIT")
        place = entries[-1][0]
    db.execute("BEGIN IMMEDIATE")
    if _lineless(db) == last:
        names = ", ".join(_NAMES)
        order = "ORDER BY log, kind, run_id, entry"
        db.execute(f"INSERT INTO line ({names}) SELECT {names} FROM made {order}")
        db.execute("UPDATE lineless SET last = 0")
    db.execute("COMMIT")
    db.execute("DROP TABLE made")


def _truths(columns: Sequence[str]) -> list[int]:
    return [n for n, name in enumerate(columns) if COLUMNS.get(name) is bool]


def _condition(
    log: str,
    where: Mapping[str, Collection[str]],
    since: datetime | None,
    until: datetime | None,
) -> tuple[str, list[Any]]:
    conditions, given = ["log = ?"], list[Any]([to_name(log)])
    for name, each in wanted(where).items():
        # Of one value, the rows come in the order of the key, and need not be sorted.
        one = len(each) == 1
        conditions.append(f"{name} = ?" if one else f"{name} IN (SELECT value FROM json_each(?))")
        given.append(next(iter(each)) if one else json.dumps(sorted(each)))
    for moment, sign in ((since, ">="), (until, "<")):
        if moment is not None:
            conditions.append(f"time {sign} ?")
            given.append(to_microseconds(moment))
    return " AND ".join(conditions), given
