"""One SQLite file, or one in memory: connections, transactions and what can go wrong.

The one importer of sqlite3. A transaction takes microseconds and runs on the thread of the event
loop: other threads would only fight over the interpreter with it. Where another process has the
lock, the loop goes on with other work and the transaction is tried again.
"""

import asyncio
import os
import random
import sqlite3
import threading
import time
import weakref
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from sqlite3 import Connection
from typing import Any, TypeVar

from agentsys.errors import StoreError
from agentsys.stores.sqlite.schema import migrate

T = TypeVar("T")

WAIT_S = 30.0
"""How long to wait for another process that is writing."""

_PAUSE_S = (0.001, 0.004)
"""Between two tries, at random, so that processes do not meet again."""

_MEMORY = ":memory:"

_CAUSES = {
    sqlite3.SQLITE_FULL: ("the disk is full", "Free some space, or set 'store' to another disk."),
    sqlite3.SQLITE_IOERR: ("the disk refuses", "Is it full? Or set 'store' elsewhere."),
    sqlite3.SQLITE_READONLY: ("it is read-only", "Allow writing, or set 'store' elsewhere."),
    sqlite3.SQLITE_CANTOPEN: ("it cannot be opened", "Look at its folder and permissions."),
    sqlite3.SQLITE_NOTADB: ("it is not an agentsys database", "Set 'store' to another file."),
    sqlite3.SQLITE_CORRUPT: ("it is damaged", "Move it away; a new one is made."),
    sqlite3.SQLITE_BUSY: ("another process keeps it locked", "End that process, then try again."),
}

_inherited: list[Connection] = []
"""Connections of the parent process, which must be neither used nor closed nor collected here."""


class Database:
    """The file at `path`, made with its folder where there is none; `:memory:` is no file.

    Raises:
        StoreError: it cannot be opened, or is not an agentsys database.
    """

    def __init__(self, path: str) -> None:
        self.path = path if path == _MEMORY else str(Path(path).absolute())
        self._lock = threading.Lock()
        self._owner = os.getpid()
        self._connection: Connection | None = None
        self._closing: weakref.finalize[[Connection, int], Database] | None = None
        self._check()

    async def close(self) -> None:
        """Close the file; it opens again when it is used. What is in memory stays."""
        if self.path == _MEMORY:
            return
        with self._mine():
            if self._closing is not None:
                self._closing()
            self._connection = self._closing = None

    def _now(self) -> int:
        """Microseconds since 1970, by the clock of the machine, which all its processes share."""
        return time.time_ns() // 1000

    async def _write(self, work: Callable[[Connection], T]) -> T:
        """What `work` gives, in a transaction that alone may write."""
        return await self._transact("BEGIN IMMEDIATE", work)

    async def _look(self, work: Callable[[Connection], T]) -> T:
        """What `work` gives, of one moment; it may not write."""
        return await self._transact("BEGIN", work)

    async def _transact(self, begin: str, work: Callable[[Connection], T]) -> T:
        end = time.monotonic() + WAIT_S
        while True:
            try:
                return self._try(begin, work)
            except (sqlite3.Error, OSError) as error:
                if not _is_busy(error) or time.monotonic() > end:
                    done = "read" if begin == "BEGIN" else "written"
                    raise self._explained(error, done) from error
            await asyncio.sleep(random.uniform(*_PAUSE_S))

    def _try(self, begin: str, work: Callable[[Connection], T]) -> T:
        with self._mine():
            connection = self._writer()
            connection.execute(begin)
            try:
                result = work(connection)
                connection.execute("COMMIT")
            except BaseException:
                with suppress(sqlite3.Error):
                    connection.execute("ROLLBACK")
                raise
            return result

    @contextmanager
    def _reading(self) -> Generator[Connection]:
        """A connection of its own; in memory the only one there is, for this thread alone."""
        with self._trouble("read"):
            if self.path == _MEMORY:
                with self._mine():
                    yield self._writer()
                return
            connection = self._open(timeout=WAIT_S)
            try:
                yield connection
            finally:
                connection.close()

    def _ahead(self, sql: str, given: Sequence[Any]) -> Iterator[tuple[Any, ...]]:
        """The rows of a query of a file, which another thread begins to answer at once.

        All of it is one step of SQLite, during which the threads of Python go on.
        """
        with self._trouble("read"):
            connection = self._open(timeout=WAIT_S)
        failed: list[sqlite3.Error] = []

        def answer() -> None:
            try:
                connection.execute(f"CREATE TEMP TABLE answer AS {sql}", given)
            except sqlite3.Error as error:
                failed.append(error)

        thread = threading.Thread(target=answer)
        thread.start()
        return self._answered(connection, thread, failed)

    def _answered(
        self, connection: Connection, thread: threading.Thread, failed: list[sqlite3.Error]
    ) -> Iterator[tuple[Any, ...]]:
        try:
            thread.join()
            with self._trouble("read"):
                if failed:
                    raise failed[0]
                yield from connection.execute("SELECT * FROM answer")
        finally:
            thread.join()
            connection.close()

    def _mine(self) -> threading.Lock:
        """The lock around the writer, a new one in a process that was forked."""
        if os.getpid() != self._owner:
            self._lock = threading.Lock()
            self._owner = os.getpid()
            if self._connection is not None:
                _inherited.append(self._connection)
                self._connection = self._closing = None
        return self._lock

    def _writer(self) -> Connection:
        if self._connection is None:
            self._connection = self._ready()
            self._closing = weakref.finalize(self, _close, self._connection, os.getpid())
        return self._connection

    def _check(self) -> None:
        """Find out early whether the file can be used; keeps nothing open but what is in memory."""
        end = time.monotonic() + WAIT_S
        with self._trouble("opened"):
            while self.path != _MEMORY:
                try:
                    self._ready().close()
                    return
                except sqlite3.Error as error:
                    if not _is_busy(error) or time.monotonic() > end:
                        raise
                time.sleep(random.uniform(*_PAUSE_S))

    def _ready(self) -> Connection:
        """A connection to a file with all tables."""
        if self.path != _MEMORY:
            Path(self.path).parent.mkdir(parents=True, exist_ok=True)
        connection = self._open(timeout=0)
        with _closed_on_error(connection):
            migrate(connection, self.path)
        return connection

    def _open(self, timeout: float) -> Connection:
        connection = sqlite3.connect(
            self.path, timeout=timeout, isolation_level=None, check_same_thread=False
        )
        with _closed_on_error(connection):
            connection.execute("PRAGMA synchronous = NORMAL")
        return connection

    @contextmanager
    def _trouble(self, done: str) -> Generator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            raise self._explained(error, done) from error

    def _explained(self, error: Exception, done: str) -> StoreError:
        cause, hint = _CAUSES.get(_code(error), (str(error), "Look at 'store'."))
        return StoreError(f"{self.path} cannot be {done}: {cause}.", hint=hint)


def to_name(text: str) -> str | bytes:
    """A name as SQLite can hold it: text, or bytes where UTF-8 has no lone surrogates."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogatepass")
    return text


def from_name(stored: str | bytes) -> str:
    """The name that `to_name` was given."""
    return stored if isinstance(stored, str) else stored.decode("utf-8", "surrogatepass")


@contextmanager
def _closed_on_error(connection: Connection) -> Generator[None]:
    try:
        yield
    except BaseException:
        connection.close()
        raise


def _code(error: Exception) -> int:
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


def _is_busy(error: Exception) -> bool:
    return _code(error) == sqlite3.SQLITE_BUSY


def _close(connection: Connection, owner: int) -> None:
    if os.getpid() == owner:
        connection.close()
