"""A store in one SQLite file: the default, for one machine.

Write-ahead logging lets readers and one writer work at the same time, in any number of threads
and processes. With `synchronous=NORMAL` a record that was appended survives the end of the
process, however sudden; only a power cut can take the last few.
"""

import json
import os
import sqlite3
import threading
import time
from collections.abc import Collection, Generator, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from agentsys.errors import StoreError
from agentsys.stores.base import SEARCHABLE, Entry

WAIT_S = 30.0
"""How long to wait for another process that is writing."""

_APPLICATION = 0x61677379
"""`PRAGMA application_id` of our files ("agsy"): they are not to be mixed with other programs'."""

_MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        "CREATE TABLE entry (id INTEGER PRIMARY KEY, log TEXT NOT NULL, time INTEGER NOT NULL,"
        " kind TEXT, run_id TEXT, bench TEXT, record TEXT NOT NULL)",
        "CREATE INDEX entry_kind ON entry (log, kind) WHERE kind IS NOT NULL",
        "CREATE INDEX entry_run_id ON entry (log, run_id) WHERE run_id IS NOT NULL",
        "CREATE INDEX entry_bench ON entry (log, bench) WHERE bench IS NOT NULL",
    ),
)
"""What brings a file from version n to n + 1 (`PRAGMA user_version`); only ever add to the end."""

_INSERT = (
    f"INSERT INTO entry (log, time, record, {', '.join(SEARCHABLE)})"
    f" VALUES (?, ?, ?{', ?' * len(SEARCHABLE)})"
)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)

_CAUSES = {
    sqlite3.SQLITE_FULL: ("the disk is full", "Free some space, or set 'store' to another disk."),
    sqlite3.SQLITE_IOERR: ("the disk refuses", "Is it full? Or set 'store' elsewhere."),
    sqlite3.SQLITE_READONLY: ("it is read-only", "Allow writing, or set 'store' elsewhere."),
    sqlite3.SQLITE_CANTOPEN: ("it cannot be opened", "Look at its folder and permissions."),
    sqlite3.SQLITE_NOTADB: ("it is not an agentsys database", "Set 'store' to another file."),
    sqlite3.SQLITE_CORRUPT: ("it is damaged", "Move it away; a new one is made."),
    sqlite3.SQLITE_BUSY: ("another process keeps it locked", "End that process, then try again."),
}


class SqliteStore:
    """Logs in the SQLite file at `path`, made with its folder where there is none."""

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        self._lock = threading.Lock()
        self._owner = os.getpid()
        self._inherited: list[sqlite3.Connection] = []
        self._connection: sqlite3.Connection | None = None
        self._writer()

    def append(self, log: str, record: Mapping[str, Any]) -> None:
        """Add a record, stamped with the time."""
        text = json.dumps(record, ensure_ascii=False, separators=(",", ":"))
        if os.getpid() != self._owner:
            self._after_fork()
        with self._lock, self._trouble("written"):
            fields = (_text(record.get(name)) for name in SEARCHABLE)
            now = time.time_ns() // 1000
            self._writer().execute(_INSERT, (log, now, _storable(text), *fields))

    def read(
        self,
        log: str,
        *,
        where: Mapping[str, Collection[str]] | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> Iterator[Entry]:
        """The records of a log in the order they were appended; writers are not held up."""
        sql, values = _query(log, where or {}, since, until)
        with self._trouble("read"):
            connection = self._open()
            try:
                for stamp, text in connection.execute(sql, values):
                    yield Entry(_EPOCH + stamp * _MICROSECOND, json.loads(text))
            finally:
                connection.close()

    def close(self) -> None:
        """Close the file; it opens again when it is used."""
        with self._lock:
            if self._connection is not None and os.getpid() == self._owner:
                self._connection.close()
            self._connection = None

    def _writer(self) -> sqlite3.Connection:
        if self._connection is None:
            with self._trouble("opened"):
                self.path.parent.mkdir(parents=True, exist_ok=True)
                connection = self._open()
                try:
                    _migrate(connection, self.path)
                except BaseException:
                    connection.close()
                    raise
                self._connection = connection
        return self._connection

    def _open(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self.path, timeout=WAIT_S, isolation_level=None, check_same_thread=False
        )
        connection.execute("PRAGMA synchronous = NORMAL")
        return connection

    def _after_fork(self) -> None:
        """A connection must not be used, nor closed, by a child of the process that opened it."""
        self._lock = threading.Lock()
        self._owner = os.getpid()
        if self._connection is not None:
            self._inherited.append(self._connection)
            self._connection = None

    @contextmanager
    def _trouble(self, done: str) -> Generator[None, None, None]:
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            code = getattr(error, "sqlite_errorcode", None)
            cause, hint = _CAUSES.get((code or 0) & 0xFF, (str(error), "Look at 'store'."))
            raise StoreError(f"{self.path} cannot be {done}: {cause}.", hint=hint) from error


def _storable(text: str) -> str:
    """Text as UTF-8 can hold it: models and users may send lone surrogates."""
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode("utf-8")


def _text(value: object) -> str | None:
    return _storable(value) if isinstance(value, str) else None


def _query(
    log: str,
    where: Mapping[str, Collection[str]],
    since: datetime | None,
    until: datetime | None,
) -> tuple[str, list[Any]]:
    conditions, values = ["log = ?"], list[Any]([log])
    for name, wanted in where.items():
        if name not in SEARCHABLE:
            raise ValueError(f"{name!r} is none of the fields {SEARCHABLE}")
        conditions.append(f"{name} IN (SELECT value FROM json_each(?))")
        values.append(json.dumps(sorted(wanted)))
    for moment, sign in ((since, ">="), (until, "<")):
        if moment is not None:
            conditions.append(f"time {sign} ?")
            values.append((moment.astimezone(UTC) - _EPOCH) // _MICROSECOND)
    return f"SELECT time, record FROM entry WHERE {' AND '.join(conditions)} ORDER BY id", values


def _migrate(connection: sqlite3.Connection, path: Path) -> None:
    version = _version(connection, path)
    if version == len(_MIGRATIONS):
        return
    _log_ahead(connection)
    connection.execute("BEGIN IMMEDIATE")
    # Another process may have done it since.
    version = _version(connection, path)
    for statement in (s for step in _MIGRATIONS[version:] for s in step):
        connection.execute(statement)
    connection.execute(f"PRAGMA application_id = {_APPLICATION}")
    connection.execute(f"PRAGMA user_version = {len(_MIGRATIONS)}")
    connection.execute("COMMIT")


def _version(connection: sqlite3.Connection, path: Path) -> int:
    tables = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    if not tables:
        return 0
    if connection.execute("PRAGMA application_id").fetchone()[0] != _APPLICATION:
        raise StoreError(
            f"{path} is another program's database.", hint="Set 'store' to another file."
        )
    version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    if version > len(_MIGRATIONS):
        raise StoreError(
            f"{path} was written by a newer agentsys (version {version} of its tables).",
            hint="Upgrade agentsys, or set 'store' to another file.",
        )
    return version


def _log_ahead(connection: sqlite3.Connection) -> None:
    """Switch to write-ahead logging; SQLite does not wait for other processes here by itself."""
    end = time.monotonic() + WAIT_S
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > end:
                raise
            time.sleep(0.01)
