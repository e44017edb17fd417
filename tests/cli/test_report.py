"""`agentsys report`: as CSV, with many rows, and on files of an older version."""

import asyncio
import csv
import io
import json
import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from agentsys.events import Call, RunFinished, RunStarted
from agentsys.ledger import Ledger
from tests.cli.conftest import Command

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file of the ledger, which the configuration names."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "agentsys.toml").write_text(
        'store = "sqlite:///runs.db"\n[[deployments]]\nname = "small"\ntier = "slm"\n'
        'litellm_params = { model = "openai/small" }\nusd_per_hour = 1\n'
    )
    return tmp_path / "runs.db"


def fill(store: Path, *graphs: str, tenant: str = "") -> None:
    """A run of each graph, with one call."""

    async def write() -> None:
        ledger = Ledger.open(f"sqlite:///{store}")
        for name in graphs:
            call = Call(name, "solve", "slm", "small", 0, "no", 3, 4, 50, 0.1, True, 1, "accept",
                        "", "reply")  # fmt: skip
            end = RunFinished(name, name, "ok", 1, "", (), 1.5, 50, 1, 3, 4)
            for event in (RunStarted(name, name, {}, tenant), call, end):
                await ledger.write(event)
        await ledger.store.close()

    asyncio.run(write())


def test_csv_has_what_json_has(agentsys: Command, store: Path):
    """The same columns and the same figures, a line a row; what is not known is empty."""
    fill(store, "one", "two")
    told = agentsys("report", "--json").json()
    done = agentsys("report", "--csv", "-")
    assert done.code == 0
    rows = list(csv.DictReader(io.StringIO(done.out, newline="")))
    assert [list(row) for row in rows] == [list(row) for row in told]
    for row, expected in zip(rows, told, strict=True):
        for name, value in expected.items():
            cell = row[name]
            assert (value is None) == (cell == "") or value == ""
            if value is not None:
                assert cell == value if isinstance(value, str) else json.loads(cell) == value


def test_csv_into_a_file(agentsys: Command, store: Path, tmp_path: Path):
    """The file has it, and standard output nothing; JSON may be asked for beside it."""
    fill(store, "one")
    done = agentsys("report", "--csv", "rows.csv")
    assert (done.code, done.out) == (0, "")
    text = (tmp_path / "rows.csv").read_bytes().decode()
    assert text == agentsys("report", "--csv", "-").out
    assert agentsys("report", "--csv", "rows.csv", "--json").json()[0]["graph"] == "one"
    refused = agentsys("report", "--csv", "-", "--json")
    assert (refused.code, refused.out) == (2, "")
    assert "Give --csv a file." in refused.err
    unwritable = agentsys("report", "--csv", "no/folder.csv")
    assert unwritable.code == 2
    assert "no/folder.csv cannot be written" in unwritable.err


@pytest.mark.parametrize("tenant", ["=HYPERLINK(1)", "+1", "-1", "@SUM(A1)", "\tx", "\r=1"])
def test_csv_has_no_formulas(agentsys: Command, store: Path, tenant: str):
    """A name that a spreadsheet would run is text with a mark before it."""
    fill(store, "one", tenant=tenant)
    done = agentsys("report", "--by", "tenant", "--csv", "-")
    (row,) = csv.DictReader(io.StringIO(done.out, newline=""))
    assert row["graph"] == f"'{tenant}"


def test_many_rows_fit_a_terminal(store: Path):
    """With five graphs, lines of 80 columns have whole cells, and each begins with its graph."""
    names = [f"a_graph_of_some_name_{n}" for n in range(5)]
    fill(store, *names)
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "FORCE_COLOR": "1", "COLUMNS": "80"}
    environment |= {"TERM": "dumb", "NO_COLOR": "1"}
    done = subprocess.run(
        [sys.executable, "-m", "agentsys", "report"],
        env=environment, cwd=store.parent, capture_output=True, text=True, check=True,
    )  # fmt: skip
    table = done.stdout.partition("5 of 5 tasks")[0]
    lines = [line.rstrip() for line in table.splitlines() if line.strip()]
    assert max(map(len, lines)) <= 80
    heads = [line for line in lines if line.split()[0] == "graph"]
    assert len(heads) > 2
    assert {line.split()[0] for line in lines} == {"graph", *names}
    assert len(lines) == 6 * len(heads)
    assert sum(line.count("$0.00000005") for line in lines) >= 5


def test_an_older_file_is_prepared_once(agentsys: Command, store: Path):
    """A note says so the first time, and the figures are those of the records."""
    fill(store, "one", "two")
    before = agentsys("report", "--json").json()
    old = sqlite3.connect(store)
    old.executescript("DELETE FROM line; UPDATE lineless SET last = (SELECT max(id) FROM entry)")
    old.close()
    first, second = (agentsys("report", "--json") for _ in range(2))
    assert first.json() == second.json() == before
    assert "note: " in first.err
    assert "written by an older agentsys: its 6 records are read once" in first.err
    assert second.err == ""
