"""Accounts in SQLite: what was spent and what is held, changed in one transaction."""

import asyncio
import json
from collections.abc import Iterable, Mapping, Sequence
from functools import reduce
from operator import sub
from typing import TYPE_CHECKING, Any

from agentsys.money import DIMENSIONS, Spend
from agentsys.stores.base import Balance, Refusal
from agentsys.stores.records import amounts, charge, to_text
from agentsys.stores.sqlite.database import Database, from_name, to_name
from agentsys.stores.sqlite.log import as_row, insert

if TYPE_CHECKING:
    from sqlite3 import Connection

_FIELDS = ", ".join(DIMENSIONS)
_HELD = ", ".join(f"held_{name}" for name in DIMENSIONS)
_N = len(DIMENSIONS)
_NOTHING: tuple[int, ...] = (0,) * _N
_CHANGE = (
    f"INSERT INTO account (name, booked, {_FIELDS}, {_HELD}) VALUES (?, ?{', ?' * 2 * _N})"
    " ON CONFLICT DO UPDATE SET booked = max(booked, excluded.booked), "
    + ", ".join(f"{name} = {name} + excluded.{name}" for name in f"{_FIELDS}, {_HELD}".split(", "))
)
_INSERT = (
    f"INSERT INTO hold (expires, id, {_FIELDS}, accounts, expiry) VALUES (?, ?, ?, ?{', ?' * _N})"
)
_Change = tuple[int, ...]
"""Whether something is booked on an account, what is added to `spent`, and what to `held`."""
_MOST = 500
"""Names in one statement."""
_CHUNK = 2_000
"""Records that are read at a time while the event loop waits."""


class SqliteAccounts(Database):
    """Accounts; see `agentsys.stores.base.Accounts`."""

    async def reserve(
        self,
        hold: str,
        spend: Spend,
        caps: Mapping[str, Spend],
        *,
        lease_s: float,
        log: str,
        expiry: Mapping[str, Any],
    ) -> Refusal | None:
        """Hold an amount on every account, or on none of them."""
        row = (to_name(hold), *amounts(spend), to_text([*caps]), to_text(expiry))

        def work(db: "Connection") -> Refusal | None:
            now = self._now()
            _sweep(db, log, now)
            lease = now + round(lease_s * 1e6)
            _change(db, _end(db, row[0]))
            refusal = _refusal(spend, caps, _rows(db, caps))
            if refusal is None:
                db.execute(_INSERT, (lease, *row))
                _change(db, dict.fromkeys(caps, (0, *_NOTHING, *amounts(spend))))
            return refusal

        return await self._write(work)

    async def extend(self, hold: str, *, lease_s: float) -> bool:
        """Give a hold a new lease; whether it was still there."""

        def work(db: "Connection") -> bool:
            now = self._now()
            return _renew(db, to_name(hold), now + round(lease_s * 1e6), now)

        return await self._write(work)

    async def settle(
        self,
        hold: str,
        accounts: Sequence[str],
        spend: Spend,
        *,
        log: str,
        record: Mapping[str, Any],
        key: str,
    ) -> dict[str, Balance] | None:
        """Append the record of a charge, book it on the accounts, and give the hold back."""
        row, names = as_row(record), dict.fromkeys(accounts)

        def work(db: "Connection") -> dict[str, Balance] | None:
            now = self._now()
            _sweep(db, log, now)
            changes = _end(db, to_name(hold))
            added = insert(db, log, now, row, key)
            for name in names if added else ():
                held = changes[name][-_N:] if name in changes else _NOTHING
                changes[name] = (1, *amounts(spend), *held)
            _change(db, changes)
            return _balances(db, names, now) if added else None

        return await self._write(work)

    async def release(self, hold: str) -> bool:
        """Give a hold back without a charge; whether it was still there."""
        sql = "SELECT 1 FROM hold WHERE id = ? AND expires > ?"

        def work(db: "Connection") -> bool:
            if not db.execute(sql, (to_name(hold), self._now())).fetchone():
                return False
            _change(db, _end(db, to_name(hold)))
            return True

        return await self._write(work)

    async def balances(self, accounts: Sequence[str] | None = None) -> dict[str, Balance]:
        """Of these accounts, or of all that something is booked on, sorted by name."""

        def work(db: "Connection") -> dict[str, Balance]:
            found = _balances(db, _booked(db) if accounts is None else accounts, self._now())
            return dict(sorted(found.items()))

        return await self._look(work)

    async def rebuild(self, log: str) -> dict[str, Balance]:
        """Compute what was spent anew from the log; gives the balances that were wrong, before."""
        spent = dict[str, Spend]()
        last = -1
        # The bulk of the log while others book; the rest, in `work`, while nobody can.
        while chunk := await self._look(lambda db, last=last: _entries(db, log, last, _CHUNK)):
            last = _tally(spent, chunk)
            await asyncio.sleep(0)

        def work(db: "Connection") -> dict[str, Balance]:
            _tally(spent, _entries(db, log, last, -1))
            names = dict.fromkeys([*_booked(db), *spent])
            before = _balances(db, names, self._now())
            none = Spend()
            wrong = {n: b for n, b in before.items() if b.spent != spent.get(n, none)}
            columns = ", ".join(f"{name} = 0" for name in DIMENSIONS)
            db.execute(f"UPDATE account SET booked = 0, {columns}")
            _change(db, {n: (1, *amounts(total), *_NOTHING) for n, total in spent.items()})
            return dict(sorted(wrong.items()))

        return await self._write(work)


