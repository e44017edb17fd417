"""Accounts in SQLite: what was spent and what is held, changed in one transaction."""

import asyncio
import json
from collections.abc import Iterable, Mapping, Sequence
from functools import reduce
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
_ZEROS = ", 0" * _N
_ACCOUNT = f"INSERT INTO account (name, booked, {_FIELDS}, {_HELD}) VALUES"
_BOOK = f"{_ACCOUNT} (?, 1{', ?' * _N}{_ZEROS}) ON CONFLICT DO UPDATE SET booked = 1, " + ", ".join(
    f"{name} = {name} + excluded.{name}" for name in DIMENSIONS
)
_HOLD = f"{_ACCOUNT} (?, 0{_ZEROS}{', ?' * _N}) ON CONFLICT DO UPDATE SET " + (
    ", ".join(f"held_{name} = held_{name} + excluded.held_{name}" for name in DIMENSIONS)
)
_INSERT = (
    f"INSERT INTO hold (expires, id, {_FIELDS}, accounts, expiry) VALUES (?, ?, ?, ?{', ?' * _N})"
)
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
            if _renew(db, row[0], lease, now):
                return None
            refusal = _refusal(spend, caps, _balances(db, caps))
            if refusal is None:
                db.execute(_INSERT, (lease, *row))
                _add_held(db, caps, amounts(spend))
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
            _give_back(db, to_name(hold))
            if not insert(db, log, now, row, key):
                return None
            db.executemany(_BOOK, [(to_name(name), *amounts(spend)) for name in names])
            return _balances(db, names)

        return await self._write(work)

    async def release(self, hold: str) -> bool:
        """Give a hold back without a charge; whether it was still there."""
        sql = "SELECT 1 FROM hold WHERE id = ? AND expires > ?"

        def work(db: "Connection") -> bool:
            if not db.execute(sql, (to_name(hold), self._now())).fetchone():
                return False
            _give_back(db, to_name(hold))
            return True

        return await self._write(work)

    async def balances(self, accounts: Sequence[str] | None = None) -> dict[str, Balance]:
        """Of these accounts, or of all that something is booked on, sorted by name."""

        def work(db: "Connection") -> dict[str, Balance]:
            found = _balances(db, _booked(db) if accounts is None else accounts)
            sql = f"SELECT accounts, {_FIELDS} FROM hold WHERE expires <= ?"
            for names, *held in db.execute(sql, (self._now(),)):
                for name in set(json.loads(names)) & set(found):
                    old = found[name]
                    found[name] = Balance(old.spent, old.held - Spend(*held))
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
            before = _balances(db, names)
            none = Spend()
            wrong = {n: b for n, b in before.items() if b.spent != spent.get(n, none)}
            columns = ", ".join(f"{name} = 0" for name in DIMENSIONS)
            db.execute(f"UPDATE account SET booked = 0, {columns}")
            rows = [(to_name(name), *amounts(total)) for name, total in spent.items()]
            db.executemany(_BOOK, rows)
            return dict(sorted(wrong.items()))

        return await self._write(work)


def _balances(db: "Connection", names: Iterable[str]) -> dict[str, Balance]:
    sql = f"SELECT {_FIELDS}, {_HELD} FROM account WHERE name = ?"
    found = dict[str, Balance]()
    for name in names:
        row = db.execute(sql, (to_name(name),)).fetchone() or (0,) * 2 * _N
        found[name] = Balance(Spend(*row[:_N]), Spend(*row[_N:]))
    return found


def _booked(db: "Connection") -> list[str]:
    return [from_name(row[0]) for row in db.execute("SELECT name FROM account WHERE booked")]


def _refusal(
    spend: Spend, caps: Mapping[str, Spend], balances: Mapping[str, Balance]
) -> Refusal | None:
    for name, cap in caps.items():
        balance = balances[name]
        dimension = (balance.spent + balance.held + spend).beyond(cap)
        if dimension:
            left = [caps[each] - balances[each].spent for each in caps]
            free = [caps[each] - balances[each].spent - balances[each].held for each in caps]
            return Refusal(name, dimension, reduce(Spend.least, left), reduce(Spend.least, free))
    return None


def _sweep(db: "Connection", log: str, now: int) -> None:
    """Give back the holds whose lease has run out, and append their records."""
    expired = db.execute("SELECT id, expiry FROM hold WHERE expires <= ? ORDER BY expires", (now,))
    for hold, expiry in expired.fetchall():
        _give_back(db, hold)
        insert(db, log, now, as_row(json.loads(expiry)))


def _renew(db: "Connection", hold: str | bytes, lease: int, now: int) -> bool:
    sql = "UPDATE hold SET expires = ? WHERE id = ? AND expires > ?"
    return db.execute(sql, (lease, hold, now)).rowcount == 1


def _give_back(db: "Connection", hold: str | bytes) -> None:
    sql = f"DELETE FROM hold WHERE id = ? RETURNING accounts, {_FIELDS}"
    row = db.execute(sql, (hold,)).fetchone()
    if row is not None:
        _add_held(db, json.loads(row[0]), [-amount for amount in row[1:]])


def _add_held(db: "Connection", names: Iterable[str], amounts: Sequence[int]) -> None:
    db.executemany(_HOLD, [(to_name(name), *amounts) for name in names])


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
