"""The port that every store implements: logs, values, accounts and gates, shared by processes.

What runs do is awaited and never holds up the event loop; what reports read is not. Everything is
safe for tasks, threads and processes, and each method is atomic: it happens whole or not at all.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from agentsys.money import Spend
from agentsys.stores.columns import Columns

SEARCHABLE = ("kind", "run_id", "bench")
"""The top-level fields of records that a store finds without reading the whole log."""

ABSENT = 0
"""The version that a value has which is not there."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One record of a log and when it was appended."""

    time: datetime
    """UTC."""
    record: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Value:
    """A value and the version that compare-and-set compares."""

    data: Any
    """JSON."""
    version: int
    """Grows with every change of this key, also over a deletion; never `ABSENT`."""
    written: datetime
    """UTC."""
    expires: datetime | None
    """UTC; `None`: never."""


@dataclass(frozen=True, slots=True)
class Balance:
    """What an account has spent, and what is held for calls under way."""

    spent: Spend
    held: Spend


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why nothing was held."""

    account: str
    """The first account, in the order given, that has no room."""
    dimension: str
    """The field of `Spend` in which it has none."""
    left: Spend
    """Least cap minus what was spent, over all accounts: what can still be held at some time."""
    free: Spend
    """The same minus what is held: what can be held now."""


class Log(Protocol):
    """Named, append-only logs of JSON records."""

    async def append(self, log: str, record: Mapping[str, Any], *, key: str | None = None) -> bool:
        """Add a record, stamped with the time; it is there for all readers on return.

        Args:
            log: Its name.
            record: JSON data.
            key: Where the log has a record of this key already, nothing is added.

        Returns:
            Whether the record was added.

        Raises:
            StoreError: it could not be written; where the connection was lost, the message says
                that it may be there. A record with a key can be appended again.
        """
        ...

    def read(
        self,
        log: str,
        *,
        where: Mapping[str, Collection[str]] | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> Iterator[Entry]:
        """The records of a log in the order they were appended.

        Not awaited, and over a connection of its own, which ends with the iterator.

        Args:
            log: Its name; a log that nothing was appended to is empty.
            where: For fields named in `SEARCHABLE`, the values that are wanted.
            since: The first moment that is wanted.
            until: The moment from which on records are not wanted any more.

        Raises:
            StoreError: it could not be read.
        """
        ...


class Values(Protocol):
    """JSON values under keys, in namespaces that know nothing of each other.

    An expired value is not there. All methods raise `StoreError` where the store cannot be used.
    """

    async def get(self, space: str, key: str) -> Value | None:
        """The value of a key; `None` where there is none."""
        ...

    async def put(
        self,
        space: str,
        key: str,
        data: Any,
        *,
        ttl: float | None = None,
        expected: int | None = None,
    ) -> int | None:
        """Set a value; gives its new version, or `None` where it was not as expected.

        Args:
            space: The namespace.
            key: The key in it.
            data: JSON data.
            ttl: Seconds until it expires; `None`: never.
            expected: Compare-and-set: the version it must have now, `ABSENT` where there must be
                none; `None`: whatever there is.
        """
        ...

    async def delete(self, space: str, key: str, *, expected: int | None = None) -> bool:
        """Take a value away; whether there was one (of the expected version)."""
        ...

    async def values(self, space: str) -> dict[str, Value]:
        """All values of a namespace, sorted by key."""
        ...

    async def spaces(self, prefix: str = "") -> list[str]:
        """The namespaces that hold a value and whose name begins so, sorted."""
        ...


class Accounts(Protocol):
    """What was spent, and what is held for calls under way.

    A hold whose lease has run out is not there any more. All methods raise `StoreError` where the
    store cannot be used.
    """

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
        """Hold an amount on every account, or on none of them.

        It fits where spent + held + amount <= cap, in every field, on every account. Holds whose
        lease has run out are given back first.

        Args:
            hold: Its id; one that is there already is given back first, also where nothing is held
                in its place.
            spend: The worst case.
            caps: The accounts, each with its cap; `UNLIMITED` in fields without one.
            lease_s: Seconds until the hold is given back unless it is extended.
            log: Where the records of holds that were given back for that reason are appended.
            expiry: The record of this one; the next `reserve` or `settle` appends it.

        Returns:
            `None` where it is held.
        """
        ...

    async def extend(self, hold: str, *, lease_s: float) -> bool:
        """Give a hold a new lease; whether it was still there."""
        ...

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
        """Append the record of a charge, book it on the accounts, and give the hold back.

        The charge is booked whole, whatever was held, and also where the hold has expired.

        Returns:
            The accounts' balances afterwards; `None`, with nothing booked, where the log has a
            record of that key already. The hold is gone either way.
        """
        ...

    async def release(self, hold: str) -> bool:
        """Give a hold back without a charge; whether it was still there."""
        ...

    async def balances(self, accounts: Sequence[str] | None = None) -> dict[str, Balance]:
        """Of these accounts, or of all that something was ever booked on, sorted by name."""
        ...

    async def rebuild(self, log: str) -> dict[str, Balance]:
        """Compute what was spent anew from the log, in which nothing is booked meanwhile.

        A record counts that has `accounts`, a list of names: its `nano_usd`, the sum of its
        `tokens_in` and `tokens_out`, one call, and its `microseconds`. Holds stay as they are.

        Returns:
            The balances before, of the accounts whose `spent` was wrong.
        """
        ...


class Gates(Protocol):
    """Rates and concurrency of what is asked of a server, over all processes.

    All methods raise `StoreError` where the store cannot be used.
    """

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
        """Let one request in, or say how long to wait.

        In no sixty seconds are there more requests or tokens than allowed (a sliding log); a
        request that wants more tokens than a minute has is let in when it is the minute's only one.

        Args:
            gate: The server's name.
            slot: An id of the request; one that is inside already stays, with a new lease.
            requests_per_minute: `None`: any number; so with the others.
            tokens_per_minute: See above.
            concurrency: Most requests inside at once.
            tokens: What the request may take.
            lease_s: Seconds until its slot is given back unless it leaves.

        Returns:
            0.0 where it is in; else after how many seconds to try again. The gate is shut while
            `shut` says so.
        """
        ...

    async def leave(self, gate: str, slot: str, *, unused_tokens: int = 0) -> None:
        """Give the slot back, and the tokens that were not taken."""
        ...

    async def shut(self, gate: str, seconds: float) -> None:
        """Let nobody in for so long; a longer time that was set before stays."""
        ...


class Store(Log, Columns, Values, Accounts, Gates, Protocol):
    """All that agents hold in common."""

    async def close(self) -> None:
        """Give back what the store holds; it opens again when it is used."""
        ...
