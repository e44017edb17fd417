"""What a ledger of a million calls takes: reports, each append, and a bench of many tasks."""

import argparse
import asyncio
import json
import os
import random
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from statistics import median
from typing import Any

import psutil
from ledgers import CALLS, events, make
from page import write
from pydantic import BaseModel
from ways import Figures, ways

from agentsys import Agent, Price, System
from agentsys.evaluation.bench import Bench
from agentsys.evaluation.scorers import Numeric
from agentsys.evaluation.suites import Suite, Task
from agentsys.events import to_record
from agentsys.ledger import LOG, Ledger
from agentsys.models.scripted import Scripted
from agentsys.stores.records import searchable, to_text
from agentsys.stores.sqlite.log import Row, as_row, insert

RUNS = 250_000
TASKS = (1_000, 5_000, 10_000)
_GROUPS = ("graph", "tenant", "day", "model", "node")
_OLDER = "DELETE FROM line; UPDATE lineless SET last = (SELECT max(id) FROM entry)"


def reports(file: Path) -> list[Figures]:
    """`agentsys report` by everything, then on the file as an older agentsys has left it."""
    _forget(file)
    found = [{**_report(file, "graph"), "by": "graph, nothing in the system's cache"}]
    found += [_report(file, by) for by in _GROUPS]
    db = sqlite3.connect(file, isolation_level=None)
    db.executescript(f"{_OLDER}; PRAGMA wal_checkpoint(TRUNCATE)")
    db.close()
    return [*found, {**_report(file, "graph"), "by": "graph, first on an older file"}]


def _report(file: Path, by: str) -> Figures:
    """Seconds, CPU seconds and the most memory of the command."""
    config = file.with_suffix(".toml")
    config.write_text(
        f'store = "sqlite:///{file}"\n[[deployments]]\nname = "mini-slm"\ntier = "slm"\n'
        'litellm_params = { model = "openai/mini-slm" }\nusd_per_hour = 1\n'
    )
    command = [sys.executable, "-m", "agentsys", "report", "--config", config, "--by", by]
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    assert status == 0, command
    return {
        "by": by,
        "s": time.perf_counter() - start,
        "cpu_s": used.ru_utime + used.ru_stime,
        "peak_mb": used.ru_maxrss / 1024,
    }


