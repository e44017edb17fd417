"""Logs as tables in Redis: made from the records whenever they are read.

Streams keep records whole, so this takes as long as reading them: some ten times what SQLite does.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime

from agentsys.stores.columns import COLUMNS, Line, comparable, known
from agentsys.stores.records import cells, to_microseconds
from agentsys.stores.redis.log import RedisLog
from agentsys.stores.totals import add_up


class RedisColumns(RedisLog):
    """Logs as tables; see `agentsys.stores.columns.Columns`."""

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
        """The values of some columns, in the order in which the records were appended."""
        known(columns)
        which = {**(where or {}), "kind": kinds}
        for entry in self.read(log, where=which, since=since, until=until):
            found = cells(entry.record)
            if found is not None:
                kind, run_id, columned = found
                line = dict(zip(COLUMNS, columned, strict=True))
                line |= {"kind": kind, "run_id": run_id, "time": to_microseconds(entry.time)}
                yield tuple(line[name] for name in columns)

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
        """The records of a kind, added up."""
        comparable(by)
        known((*sums, *listed))
        lines = self.lines(log, [kind], (*by, *sums, *listed), where=where)
        return add_up(lines, len(by), len(sums), listed)
