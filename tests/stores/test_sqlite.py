"""The store in a SQLite file: its folder, its troubles, and many processes."""

import asyncio
import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from agentsys.errors import StoreError
from agentsys.money import Spend
from agentsys.stores import open_store
from agentsys.stores.sqlite import SqliteStore, database
from tests.stores.everything import everything

ROOT = Path(__file__).parents[2]

APPEND = """
import asyncio, sys
from agentsys.stores import open_store
async def main():
    store = open_store(sys.argv[1])
    for n in range(int(sys.argv[3])):
        await store.append("log", {"run_id": sys.argv[2], "n": n})
asyncio.run(main())
"""

FORK = """
import asyncio, os, signal, sys
from agentsys.stores import open_store
store = open_store(sys.argv[1])
asyncio.run(store.append("log", {"run_id": "both"}))
store._lock.acquire()  # as another thread may have at this moment
child = os.fork()
if child:
    store._lock.release()
else:
    signal.alarm(20)
async def main():
    for n in range(500):
        await store.append("log", {"run_id": "parent" if child else "child", "n": n})
asyncio.run(main())
if not child:
    os._exit(0)
print(os.waitpid(child, 0)[1])
for name in ("parent", "child"):
    print(*(entry.record["n"] for entry in store.read("log", where={"run_id": [name]})))
"""

FILL = """
import asyncio, resource, sys
from agentsys.errors import StoreError
from agentsys.stores import open_store
resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))
store = open_store(sys.argv[1])
done = 0
try:
    while done < 10_000:
        asyncio.run(store.append("log", {"text": "x" * 1000}))
        done += 1
except StoreError as error:
    print(done, len(list(store.read("log"))), error, sep="|")
"""


