"""What each run cost and whether it was escalated, by every way that was considered.

Run as a script, it measures one way in a process of its own. DuckDB and polars have an environment
of theirs, so nothing of agentsys is imported here.
"""

import json
import resource
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

Figures = dict[str, Any]
_FIELDS = ("node", "tier", "decision", "nano_usd")
_LINES = "FROM {} WHERE kind = 'Call' GROUP BY run_id"
_COUNTED = (
    "sum(nano_usd), max(decision = 'escalate')"
    " OR count(DISTINCT node || '@' || tier) > count(DISTINCT node)"
)


def ways(file: Path, folder: Path, peers: str) -> list[Figures]:
    """Each way in a process of its own, on a copy of the ledger; all must find the same."""
    found: list[Figures] = []
    for name in _WAYS:
        copy = folder / f"{name}.db"
        shutil.copy(file, copy)
        python = peers if name in _PEERS else sys.executable
        said = _run([python, __file__, name, str(copy)])
        if said is None:
            print(f"{name} could not be measured.", file=sys.stderr)
        else:
            found.append({"way": name, **said})
        for left in folder.iterdir():
            left.unlink()
    assert len({json.dumps(row.pop("found")) for row in found}) == 1, found
    return found


def _run(command: list[str]) -> Figures | None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        print(done.stderr[-500:], file=sys.stderr)
        return None
    said: Figures = json.loads(done.stdout.splitlines()[-1])
    return said


def way(name: str, file: Path) -> Figures:
    """Prepare and ask; seconds of both, what it added on disk, and the most memory of all."""
    prepare, ask = _WAYS[name]
    before = _size(file)
    start, cpu = time.perf_counter(), time.process_time()
    prepare(file)
    prepared, prepared_cpu = time.perf_counter() - start, time.process_time() - cpu
    start, cpu = time.perf_counter(), time.process_time()
    runs = list(ask(file))
    return {
        "prepare_s": prepared,
        "prepare_cpu_s": prepared_cpu,
        "ask_s": time.perf_counter() - start,
        "ask_cpu_s": time.process_time() - cpu,
        "mb_on_disk": (_size(file) - before) / 1e6,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "found": [len(runs), sum(cost for cost, _ in runs), sum(bool(up) for _, up in runs)],
    }


def _size(file: Path) -> int:
    return sum(each.stat().st_size for each in file.parent.glob(f"{file.name}*"))


def _connected(file: Path) -> sqlite3.Connection:
    return sqlite3.connect(file, isolation_level=None)


def _python(file: Path) -> Iterable[tuple[int, bool]]:
    costs: dict[str, int] = {}
    places: dict[str, set[tuple[str, str]]] = {}
    up = set[str]()
    for (text,) in _connected(file).execute("SELECT record FROM entry WHERE kind = 'Call'"):
        call = json.loads(text)
        run_id = call["run_id"]
        costs[run_id] = costs.get(run_id, 0) + call["nano_usd"]
        places.setdefault(run_id, set()).add((call["node"], call["tier"]))
        if call["decision"] == "escalate":
            up.add(run_id)
    for run_id, cost in costs.items():
        nodes = {node for node, _ in places[run_id]}
        yield cost, run_id in up or len(places[run_id]) > len(nodes)


def _extracted(file: Path) -> Any:
    fields = ", ".join(f"json_extract(record, '$.{name}') AS {name}" for name in _FIELDS)
    read = f"(SELECT kind, run_id, {fields} FROM entry)"
    return _connected(file).execute(f"SELECT {_COUNTED} {_LINES.format(read)}")


def _generate(file: Path) -> None:
    db = _connected(file)
    for name in _FIELDS:
        made = f"json_extract(record, '$.{name}')"
        db.execute(f"ALTER TABLE entry ADD COLUMN {name} AS ({made}) VIRTUAL")
    db.execute(f"CREATE INDEX covering ON entry (kind, run_id, id, {', '.join(_FIELDS)})")
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _covered(file: Path) -> Any:
    return _connected(file).execute(
        f"SELECT {_COUNTED} {_LINES.format('entry INDEXED BY covering')}"
    )


def _beside(file: Path) -> None:
    """Typed columns in the order of the entries."""
    db = _connected(file)
    db.execute("CREATE TABLE beside (id INTEGER PRIMARY KEY, kind, run_id, node, tier, decision,"
               " nano_usd)")  # fmt: skip
    db.execute("INSERT INTO beside SELECT entry, kind, run_id, node, tier, decision, nano_usd"
               " FROM line ORDER BY entry")  # fmt: skip
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _in_order(table: str) -> Callable[[Path], Any]:
    return lambda file: _connected(file).execute(f"SELECT {_COUNTED} {_LINES.format(table)}")


def _duckdb_prepare(file: Path) -> None:
    import duckdb  # pyright: ignore

    db: Any = duckdb.connect(f"{file}.duck")
    _to_lines(file)
    db.execute(
        f"CREATE TABLE line AS SELECT * FROM read_json('{file}.json', format='newline_delimited',"
        " columns={kind: 'VARCHAR', run_id: 'VARCHAR', node: 'VARCHAR', tier: 'VARCHAR',"
        " decision: 'VARCHAR', nano_usd: 'BIGINT'})"
    )
    db.close()
    Path(f"{file}.json").unlink()


def _duckdb(file: Path) -> Any:
    import duckdb  # pyright: ignore

    db: Any = duckdb.connect(f"{file}.duck")
    db.execute("SET threads = 2")
    return db.execute(
        f"SELECT {_COUNTED.replace('max(', 'bool_or(')} {_LINES.format('line')}"
    ).fetchall()


def _polars_prepare(file: Path) -> None:
    import polars as pl  # pyright: ignore

    _to_lines(file)
    schema: Any = dict.fromkeys(("kind", "run_id", *_FIELDS), pl.String)
    schema["nano_usd"] = pl.Int64
    lines: Any = pl.scan_ndjson(f"{file}.json", schema=schema)
    lines.sink_parquet(f"{file}.parquet")
    Path(f"{file}.json").unlink()


def _polars(file: Path) -> Any:
    import polars as pl  # pyright: ignore

    lines: Any = pl.scan_parquet(f"{file}.parquet").filter(pl.col("kind") == "Call")
    place = pl.concat_str("node", "tier", separator="@")
    up = (pl.col("decision") == "escalate").any() | (place.n_unique() > pl.col("node").n_unique())
    return lines.group_by("run_id").agg(pl.col("nano_usd").sum(), up.alias("up")).select(
        "nano_usd", "up").collect().rows()  # fmt: skip


def _to_lines(file: Path) -> None:
    """The records as lines of JSON, which is what these read."""
    with open(f"{file}.json", "w", encoding="utf-8") as out:
        for (text,) in _connected(file).execute("SELECT record FROM entry"):
            out.write(f"{text}\n")


def _nothing(file: Path) -> None:
    pass


_WAYS: dict[str, tuple[Callable[[Path], None], Callable[[Path], Iterable[Any]]]] = {
    "Python over JSON": (_nothing, _python),
    "SQLite's JSON functions": (_nothing, _extracted),
    "generated columns, covering index": (_generate, _covered),
    "typed columns, in the order of the log": (_beside, _in_order("beside")),
    "typed columns, in the order of the run": (_nothing, _in_order("line")),
    "DuckDB": (_duckdb_prepare, _duckdb),
    "polars over Parquet": (_polars_prepare, _polars),
}
_PEERS = ("DuckDB", "polars over Parquet")


if __name__ == "__main__":
    print(json.dumps(way(sys.argv[1], Path(sys.argv[2]))))
