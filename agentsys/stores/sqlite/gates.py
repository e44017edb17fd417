"""Gates in SQLite: a row for each request of the last minute or inside."""

from typing import TYPE_CHECKING

from agentsys.stores.sqlite.database import Database, to_name

if TYPE_CHECKING:
    from sqlite3 import Connection

_MINUTE = 60_000_000
_POLL = 100_000
"""Microseconds after which to look again whether somebody left."""


class SqliteGates(Database):
    """Gates; see `agentsys.stores.base.Gates`."""

    async def enter(
        self,
        gate: str,
        slot: str,
        *,
        requests_per_minute: int | None,
        tokens_per_minute: int | None,
        concurrency: int | None,
        tokens: int,
        lease_s: float,
    ) -> float:
        """Let one request in, or say how long to wait."""
        names = to_name(gate), to_name(slot)

        def work(db: "Connection") -> int:
            now = self._now()
            lease = now + round(lease_s * 1e6)
            sql = "UPDATE pass SET expires = ? WHERE gate = ? AND slot = ? AND expires > ?"
            if db.execute(sql, (lease, *names, now)).rowcount:
                return 0
            recent = _recent(db, names[0], now)
            wait = max(
                _shut(db, names[0], now),
                _crowded(db, names[0], now, concurrency),
                _requests(recent, now, requests_per_minute),
                _tokens(recent, now, tokens_per_minute, tokens),
            )
            if not wait:
                db.execute("UPDATE pass SET slot = NULL WHERE gate = ? AND slot = ?", names)
                sql = "INSERT INTO pass (gate, slot, time, tokens, expires) VALUES (?, ?, ?, ?, ?)"
                db.execute(sql, (*names, now, tokens, lease))
            return wait

        return await self._write(work) / 1e6

    async def leave(self, gate: str, slot: str, *, unused_tokens: int = 0) -> None:
        """Give the slot back, and the tokens that were not taken."""
        sql = "UPDATE pass SET slot = NULL, tokens = max(0, tokens - ?) WHERE gate = ? AND slot = ?"
        values = (unused_tokens, to_name(gate), to_name(slot))
        await self._write(lambda db: db.execute(sql, values).close())

    async def shut(self, gate: str, seconds: float) -> None:
        """Let nobody in for so long."""
        sql = (
            "INSERT INTO gate (name, shut) VALUES (?, ?)"
            " ON CONFLICT DO UPDATE SET shut = max(shut, excluded.shut)"
        )
        name = to_name(gate)
        left = round(seconds * 1e6)
        await self._write(lambda db: db.execute(sql, (name, self._now() + left)).close())


def _recent(db: "Connection", gate: str | bytes, now: int) -> list[tuple[int, int]]:
    """When each request of the last minute came, and its tokens; older ones are forgotten."""
    db.execute(
        "DELETE FROM pass WHERE gate = ? AND time <= ? AND (slot IS NULL OR expires <= ?)",
        (gate, now - _MINUTE, now),
    )
    sql = "SELECT time, tokens FROM pass WHERE gate = ? AND time > ? ORDER BY time, id"
    return db.execute(sql, (gate, now - _MINUTE)).fetchall()


def _shut(db: "Connection", gate: str | bytes, now: int) -> int:
    row = db.execute("SELECT shut FROM gate WHERE name = ?", (gate,)).fetchone()
    return max(0, row[0] - now) if row else 0


def _crowded(db: "Connection", gate: str | bytes, now: int, most: int | None) -> int:
    if most is None:
        return 0
    sql = (
        "SELECT count(*), min(expires) FROM pass"
        " WHERE gate = ? AND slot IS NOT NULL AND expires > ?"
    )
    inside, first = db.execute(sql, (gate, now)).fetchone()
    return min(first - now, _POLL) if inside >= most else 0


def _requests(recent: list[tuple[int, int]], now: int, most: int | None) -> int:
    if most is None or len(recent) < most:
        return 0
    return recent[len(recent) - most][0] + _MINUTE - now


def _tokens(recent: list[tuple[int, int]], now: int, most: int | None, wanted: int) -> int:
    taken = sum(tokens for _, tokens in recent)
    wait = 0
    for time, tokens in recent:
        if most is None or taken + wanted <= most:
            break
        taken -= tokens
        wait = time + _MINUTE - now
    return wait
