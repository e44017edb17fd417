"""Large ledgers for measurements, written through the store's own tables."""

import json
import random
import sqlite3
import sys
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any
from uuid import UUID

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from agentsys.events import Call, Event, RunFinished, RunStarted, to_record  # noqa: E402
from agentsys.ledger import LOG  # noqa: E402
from agentsys.stores.sqlite import SqliteStore  # noqa: E402
from agentsys.stores.sqlite.log import as_row, insert  # noqa: E402

CALLS = 4
"""A run's."""
_TENANTS = ("acme", "beta", "")
_WORDS = "Mia has boxes of pens and gives some away so how many pens are left for each".split()
_STEPS = (
    ("solver", "slm", 0, "repair", "the expression does not give the value."),
    ("solver", "slm", 1, "escalate", "confidence 0.31 is below 0.60"),
    ("solver", "llm", 2, "accept", ""),
    ("judge", "llm", 0, "accept", ""),
)


def make(path: Path, runs: int, *, seed: int = 0) -> None:
    """A ledger of so many runs of two graphs, with four calls each.

    Runs are side by side, ten at a time, as in a bench: their records are not next to each other.
    """
    SqliteStore(str(path))
    db = sqlite3.connect(path, isolation_level=None)
    db.execute("PRAGMA synchronous = OFF")
    db.execute("PRAGMA cache_size = -200000")
    start = time.time_ns() // 1000 - runs * 1000
    events = side_by_side(runs, random.Random(seed))
    number = 0
    while some := list(islice(events, 50_000)):
        db.execute("BEGIN")
        for event in some:
            number += 1
            insert(db, LOG, start + number * 150, as_row(to_record(event)))
        db.execute("COMMIT")
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    db.close()


def side_by_side(runs: int, draw: random.Random) -> Iterator[Event]:
    """The events of all runs, ten runs at a time in turns."""
    under_way: list[Iterator[Event]] = []
    numbers = iter(range(runs))
    while True:
        under_way += [events(n, draw) for n in islice(numbers, 10 - len(under_way))]
        if not under_way:
            return
        place = draw.randrange(len(under_way))
        event = next(under_way[place], None)
        if event is None:
            del under_way[place]
        else:
            yield event


def events(number: int, draw: random.Random) -> Iterator[Event]:
    """One run."""
    run_id, tenant = UUID(int=draw.getrandbits(128), version=4).hex, draw.choice(_TENANTS)
    graph = "slm_fallback" if number % 2 else "judged_fallback"
    accounts = tuple(
        f"{scope}{window}"
        for scope in ("total", f"tenant:{tenant}")
        for window in ("", "/day:2026-11-20", "/month:2026-11")
    )
    task = {"text": f"{' '.join(draw.choices(_WORDS, k=20))}, task {number}?"}
    yield RunStarted(run_id, graph, task, tenant, number)
    cost = 0
    for place, (node, tier, attempt, decision, reason) in enumerate(_STEPS):
        reply = {"reasoning": " ".join(draw.choices(_WORDS, k=45)), "value": draw.randrange(1000)}
        nano_usd = draw.randrange(2_000, 4_000) * (50 if tier == "llm" else 1)
        cost += nano_usd
        yield Call(
            run_id, node, tier, f"mini-{tier}", attempt, "outlines", 300 + number % 50, 90,
            nano_usd, draw.random(), True, draw.random(), decision, reason, json.dumps(reply),
            f"{node}/{place}", f"{draw.getrandbits(64):016x}", (*accounts, f"run:{run_id}"),
        )  # fmt: skip
    status: Any = draw.choice(("ok", "ok", "ok", "abstained"))
    path = ("solver@slm", "solver@llm", "judge@llm")
    yield RunFinished(
        run_id,
        graph,
        status,
        {"value": number},
        "",
        path,
        draw.random() * 3,
        cost,
        CALLS,
        1300,
        360,
    )
