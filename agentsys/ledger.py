"""The append-only record of every call, charge and outcome; every report is computed from it."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from agentsys.errors import StoreError
from agentsys.events import Event, from_record, to_record
from agentsys.stores import Line, Store, open_store

LOG = "ledger"
"""The log's name in the store."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """An event and when it was written."""

    time: datetime
    """UTC."""
    event: Event


class Ledger:
    """The events of all runs, kept in a store. Safe for threads and for several processes."""

    def __init__(self, store: Store) -> None:
        self.store = store

    @classmethod
    def open(cls, url: str) -> "Ledger":
        """The ledger in the store at a URL: `sqlite:///runs.db`.

        Raises:
            SettingsError: the URL names no store.
            StoreError: the store cannot be opened.
        """
        return cls(open_store(url))

    async def write(self, event: Event, *, key: str | None = None) -> bool:
        """Append an event; it is kept on return. False: there is one of that key already.

        Raises:
            StoreError: it could not be written.
        """
        return await self.store.append(LOG, to_record(event), key=key)

    def events(
        self,
        *kinds: type[Event],
        run_ids: Collection[str] | None = None,
        bench: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> Iterator[Recorded]:
        """The events that fit every filter, in the order they were written.

        Args:
            kinds: classes of events; none given: all.
            run_ids: the runs that are wanted.
            bench: only `BenchStarted`, `Assigned` and `Outcome` belong to a bench.
            since: the first moment that is wanted; with a time zone, or local time.
            until: the moment from which on events are not wanted any more.

        Raises:
            StoreError: the store cannot be read, or a newer agentsys wrote to it.
        """
        where = _where(run_ids, bench)
        if kinds:
            where["kind"] = [kind.__name__ for kind in kinds]
        for entry in self.store.read(LOG, where=where, since=since, until=until):
            try:
                event = from_record(entry.record)
            except (KeyError, TypeError) as error:
                kind = entry.record.get("kind")
                raise StoreError(
                    f"The ledger has a record ({kind!r}) that this agentsys does not know.",
                    hint="Upgrade agentsys, or set 'store' to another file.",
                ) from error
            yield Recorded(entry.time, event)

    def lines(
        self,
        *kinds: type[Event],
        columns: Sequence[str],
        run_ids: Collection[str] | None = None,
        bench: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> Iterator[Line]:
        """A few fields of the events of runs, in the order they were written; fast.

        Args:
            kinds: classes of events.
            columns: names of fields in `agentsys.stores.columns`; `kind` is the class's name.
            run_ids: the runs that are wanted.
            bench: only `Assigned` and `Outcome` belong to a bench.
            since: the first moment that is wanted; with a time zone, or local time.
            until: the moment from which on events are not wanted any more.

        Raises:
            StoreError: the store cannot be read.
        """
        names = [kind.__name__ for kind in kinds]
        where = _where(run_ids, bench)
        return self.store.lines(LOG, names, columns, where=where, since=since, until=until)

    def totals(
        self,
        kind: type[Event],
        *,
        by: Sequence[str],
        sums: Sequence[str] = (),
        listed: Sequence[str] = (),
        run_ids: Collection[str] | None = None,
    ) -> Iterator[Line]:
        """The events of a class, added up; see `agentsys.stores.columns.Columns.totals`.

        Raises:
            StoreError: the store cannot be read.
        """
        where = _where(run_ids, None)
        return self.store.totals(LOG, kind.__name__, by, sums=sums, listed=listed, where=where)


def _where(run_ids: Collection[str] | None, bench: str | None) -> dict[str, Collection[str]]:
    where: dict[str, Collection[str]] = {}
    if run_ids is not None:
        where["run_id"] = run_ids
    if bench is not None:
        where["bench"] = [bench]
    return where
