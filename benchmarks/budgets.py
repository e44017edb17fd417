"""What it costs to hold a call's worst case before it and to book its real cost after it.

On each store, beside one write of its own and beside a check before the call and an addition after
it, which is what others do and what concurrent runs overspend. All in turns, in one process.
"""

import argparse
import asyncio
import contextlib
import json
import os
import sqlite3
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from agentsys.budgets import Budgets, Purse  # noqa: E402
from agentsys.events import Call, to_record  # noqa: E402
from agentsys.limits import Budget  # noqa: E402
from agentsys.money import Price, Worst  # noqa: E402
from agentsys.stores import Store, open_store  # noqa: E402
from tests.redis_server import RedisServer  # noqa: E402

README = Path(__file__).with_name("README.md")
START, END = "<!-- budgets: begin -->", "<!-- budgets: end -->"
AIM = 2.5

ROUNDS, TIMES = 40, 50
"""Turns, and calls in each."""
BUDGETS = (
    Budget(usd=1_000, per="total"),
    Budget(usd=1_000, per="tenant/day"),
    Budget(usd=1_000, tokens=10**9),
)
RECORD = Call(
    "run", "solve", "slm", "mini-slm", 0, "outlines", 34, 11, 2_580, 0.02, True, 0.98, "accept", "",
    '{"expression":"4*12-7"}', digest="0f1e2d3c4b5a6978",
)  # fmt: skip

Work = Callable[[int], Awaitable[None]]


@dataclass(frozen=True)
class Contender:
    """One way to keep books: what it does before a call and after it."""

    name: str
    before: Work
    after: Work


def ours(store: Store, name: str) -> Contender:
    """Holds and settlements on the seven accounts above a call, three of them limited."""
    purse = Purse(Budgets(store, BUDGETS), "run", "acme")
    worst = Worst(34, 60.0, Price())
    granted: dict[int, tuple[str, ...]] = {}

    async def hold(n: int) -> None:
        granted[n] = (await purse.hold(f"{name}{n}", lambda: worst, 256)).accounts

    async def settle(n: int) -> None:
        await purse.settle(replace(RECORD, call_id=f"{name}{n}", accounts=granted.pop(n)))

    return Contender("hold, settle", hold, settle)


ACCOUNTS = ("total", "total/day", "total/month", "acme", "acme/day", "acme/month", "run")


@contextlib.asynccontextmanager
async def sqlite() -> AsyncIterator[list[Contender]]:
    """On an SQLite file, with the settings that the store has."""
    with tempfile.TemporaryDirectory() as folder:
        store = open_store(f"sqlite:///{folder}/store.db")
        db = sqlite3.connect(f"{folder}/plain.db", isolation_level=None)
        for line in (
            "PRAGMA journal_mode = WAL",
            "PRAGMA synchronous = NORMAL",
            "CREATE TABLE one (id INTEGER PRIMARY KEY, n INTEGER)",
            "INSERT INTO one VALUES (1, 0)",
            "CREATE TABLE account (name TEXT PRIMARY KEY, spent INTEGER) WITHOUT ROWID",
            "CREATE TABLE entry (id INTEGER PRIMARY KEY, record TEXT)",
        ):
            db.execute(line)
        db.executemany("INSERT INTO account VALUES (?, 0)", [(a,) for a in ACCOUNTS])
        marks = ", ".join("?" * len(ACCOUNTS))

        async def one(_: int) -> None:
            db.execute("BEGIN IMMEDIATE")
            db.execute("UPDATE one SET n = n + 1 WHERE id = 1")
            db.execute("COMMIT")

        async def check(_: int) -> None:
            sql = f"SELECT spent FROM account WHERE name IN ({marks})"
            assert all(spent < 10**15 for (spent,) in db.execute(sql, ACCOUNTS).fetchall())

        async def add(n: int) -> None:
            record = json.dumps(to_record(replace(RECORD, call_id=f"c{n}", accounts=ACCOUNTS)))
            db.execute("BEGIN IMMEDIATE")
            sql = f"UPDATE account SET spent = spent + ? WHERE name IN ({marks})"
            db.execute(sql, (2_580, *ACCOUNTS))
            db.execute("INSERT INTO entry (record) VALUES (?)", (record,))
            db.execute("COMMIT")

        yield [
            Contender("one row, twice", one, one),
            Contender("check, then add", check, add),
            ours(store, "c"),
        ]
        db.close()
        await store.close()


@contextlib.asynccontextmanager
async def redis() -> AsyncIterator[list[Contender]]:
    """On a Redis server of this machine, over a socket, with its append-only file on."""
    from redis.asyncio import Redis

    with server() as url:
        store = open_store(url)
        client: Any = Redis.from_url(url, protocol=2)

        async def one(n: int) -> None:
            await client.set("one", n)

        async def check(_: int) -> None:
            assert all(int(spent or 0) < 10**15 for spent in await client.hmget("spent", ACCOUNTS))

        async def add(n: int) -> None:
            record = json.dumps(to_record(replace(RECORD, call_id=f"c{n}", accounts=ACCOUNTS)))
            async with client.pipeline(transaction=True) as pipe:
                for account in ACCOUNTS:
                    pipe.hincrby("spent", account, 2_580)
                pipe.xadd("entries", {"record": record})
                await pipe.execute()

        yield [
            Contender("one round trip, twice", one, one),
            Contender("check, then add", check, add),
            ours(store, "c"),
        ]
        await client.aclose()
        await store.close()