def _rows(db: "Connection", names: Iterable[str]) -> dict[str, tuple[int, ...]]:
    """What was spent on accounts and what is held, eight numbers each."""
    found = dict.fromkeys(names, _NOTHING * 2)
    stored = [to_name(name) for name in found]
    for start in range(0, len(stored), _MOST):
        some = stored[start : start + _MOST]
        marks = ", ".join("?" * len(some))
        sql = f"SELECT name, {_FIELDS}, {_HELD} FROM account WHERE name IN ({marks})"
        for row in db.execute(sql, some):
            found[from_name(row[0])] = row[1:]
    return found


def _balances(db: "Connection", names: Iterable[str], now: int) -> dict[str, Balance]:
    """What was spent on accounts, and what is held by holds whose lease has not run out."""
    rows = _rows(db, names)
    sql = f"SELECT accounts, {_FIELDS} FROM hold WHERE expires <= ?"
    for text, *expired in db.execute(sql, (now,)):
        for name in rows.keys() & json.loads(text):
            rows[name] = (*rows[name][:_N], *map(sub, rows[name][_N:], expired))
    return {name: Balance(Spend(*row[:_N]), Spend(*row[_N:])) for name, row in rows.items()}


def _booked(db: "Connection") -> list[str]:
    return [from_name(row[0]) for row in db.execute("SELECT name FROM account WHERE booked")]


def _refusal(
    spend: Spend, caps: Mapping[str, Spend], rows: Mapping[str, tuple[int, ...]]
) -> Refusal | None:
    wanted = amounts(spend)
    for name, row in rows.items():
        rooms = map(sub, map(sub, amounts(caps[name]), row), row[_N:])
        for field, room, amount in zip(DIMENSIONS, rooms, wanted, strict=True):
            if amount > room:
                left = {each: caps[each] - Spend(*found[:_N]) for each, found in rows.items()}
                free = [left[each] - Spend(*found[_N:]) for each, found in rows.items()]
                least = reduce(Spend.least, left.values())
                return Refusal(name, field, least, reduce(Spend.least, free))
    return None


def _sweep(db: "Connection", log: str, now: int) -> None:
    """Give back the holds whose lease has run out, and append their records."""
    expired = db.execute("SELECT id, expiry FROM hold WHERE expires <= ? ORDER BY expires", (now,))
    for hold, expiry in expired.fetchall():
        _change(db, _end(db, hold))
        insert(db, log, now, as_row(json.loads(expiry)))


def _renew(db: "Connection", hold: str | bytes, lease: int, now: int) -> bool:
    sql = "UPDATE hold SET expires = ? WHERE id = ? AND expires > ?"
    return db.execute(sql, (lease, hold, now)).rowcount == 1


def _end(db: "Connection", hold: str | bytes) -> dict[str, _Change]:
    """Take a hold away; gives what this changes."""
    sql = f"DELETE FROM hold WHERE id = ? RETURNING accounts, {_FIELDS}"
    row = db.execute(sql, (hold,)).fetchone()
    if row is None:
        return {}
    names, *held = row
    return dict.fromkeys(json.loads(names), (0, *_NOTHING, *(-amount for amount in held)))


def _change(db: "Connection", changes: Mapping[str, _Change]) -> None:
    """Add to what was spent on accounts and to what is held."""
    db.executemany(_CHANGE, [(to_name(name), *change) for name, change in changes.items()])


def _entries(db: "Connection", log: str, last: int, most: int) -> list[tuple[int, str]]:
    sql = "SELECT id, record FROM entry WHERE log = ? AND id > ? ORDER BY id LIMIT ?"
    return db.execute(sql, (to_name(log), last, most)).fetchall()


def _tally(spent: dict[str, Spend], entries: Iterable[tuple[int, str]]) -> int:
    """Add what the records say was spent; gives the last record's id."""
    last = -1
    for last, text in entries:  # noqa: B007
        booked = charge(json.loads(text))
        names, spend = booked or ((), Spend())
        for name in names:
            spent[name] = spent.get(name, Spend()) + spend
    return last