def start(script: str, *arguments: str) -> subprocess.Popen[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(
        [sys.executable, "-c", script, *arguments],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


async def test_folders_are_made(tmp_path: Path):
    """The folder of an absolute path is made where there is none."""
    await open_store(f"sqlite:///{tmp_path}/a/b/runs.db").append("log", {})
    assert (tmp_path / "a" / "b" / "runs.db").is_file()


async def test_relative_paths_are_of_the_current_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """A relative path stays where it was when the store was opened."""
    monkeypatch.chdir(tmp_path)
    store = open_store("sqlite:///here/runs.db")
    monkeypatch.chdir("/")
    await store.append("log", {})
    await store.close()
    assert (tmp_path / "here" / "runs.db").is_file()


def test_processes_append_at_once(tmp_path: Path):
    """Several processes may open a new file and append to it at the same time."""
    url = f"sqlite:///{tmp_path}/runs.db"
    processes = [start(APPEND, url, f"p{k}", "200") for k in range(5)]
    errors = [process.communicate()[1] for process in processes]
    assert errors == [""] * 5
    store = open_store(url)
    assert len(list(store.read("log"))) == 1000
    mine = [entry.record["n"] for entry in store.read("log", where={"run_id": ["p2"]})]
    assert mine == list(range(200))


def test_records_outlive_a_killed_process(tmp_path: Path):
    """What was appended is there although the process ended without any farewell."""
    url = f"sqlite:///{tmp_path}/runs.db"
    process = start(APPEND + "\nimport os; os.kill(os.getpid(), 9)", url, "p", "50")
    process.communicate()
    assert process.returncode == -9
    assert len(list(open_store(url).read("log"))) == 50


def test_a_forked_process_appends_too(tmp_path: Path):
    """A child made by fork does not use its parent's connection."""
    out, err = start(FORK, f"sqlite:///{tmp_path}/runs.db").communicate()
    every = " ".join(map(str, range(500)))
    assert (out.splitlines(), err) == (["0", every, every], "")


def test_a_full_disk_loses_nothing_that_was_appended(tmp_path: Path):
    """Where the file cannot grow, the error names it and all before it can still be read."""
    file = tmp_path / "runs.db"
    out, err = start(FILL, f"sqlite:///{file}").communicate()
    assert err == ""
    done, kept, message = out.strip().split("|")
    assert int(done) > 0
    assert kept == done
    assert message.startswith(f"{file} cannot be written: the disk ")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_what_is_no_regular_file_is_refused():
    """A device is not a store."""
    with pytest.raises(StoreError, match=r"/dev/full cannot be opened"):
        open_store("sqlite:////dev/full")


def test_another_file_is_refused_and_left_alone(tmp_path: Path):
    """A file that is no database is named and not touched."""
    file = tmp_path / "notes.txt"
    file.write_text("my notes, " * 200)
    with pytest.raises(StoreError, match=r"notes\.txt cannot be opened: it is not an agentsys"):
        open_store(f"sqlite:///{file}")
    assert file.read_text() == "my notes, " * 200


def test_another_programs_database_is_refused(tmp_path: Path):
    """A SQLite file of another program gets no table of ours."""
    file = tmp_path / "other.db"
    other = sqlite3.connect(file)
    other.execute("CREATE TABLE song (title TEXT)")
    other.close()
    with pytest.raises(StoreError, match="another program's database"):
        open_store(f"sqlite:///{file}")


async def test_a_newer_file_is_refused(tmp_path: Path):
    """A file with tables of a later version is not written to."""
    file = tmp_path / "runs.db"
    await open_store(f"sqlite:///{file}").close()
    later = sqlite3.connect(file)
    later.execute("PRAGMA user_version = 99")
    later.close()
    with pytest.raises(StoreError, match="written by a newer agentsys"):
        open_store(f"sqlite:///{file}")


def test_a_folder_is_refused(tmp_path: Path):
    """A folder in the file's place is named."""
    with pytest.raises(StoreError, match="cannot be opened"):
        open_store(f"sqlite:///{tmp_path}")


def test_a_file_in_the_folders_place_is_refused(tmp_path: Path):
    """Where the folder cannot be made, the path is named."""
    (tmp_path / "a").write_text("")
    with pytest.raises(StoreError, match=r"a/runs\.db cannot be opened"):
        open_store(f"sqlite:///{tmp_path}/a/runs.db")


async def test_damage_is_named(tmp_path: Path):
    """A file that was overwritten in the middle is an error of ours, with the file."""
    file = tmp_path / "runs.db"
    store = open_store(f"sqlite:///{file}")
    for n in range(500):
        await store.append("log", {"kind": "x", "run_id": "r", "n": n, "text": "x" * 100})
    await store.close()
    content = bytearray(file.read_bytes())
    content[4096:-4096] = b"\x55" * (len(content) - 8192)
    file.write_bytes(bytes(content))
    with pytest.raises(StoreError, match=r"runs\.db cannot be read: it is damaged"):
        list(SqliteStore(str(file)).read("log"))
    with pytest.raises(StoreError, match=r"runs\.db cannot be read: it is damaged"):
        list(SqliteStore(str(file)).totals("log", "x", ["run_id"]))


VERSION_1 = (
    "CREATE TABLE entry (id INTEGER PRIMARY KEY, log TEXT NOT NULL, time INTEGER NOT NULL,"
    " kind TEXT, run_id TEXT, bench TEXT, record TEXT NOT NULL)",
    "CREATE INDEX entry_kind ON entry (log, kind) WHERE kind IS NOT NULL",
    "CREATE INDEX entry_run_id ON entry (log, run_id) WHERE run_id IS NOT NULL",
    "CREATE INDEX entry_bench ON entry (log, bench) WHERE bench IS NOT NULL",
    "INSERT INTO entry VALUES (1, 'log', 1700000000000000, 'x', 'r', NULL, '{\"kind\":\"x\"}')",
    "PRAGMA application_id = 1634169721",
    "PRAGMA user_version = 1",
)


async def test_files_of_version_1_are_brought_up_to_date(tmp_path: Path):
    """A file with logs alone keeps its records and gets what was added since."""
    file = tmp_path / "runs.db"
    old = sqlite3.connect(file)
    for statement in VERSION_1:
        old.execute(statement)
    old.commit()
    old.close()
    store = open_store(f"sqlite:///{file}")
    (entry,) = store.read("log", where={"run_id": ["r"]})
    assert (entry.record, entry.time.year) == ({"kind": "x"}, 2023)
    await everything(open_store(f"sqlite:///{tmp_path}/new.db"))
    await store.append("log", {"n": 1}, key="k")
    assert not await store.append("log", {"n": 1}, key="k")
    assert await store.put("space", "key", 1)
    assert await store.shut("gate", 1) is None
    assert await store.balances() == {}
    await store.close()


FILL_LINES = """
import sys
from agentsys.stores import open_store
from agentsys.stores.sqlite import columns
columns._CHUNK = 10
making = columns.cells
made = 0
def cells(record):
    global made
    made += 1
    if made == int(sys.argv[2]):
        print("half", flush=True)
        sys.stdin.read()
    return making(record)
columns.cells = cells
print(len(list(open_store(sys.argv[1]).lines("log", ["x"], ["run_id"]))))
"""


def older(file: Path, records: int) -> str:
    """The URL of a file with logs alone, as version 1 left it."""
    old = sqlite3.connect(file)
    for statement in VERSION_1:
        old.execute(statement)
    texts = [f'{{"kind":"x","run_id":"r","attempt":{n}}}' for n in range(2, records + 1)]
    rows = [(n, "r", text) for n, text in enumerate(texts, start=2)]
    insert = "INSERT INTO entry VALUES (?, 'log', 1700000000000000, 'x', ?, NULL, ?)"
    old.executemany(insert, rows)
    old.commit()
    old.close()
    return f"sqlite:///{file}"


async def test_lines_of_an_older_file_are_made_when_they_are_read(tmp_path: Path):
    """Once, and together with those of what was appended since."""
    store = open_store(older(tmp_path / "runs.db", 30))
    await store.append("log", {"kind": "x", "run_id": "q", "attempt": 31})
    for _ in range(2):
        found = list(store.lines("log", ["x"], ["run_id", "attempt"]))
        assert found == [("r", n) for n in range(2, 31)] + [("q", 31)]
    await store.append("log", {"kind": "x", "run_id": "q", "attempt": 32})
    assert list(store.totals("log", "x", ["run_id"], sums=["attempt"])) == [
        ("q", 2, 63),
        ("r", 29, sum(range(2, 31))),
    ]
    await store.close()


async def test_a_kill_while_lines_are_made_leaves_the_file_whole(tmp_path: Path):
    """Records are written and read meanwhile and afterwards; no line is missing or double."""
    url = older(tmp_path / "runs.db", 100)
    process = start(FILL_LINES, url, "55")
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stdout.readline() == "half\n"
    store = open_store(url)
    await store.append("log", {"kind": "x", "run_id": "s"})
    process.kill()
    process.communicate()
    assert len(list(store.read("log"))) == 101
    assert len(list(store.lines("log", ["x"], ["run_id"]))) == 100
    await store.close()


async def test_two_processes_make_lines_at_once(tmp_path: Path):
    """Both find all of them; the file has each once."""
    url = older(tmp_path / "runs.db", 100)
    slow = start(FILL_LINES, url, "55")
    assert slow.stdin is not None
    assert slow.stdout is not None
    assert slow.stdout.readline() == "half\n"
    store = open_store(url)
    assert len(list(store.lines("log", ["x"], ["run_id"]))) == 99
    assert slow.communicate("go on\n")[0] == "99\n"
    assert len(list(store.lines("log", ["x"], ["run_id"]))) == 99
    await store.close()


async def test_in_memory_everything_works():
    """A store in memory does all of it, is its own, and is kept while its object is."""
    store, other = (open_store("sqlite:///:memory:") for _ in range(2))
    await everything(store)
    await store.close()
    assert len(list(store.read("log"))) == 4
    assert list(other.read("log")) == []
    for entry in store.read("log"):
        await store.append("log", entry.record)
    assert len(list(store.read("log"))) == 8


async def test_a_lock_elsewhere_does_not_hold_up_the_loop(tmp_path: Path):
    """While another process writes, the event loop goes on with other work."""
    file = tmp_path / "runs.db"
    store = open_store(f"sqlite:///{file}")
    other = sqlite3.connect(file, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    waiting = asyncio.create_task(store.append("log", {"n": 1}))
    for _ in range(5):
        await asyncio.sleep(0.005)
    assert not waiting.done()
    assert await store.balances() == {}
    other.execute("COMMIT")
    other.close()
    assert await waiting
    await store.close()


async def test_a_lock_that_stays_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A file that another process never lets go of is an error after the waiting."""
    monkeypatch.setattr(database, "WAIT_S", 0.01)
    file = tmp_path / "runs.db"
    store = open_store(f"sqlite:///{file}")
    other = sqlite3.connect(file, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreError, match="another process keeps it locked"):
        await store.append("log", {})
    other.close()
    assert await store.append("log", {})
    await store.close()


async def test_a_failure_leaves_no_transaction_open(tmp_path: Path):
    """What cannot be stored is the caller's mistake, and the next write is none."""
    store = open_store(f"sqlite:///{tmp_path}/runs.db")
    with pytest.raises(OverflowError):
        await store.settle("h", ["a"], Spend(2**70), log="log", record={"accounts": ["a"]}, key="k")
    assert await store.balances() == {}
    assert list(store.read("log")) == []
    assert await store.append("log", {}, key="k")
    await store.close()
