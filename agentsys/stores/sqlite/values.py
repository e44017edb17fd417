"""Values in SQLite: a row each, with a version from one counter."""

import json
from typing import TYPE_CHECKING, Any

from agentsys.stores.base import ABSENT, Value
from agentsys.stores.records import to_moment, to_text
from agentsys.stores.sqlite.database import Database, from_name, to_name

if TYPE_CHECKING:
    from sqlite3 import Connection

_COLUMNS = "key, data, version, written, expires"
_ALIVE = "(expires IS NULL OR expires > ?)"


class SqliteValues(Database):
    """Values; see `agentsys.stores.base.Values`."""

    async def get(self, space: str, key: str) -> Value | None:
        """The value of a key, if there is one."""
        sql = f"SELECT {_COLUMNS} FROM value WHERE space = ? AND key = ? AND {_ALIVE}"
        names = to_name(space), to_name(key)
        row = await self._look(lambda db: db.execute(sql, (*names, self._now())).fetchone())
        return row and _value(row)

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
        text, names = to_text(data), (to_name(space), to_name(key))

        def work(db: "Connection") -> int | None:
            now = self._now()
            db.execute("DELETE FROM value WHERE expires <= ?", (now,))
            if expected is not None and _version(db, *names) != expected:
                return None
            expires = None if ttl is None else now + round(ttl * 1e6)
            (version,) = db.execute("UPDATE version SET last = last + 1 RETURNING last").fetchone()
            row = (*names, text, version, now, expires)
            db.execute("INSERT OR REPLACE INTO value VALUES (?, ?, ?, ?, ?, ?)", row)
            return version

        return await self._write(work)

    async def delete(self, space: str, key: str, *, expected: int | None = None) -> bool:
        """Take a value away, where it is as expected."""
        names = to_name(space), to_name(key)

        def work(db: "Connection") -> bool:
            db.execute("DELETE FROM value WHERE expires <= ?", (self._now(),))
            if expected is not None and _version(db, *names) != expected:
                return False
            gone = db.execute("DELETE FROM value WHERE space = ? AND key = ?", names)
            return gone.rowcount == 1

        return await self._write(work)

    async def values(self, space: str) -> dict[str, Value]:
        """All values of a namespace, sorted by key."""
        sql = f"SELECT {_COLUMNS} FROM value WHERE space = ? AND {_ALIVE}"
        rows = await self._look(
            lambda db: db.execute(sql, (to_name(space), self._now())).fetchall()
        )
        return dict(sorted((from_name(row[0]), _value(row)) for row in rows))

    async def spaces(self, prefix: str = "") -> list[str]:
        """The namespaces that hold a value and whose name begins so, sorted."""
        sql = f"SELECT DISTINCT space FROM value WHERE space >= ? AND {_ALIVE}"
        rows = await self._look(
            lambda db: db.execute(sql, (to_name(prefix), self._now())).fetchall()
        )
        names = (from_name(row[0]) for row in rows)
        return sorted(name for name in names if name.startswith(prefix))


def _version(db: "Connection", space: str | bytes, key: str | bytes) -> int:
    sql = "SELECT version FROM value WHERE space = ? AND key = ?"
    row = db.execute(sql, (space, key)).fetchone()
    return row[0] if row else ABSENT


def _value(row: tuple[Any, ...]) -> Value:
    _, data, version, written, expires = row
    return Value(
        data=json.loads(data),
        version=version,
        written=to_moment(written),
        expires=None if expires is None else to_moment(expires),
    )
