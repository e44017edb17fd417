"""Several processes on one store, some of which are killed."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from agentsys.money import Spend
from agentsys.stores import Store, open_store

ROOT = Path(__file__).parents[2]

SPEND = """
import asyncio, sys
from agentsys.money import Spend, UNLIMITED
from agentsys.stores import open_store
url, name, most = sys.argv[1:]
ANY = Spend(*[UNLIMITED] * 4)
CAP = Spend(int(most), UNLIMITED, UNLIMITED, UNLIMITED)
store = open_store(url)
async def work(n):
    hold = f"{name}-{n}"
    expiry = {"kind": "Expired", "hold": hold}
    caps = {"root": CAP, name: ANY}
    if await store.reserve(hold, Spend(3, 1, 1), caps, lease_s=1000, log="log", expiry=expiry):
        return 0
    record = {"kind": "Charge", "accounts": [*caps], "nano_usd": 2, "tokens_in": 1, "n": n}
    await store.settle(hold, [*caps], Spend(2, 1, 1), log="log", record=record, key=hold)
    return 1
async def main():
    print("ready", flush=True)
    sys.stdin.readline()
    n = 0
    while True:
        done = await asyncio.gather(*(work(n + i) for i in range(10)))
        n += 10
        print(sum(done), flush=True)
        if not all(done):
            break
    await store.close()
asyncio.run(main())
"""


def start(url: str, name: str, most: int) -> subprocess.Popen[str]:
    """A process that spends until there is no more room, as soon as it gets a line."""
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-c", SPEND, url, name, str(most)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def begin(processes: list[subprocess.Popen[str]]) -> None:
    """Let them all begin at the same time."""
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n", process.communicate()
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()


def charges(store: Store) -> list[dict[str, Any]]:
    return [entry.record for entry in store.read("log", where={"kind": ["Charge"]})]


async def test_processes_cannot_overspend(url: str):
    """Four processes spend what there is, to the last charge that fits, and no more."""
    processes = [start(url, f"p{n}", 2_000) for n in range(4)]
    begin(processes)
    ends = [process.communicate() for process in processes]
    assert [errors for _, errors in ends] == [""] * 4
    done = sum(int(line) for out, _ in ends for line in out.split())
    store = open_store(url)
    balances = await store.balances()
    assert balances["root"].spent == Spend(2 * done, done, done)
    assert balances["root"].held == Spend()
    # What was held for others is room that none could use at the end.
    assert 2_000 - 3 * 40 <= balances["root"].spent.nano_usd <= 2_000
    assert len(charges(store)) == done
    assert await store.rebuild("log") == {}
    await store.close()


@pytest.mark.parametrize("lines", [1, 7, 23])
async def test_a_killed_process_leaves_nothing_half_done(url: str, lines: int):
    """After `kill -9` each charge is booked with its record or not at all, and holds are whole."""
    processes = [start(url, name, 10**9) for name in ("killed", "other")]
    begin(processes)
    for process in processes:
        assert process.stdout is not None
        for _ in range(lines):
            process.stdout.readline()
    processes[0].kill()
    processes[1].kill()
    for process in processes:
        process.communicate()
    store = open_store(url)
    found = charges(store)
    balances = await store.balances()
    assert balances["root"].spent == Spend(2 * len(found), len(found), len(found))
    assert len(found) >= 20 * lines
    held = balances["killed"].held + balances["other"].held
    assert balances["root"].held == held
    assert held.nano_usd in range(0, 61, 3)
    assert await store.rebuild("log") == {}
    await store.close()