def _forget(file: Path) -> None:
    """Take a file out of the system's cache."""
    with file.open("rb") as opened:
        os.fsync(opened.fileno())
        os.posix_fadvise(opened.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def appends(folder: Path) -> list[Figures]:
    """Microseconds of an append, with the columns of each way beside it and without."""
    ways_to_write: dict[str, str] = {
        "records alone": "DROP TABLE line",
        "records and their columns": "",
        "generated columns, covering index": "DROP TABLE line;"
        + "".join(
            f"ALTER TABLE entry ADD COLUMN {name} AS (json_extract(record, '$.{name}')) VIRTUAL;"
            for name in _COLUMNS
        )
        + f"CREATE INDEX covering ON entry (log, kind, run_id, id, {', '.join(_COLUMNS)})",
    }
    databases: dict[str, sqlite3.Connection] = {}
    for number, (name, change) in enumerate(ways_to_write.items()):
        path = folder / f"{number}.db"
        make(path, 2_000)
        databases[name] = sqlite3.connect(path, isolation_level=None)
        databases[name].executescript(f"PRAGMA synchronous = NORMAL; {change}")
    seconds: dict[str, list[float]] = {name: [] for name in databases}
    draw = random.Random(1)
    for turn in range(60):
        records = [to_record(event) for n in range(4) for event in events(turn * 4 + n, draw)]
        for name, db in databases.items():
            start = time.perf_counter()
            for record in records:
                alone = name != "records and their columns"
                row = Row(to_text(record), searchable(record), None) if alone else as_row(record)
                db.execute("BEGIN IMMEDIATE")
                insert(db, LOG, turn, row)
                db.execute("COMMIT")
            seconds[name].append((time.perf_counter() - start) / len(records))
    return [{"way": name, "append_us": median(each) * 1e6} for name, each in seconds.items()]


_COLUMNS = (
    "node", "tier", "deployment", "decision", "attempt", "schema_valid", "nano_usd", "tokens_in",
    "tokens_out", "seconds", "energy_j", "graph", "tenant", "status", "error",
)  # fmt: skip


class Question(BaseModel):
    text: str


class Answer(BaseModel):
    value: int


async def bench(tasks: int, file: Path) -> Figures:
    """Memory when a bench of scripted models begins its tasks, and at its end."""
    said = tuple(Task(f"t{n}", {"text": f"Task {n}, " + "word " * 40}, 3) for n in range(tasks))
    small = Scripted({"value": 3}, wrong={"value": -1}, error_rate=0.3, price=Price(Decimal(1)))
    large = Scripted({"value": 3}, price=Price(Decimal(20)), name="large")
    checked = Agent(Question, Answer, "Answer.").check(lambda _, answer: answer.value > 0 or "no")
    memory: list[float] = []

    def show(step: Any) -> None:
        small.requests.clear()  # doubles keep what they were asked
        large.requests.clear()
        if step.finished >= 200:  # everything is loaded
            memory.append(psutil.Process().memory_info().rss / 1e6)

    ledger = Ledger.open(f"sqlite:///{file}")
    async with System({"slm": small, "llm": large}, store=ledger.store) as system:
        graphs = {"fallback": checked.escalate("llm")}
        await Bench("b", Suite("said", said, Numeric()), graphs).run(system, on_progress=show)
    return {"tasks": tasks, "at_200_mb": memory[0], "at_the_end_mb": memory[-1]}


def benches(folder: Path) -> list[Figures]:
    """Each in a process of its own."""
    found: list[Figures] = []
    for tasks in TASKS:
        command = [sys.executable, __file__, "--bench", str(tasks), str(folder / f"{tasks}.db")]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        found.append(json.loads(done.stdout.splitlines()[-1]))
    return found


def table(title: str, rows: list[Figures]) -> str:
    """Figures in Markdown."""
    heads = list(rows[0])
    lines = [f"**{title}**", "", f"| {' | '.join(heads)} |", f"|---|{'---:|' * (len(heads) - 1)}"]
    for row in rows:
        cells = [
            f"{v:,.3g}" if isinstance(v, float) and v < 100 else _whole(v) for v in row.values()
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _whole(value: Any) -> str:
    return f"{value:,.0f}" if isinstance(value, float | int) else str(value)


def main() -> None:
    """Measure, print, and write if asked to."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ledger", type=Path, help="one that was made; it is changed")
    parser.add_argument("--make", type=Path, help="make the ledger there, and nothing else")
    parser.add_argument("--runs", type=int, default=RUNS, help=f"of four calls each ({RUNS:,})")
    parser.add_argument("--peers", help="an interpreter with duckdb and polars")
    parser.add_argument("--only", choices=("reports", "appends", "ways", "bench"))
    parser.add_argument("--bench", nargs=2, help=argparse.SUPPRESS)
    parser.add_argument("--write", action="store_true", help="put the tables in README.md")
    given = parser.parse_args()
    if given.bench:
        print(json.dumps(asyncio.run(bench(int(given.bench[0]), Path(given.bench[1])))))
        return
    if given.make:
        make(given.make, given.runs)
        return
    parts: list[str] = []
    with tempfile.TemporaryDirectory() as folder:
        for name, (title, measure) in _measures(given, Path(folder)).items():
            if given.only in (None, name):
                parts.append(table(title, measure()))
                print(parts[-1], flush=True)
                if given.write:
                    write(f"scale-{name}", f"{_machine()}\n\n{parts[-1]}")


def _measures(given: Any, folder: Path) -> dict[str, tuple[str, Callable[[], list[Figures]]]]:
    """Titles, and what makes the rows."""

    def ledger() -> Path:
        if given.ledger:
            return given.ledger
        if not (folder / "ledger.db").exists():
            make(folder / "ledger.db", given.runs)
        return folder / "ledger.db"

    def tried() -> list[Figures]:
        (folder / "ways").mkdir()
        return ways(ledger(), folder / "ways", given.peers or sys.executable)

    calls = f"{given.runs * CALLS:,} calls"
    return {
        "ways": (f"Cost and escalation of each run, {calls}", tried),
        "appends": ("One append", lambda: appends(folder)),
        "bench": ("A bench of scripted models", lambda: benches(folder)),
        "reports": (f"`agentsys report`, {calls}", lambda: reports(ledger())),
    }


def _machine() -> str:
    load = os.getloadavg()[0]
    return (
        f"{os.cpu_count()} cores, load {load:.1f} at the end; Python {sys.version.split()[0]}; "
        f"SQLite {sqlite3.sqlite_version}."
    )


if __name__ == "__main__":
    main()
