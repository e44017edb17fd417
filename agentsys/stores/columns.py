"""Records as a table: a few of their fields, without what was said.

Reports over a million records need numbers and names, and neither tasks nor replies.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

COLUMNS: Mapping[str, type] = {
    "bench": str,
    "graph": str,
    "tenant": str,
    "thresholds": str,
    "task_id": str,
    "repeat": int,
    "node": str,
    "tier": str,
    "deployment": str,
    "decision": str,
    "attempt": int,
    "schema_valid": bool,
    "error": str,
    "nano_usd": int,
    "tokens_in": int,
    "tokens_out": int,
    "seconds": float,
    "energy_j": float,
    "executable": bool,
    "status": str,
    "success": bool,
    "scorer": str,
    "unpaid": int,
}
"""The top-level fields that are columns, and of which type; a value of another type is not there.

Text has escapes in place of null characters and of what UTF-8 cannot hold. Whole numbers have at
most 64 bits; what is no number (NaN) is none.
"""

HEAD = ("kind", "run_id", "time")
"""Further columns, of every line: text, text, and microseconds since 1970 (UTC)."""

Line = tuple[Any, ...]
"""Values of columns, in the order in which they were asked for."""


class Columns(Protocol):
    """Logs as tables. Only records that have a `kind` and a `run_id`, both text, are in them."""

    def lines(
        self,
        log: str,
        kinds: Collection[str],
        columns: Sequence[str],
        *,
        where: Mapping[str, Collection[str]] | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> Iterator[Line]:
        """The values of some columns, in the order in which the records were appended.

        Args:
            log: Its name.
            kinds: Of the records.
            columns: Of `COLUMNS` and `HEAD`; `None` stands for what is not there.
            where: For `run_id` and `bench`, the values that are wanted.
            since: The first moment that is wanted.
            until: The moment from which on records are not wanted any more.

        Raises:
            StoreError: it could not be read.
        """
        ...

    def totals(
        self,
        log: str,
        kind: str,
        by: Sequence[str],
        *,
        sums: Sequence[str] = (),
        listed: Sequence[str] = (),
        where: Mapping[str, Collection[str]] | None = None,
    ) -> Iterator[Line]:
        """The records of a kind, added up, in no particular order.

        A store may begin before the first line is asked for. What is appended from then on may be
        missing.

        Each line has the values of `by`, the number of records, the sums (a truth counts as 1;
        `None` where no record has a value), and, where columns are listed, the lines of these, in
        the order they were appended, as text that `listed` reads. Of `float` there is only whether
        a value is there: so there are few different texts in a log, and what is made of one is best
        kept for the next.

        Args:
            log: Its name.
            kind: Of the records.
            by: The columns in which they agree that are added up together.
            sums: The columns of numbers or truths to add up.
            listed: The columns of which to list the values.
            where: For `run_id` and `bench`, the values that are wanted.

        Raises:
            ValueError: they are to agree in numbers with a fraction.
            StoreError: it could not be read.
        """
        ...


def known(columns: Iterable[str]) -> None:
    """See that all of them are columns.

    Raises:
        ValueError: one is not.
    """
    for name in columns:
        if name not in COLUMNS and name not in HEAD:
            raise ValueError(f"{name!r} is no column; there are {(*HEAD, *COLUMNS)}")


def comparable(columns: Iterable[str]) -> None:
    """See that all of them are columns whose values can be the same.

    Raises:
        ValueError: one is not.
    """
    known(columns)
    for name in columns:
        if COLUMNS.get(name) is float:
            raise ValueError(f"{name!r} has fractions, in which records do not agree")
