"""A store in one SQLite file: the default, for one machine.

Write-ahead logging lets readers and one writer work at the same time, in any number of threads
and processes. With `synchronous=NORMAL` what was written survives the end of the process, however
sudden; only a power cut can take the last few records.
"""

from agentsys.stores.sqlite.accounts import SqliteAccounts
from agentsys.stores.sqlite.columns import SqliteColumns
from agentsys.stores.sqlite.gates import SqliteGates
from agentsys.stores.sqlite.log import SqliteLog
from agentsys.stores.sqlite.values import SqliteValues

__all__ = ["SqliteStore"]


class SqliteStore(SqliteLog, SqliteColumns, SqliteValues, SqliteAccounts, SqliteGates):
    """The SQLite file at `path`, made with its folder where there is none."""