@contextlib.contextmanager
def server() -> Iterator[str]:
    """A Redis server's URL."""
    started = RedisServer().start()
    try:
        yield started.url
    finally:
        started.remove()


async def measured(contenders: list[Contender]) -> dict[str, Any]:
    """Seconds of every call, by contender and part; ratios to the first, within each round."""
    seconds = {c.name: {"before": list[float](), "after": list[float]()} for c in contenders}
    ratios = {c.name: list[tuple[float, float, float]]() for c in contenders}
    number = 0
    for turn in range(ROUNDS + 2):
        medians: dict[str, tuple[float, float]] = {}
        for place in range(len(contenders)):
            contender = contenders[(place + turn) % len(contenders)]
            before, after = list[float](), list[float]()
            for _ in range(TIMES):
                number += 1
                before.append(await _timed(contender.before, number))
                after.append(await _timed(contender.after, number))
            medians[contender.name] = median(before), median(after)
            if turn >= 2:  # the first ones open connections and load scripts
                seconds[contender.name]["before"] += before
                seconds[contender.name]["after"] += after
        first = medians[contenders[0].name]
        for name, (before_s, after_s) in medians.items():
            pair = (before_s + after_s) / sum(first)
            ratios[name].append((before_s / first[0], after_s / first[1], pair))
    return {
        contender.name: _figures(seconds[contender.name], ratios[contender.name][2:])
        for contender in contenders
    }


async def _timed(work: Work, number: int) -> float:
    start = time.perf_counter()
    await work(number)
    return time.perf_counter() - start


def _figures(seconds: dict[str, list[float]], ratios: list[Any]) -> dict[str, float]:
    before, after = sorted(seconds["before"]), sorted(seconds["after"])
    pairs = [a + b for a, b in zip(seconds["before"], seconds["after"], strict=True)]
    columns = [median(column) for column in zip(*ratios, strict=True)]
    return {
        "before_p50_us": _at(before, 0.5),
        "before_p99_us": _at(before, 0.99),
        "after_p50_us": _at(after, 0.5),
        "after_p99_us": _at(after, 0.99),
        "pair_p50_us": _at(sorted(pairs), 0.5),
        "pair_p99_us": _at(sorted(pairs), 0.99),
        "pairs_per_s": len(pairs) / sum(pairs),
        "before_ratio": columns[0],
        "after_ratio": columns[1],
        "pair_ratio": columns[2],
    }


def _at(values: list[float], share: float) -> float:
    return values[min(len(values) - 1, int(len(values) * share))] * 1e6


def table(report: dict[str, dict[str, dict[str, float]]]) -> str:
    """The figures in Markdown."""
    lines = [
        "| store | | before µs, p50 (p99) | after µs | together µs | together/s | ratio before |"
        " after | together |",
        "|---|---|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for store, contenders in report.items():
        for name, row in contenders.items():
            times = [
                f"{row[f'{part}_p50_us']:.0f} ({row[f'{part}_p99_us']:.0f})"
                for part in ("before", "after", "pair")
            ]
            ratios = [f"{row[f'{part}_ratio']:.2f}" for part in ("before", "after", "pair")]
            cells = [store, name, *times, f"{row['pairs_per_s']:,.0f}", *ratios]
            lines.append(f"| {' | '.join(cells)} |")
    return "\n".join([_machine(), "", *lines])


def _machine() -> str:
    return (
        f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} at the end; Python "
        f"{sys.version.split()[0]}; SQLite {sqlite3.sqlite_version}; Redis over a socket of this "
        "machine, with its append-only file on (`everysec`)."
    )


def write(text: str) -> None:
    """Put the table into the README."""
    content = README.read_text(encoding="utf-8")
    before, _, rest = content.partition(START)
    after = rest.partition(END)[2]
    README.write_text(f"{before}{START}\n{text}\n{END}{after}", encoding="utf-8")


async def _report() -> dict[str, Any]:
    report: dict[str, Any] = {}
    for name, store in {"SQLite": sqlite, "Redis": redis}.items():
        async with store() as contenders:
            report[name] = await measured(contenders)
    return report


def main() -> None:
    """Measure, print, and write if asked to."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    parser.add_argument("--write", action="store_true", help="put the table in README.md")
    given = parser.parse_args()
    report = asyncio.run(_report())
    print(json.dumps(report, indent=2) if given.json else table(report))
    if given.write:
        write(table(report))


if __name__ == "__main__":
    main()
