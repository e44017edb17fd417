"""The tables of a SQLite file, and what brings older files up to date."""

from typing import TYPE_CHECKING

from agentsys.errors import StoreError

if TYPE_CHECKING:
    from sqlite3 import Connection

_APPLICATION = 0x61677379
"""`PRAGMA application_id` of our files ("agsy"): they are not to be mixed with other programs'."""

_MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        "CREATE TABLE entry (id INTEGER PRIMARY KEY, log TEXT NOT NULL, time INTEGER NOT NULL,"
        " kind TEXT, run_id TEXT, bench TEXT, record TEXT NOT NULL)",
        "CREATE INDEX entry_kind ON entry (log, kind) WHERE kind IS NOT NULL",
        "CREATE INDEX entry_run_id ON entry (log, run_id) WHERE run_id IS NOT NULL",
        "CREATE INDEX entry_bench ON entry (log, bench) WHERE bench IS NOT NULL",
    ),
    (
        "ALTER TABLE entry ADD COLUMN key TEXT",
        "CREATE UNIQUE INDEX entry_key ON entry (log, key) WHERE key IS NOT NULL",
        # The last version that a value was given: versions grow also over deletions.
        "CREATE TABLE version (last INTEGER NOT NULL)",
        "INSERT INTO version VALUES (0)",
        "CREATE TABLE value (space TEXT NOT NULL, key TEXT NOT NULL, data TEXT NOT NULL,"
        " version INTEGER NOT NULL, written INTEGER NOT NULL, expires INTEGER,"
        " PRIMARY KEY (space, key))",
        "CREATE INDEX value_expires ON value (expires) WHERE expires IS NOT NULL",
        "CREATE TABLE account (name TEXT PRIMARY KEY, booked INTEGER NOT NULL,"
        " nano_usd INTEGER NOT NULL, tokens INTEGER NOT NULL, calls INTEGER NOT NULL,"
        " microseconds INTEGER NOT NULL, held_nano_usd INTEGER NOT NULL,"
        " held_tokens INTEGER NOT NULL, held_calls INTEGER NOT NULL,"
        " held_microseconds INTEGER NOT NULL) WITHOUT ROWID",
        "CREATE TABLE hold (id TEXT PRIMARY KEY, expires INTEGER NOT NULL,"
        " nano_usd INTEGER NOT NULL, tokens INTEGER NOT NULL, calls INTEGER NOT NULL,"
        " microseconds INTEGER NOT NULL, accounts TEXT NOT NULL, expiry TEXT NOT NULL)"
        " WITHOUT ROWID",
        "CREATE INDEX hold_expires ON hold (expires)",
        "CREATE TABLE gate (name TEXT PRIMARY KEY, shut INTEGER NOT NULL)",
        # One request that was let in; `slot` until it leaves.
        "CREATE TABLE pass (id INTEGER PRIMARY KEY, gate TEXT NOT NULL, slot TEXT,"
        " time INTEGER NOT NULL, tokens INTEGER NOT NULL, expires INTEGER NOT NULL)",
        "CREATE INDEX pass_time ON pass (gate, time)",
        "CREATE UNIQUE INDEX pass_slot ON pass (gate, slot) WHERE slot IS NOT NULL",
    ),
    (
        # What reports read of an entry; one without a kind or a run has no line.
        "CREATE TABLE line (log TEXT NOT NULL, kind TEXT NOT NULL, run_id TEXT NOT NULL,"
        " entry INTEGER NOT NULL, time INTEGER NOT NULL, bench TEXT, graph TEXT, tenant TEXT,"
        " thresholds TEXT, task_id TEXT, repeat INTEGER, node TEXT, tier TEXT, deployment TEXT,"
        " decision TEXT, attempt INTEGER, schema_valid INTEGER, error TEXT, nano_usd INTEGER,"
        " tokens_in INTEGER, tokens_out INTEGER, seconds REAL, energy_j REAL,"
        " executable INTEGER, status TEXT, success INTEGER, scorer TEXT,"
        " PRIMARY KEY (log, kind, run_id, entry)) WITHOUT ROWID",
        # The last entry of an older agentsys: lines are made when they are first read. Else 0.
        "CREATE TABLE lineless (last INTEGER NOT NULL)",
        "INSERT INTO lineless SELECT coalesce(max(id), 0) FROM entry",
    ),
    # What of a call's cost was on record and not paid; no older agentsys has told it.
    ("ALTER TABLE line ADD COLUMN unpaid INTEGER",),
)
"""What brings a file from version n to n + 1 (`PRAGMA user_version`); only ever add to the end."""


def migrate(connection: "Connection", path: str) -> None:
    """Make the tables of this version, from those of any version before it or none.

    Raises:
        StoreError: the tables are another program's or a later version's.
    """
    version = _version(connection, path)
    if version == len(_MIGRATIONS):
        return
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("BEGIN IMMEDIATE")
    # Another process may have done it since.
    version = _version(connection, path)
    for statement in (s for step in _MIGRATIONS[version:] for s in step):
        connection.execute(statement)
    connection.execute(f"PRAGMA application_id = {_APPLICATION}")
    connection.execute(f"PRAGMA user_version = {len(_MIGRATIONS)}")
    connection.execute("COMMIT")


def _version(connection: "Connection", path: str) -> int:
    tables = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    if not tables:
        return 0
    if connection.execute("PRAGMA application_id").fetchone()[0] != _APPLICATION:
        raise StoreError(
            f"{path} is another program's database.", hint="Set 'store' to another file."
        )
    version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    if version > len(_MIGRATIONS):
        raise StoreError(
            f"{path} was written by a newer agentsys (version {version} of its tables).",
            hint="Upgrade agentsys, or set 'store' to another file.",
        )
    return version
