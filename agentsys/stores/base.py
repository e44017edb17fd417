"""The port that every store implements: logs that only grow."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

SEARCHABLE = ("kind", "run_id", "bench")
"""The top-level fields of records that a store finds without reading the whole log."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One record of a log and when it was appended."""

    time: datetime
    """UTC."""
    record: dict[str, Any]


class Store(Protocol):
    """Named, append-only logs of JSON records. Safe for threads and for several processes."""

    def append(self, log: str, record: Mapping[str, Any]) -> None:
        """Add a record, stamped with the time; it is there for all readers on return.

        Raises:
            StoreError: it could not be written.
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

        Args:
            log: its name; a log that nothing was appended to is empty.
            where: for fields named in `SEARCHABLE`, the values that are wanted.
            since: the first moment that is wanted.
            until: the moment from which on records are not wanted any more.

        Raises:
            StoreError: it could not be read.
        """
        ...

    def close(self) -> None:
        """Give back what the store holds; a second call does nothing."""
        ...
