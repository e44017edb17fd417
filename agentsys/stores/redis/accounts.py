"""Accounts in Redis: scripts on hashes of what was spent and what is held."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from agentsys.money import DIMENSIONS, Spend
from agentsys.stores.base import Balance, Refusal
from agentsys.stores.records import amounts
from agentsys.stores.redis.log import as_entry, log_keys, new_token
from agentsys.stores.redis.server import Argument, Server, from_name, to_name

_HOLDS = "agentsys:{state}:holds"
_LEASES = "agentsys:{state}:leases"
_SPENT = "agentsys:{state}:spent"
_HELD = "agentsys:{state}:held"
_CHUNK = 1_000
"""Records that are read at a time."""


class RedisAccounts(Server):
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
        stream, index, _ = log_keys(log)
        refused = await self._script(
            "reserve",
            (stream, index, _HOLDS, _LEASES, _SPENT, _HELD),
            to_name(hold),
            round(lease_s * 1e6),
            _text(spend),
            *_listed(caps),
            *as_entry(expiry),
        )
        if refused is None:
            return None
        account, field, left, free = refused
        dimension: str = DIMENSIONS[int(field)]
        return Refusal(from_name(account), dimension, _spend(left), _spend(free))

    async def extend(self, hold: str, *, lease_s: float) -> bool:
        """Give a hold a new lease; whether it was still there."""
        return bool(await self._script("extend", (_LEASES,), to_name(hold), round(lease_s * 1e6)))

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
        names = list(dict.fromkeys(accounts))
        balances = await self._script(
            "settle",
            (*log_keys(log), _HOLDS, _LEASES, _SPENT, _HELD),
            to_name(hold),
            b"=" + to_name(key),
            new_token(),
            _text(spend),
            len(names),
            *map(to_name, names),
            *as_entry(record),
        )
        if balances is None:
            return None
        pairs = zip(names, balances.split(b";"), strict=True) if names else ()
        return {name: _balance(text.split(b",")) for name, text in pairs}

    async def release(self, hold: str) -> bool:
        """Give a hold back without a charge; whether it was still there."""
        return bool(await self._script("release", (_HOLDS, _LEASES, _HELD), to_name(hold)))

    async def balances(self, accounts: Sequence[str] | None = None) -> dict[str, Balance]:
        """Of these accounts, or of all that something is booked on, sorted by name."""
        names = list(dict.fromkeys(accounts or ()))
        if accounts is not None and not names:
            return {}
        keys = (_HOLDS, _LEASES, _SPENT, _HELD)
        return _balances(await self._script("balances", keys, len(names), *map(to_name, names)))

    async def rebuild(self, log: str) -> dict[str, Balance]:
        """Compute what was spent anew from the log; gives the balances that were wrong, before."""
        stream, _, _ = log_keys(log)
        spent = dict[bytes, Spend]()
        start, last = b"-", b"-"
        # The bulk of the log while others book; the rest in the script, while nobody can.
        while True:
            (chunk,) = await self._commands(("XRANGE", stream, start, "+", "COUNT", _CHUNK))
            for last, fields in chunk:  # noqa: B007
                _tally(spent, fields)
            start = b"(" + last if last != b"-" else last
            if len(chunk) < _CHUNK:
                break
        totals = {from_name(name): total for name, total in spent.items()}
        keys = (stream, _HOLDS, _LEASES, _SPENT, _HELD)
        # Run twice, it would say that nothing was wrong.
        return _balances(await self._script("rebuild", keys, start, *_listed(totals), again=False))


def _text(spend: Spend) -> str:
    return ",".join(map(str, amounts(spend)))


def _spend(text: bytes) -> Spend:
    return Spend(*map(int, text.split(b",")))


def _balance(numbers: Sequence[bytes]) -> Balance:
    values = list(map(int, numbers))
    return Balance(Spend(*values[: len(DIMENSIONS)]), Spend(*values[len(DIMENSIONS) :]))


def _listed(spends: Mapping[str, Spend]) -> list[Argument]:
    rows = ((to_name(name), _text(spend)) for name, spend in spends.items())
    return [len(spends), *(part for row in rows for part in row)]


def _balances(rows: Iterable[tuple[bytes, bytes, bytes]]) -> dict[str, Balance]:
    found = ((from_name(name), Balance(_spend(spent), _spend(held))) for name, spent, held in rows)
    return dict(sorted(found, key=lambda item: item[0]))


def _tally(spent: dict[bytes, Spend], fields: Sequence[bytes]) -> None:
    spend = Spend()
    for field, value in zip(fields[::2], fields[1::2], strict=True):
        if field == b"spend":
            spend = _spend(value)
        elif field == b"account":
            spent[value] = spent.get(value, Spend()) + spend
