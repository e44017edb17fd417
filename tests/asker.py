"""Processes that ask one tier at the same time, as several workers of one application do.

They are forked from a process that has LiteLLM loaded already.
"""

import asyncio
import multiprocessing
from collections.abc import Generator
from contextlib import contextmanager
from multiprocessing.process import BaseProcess
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Barrier, Event
from pathlib import Path

from agentsys.errors import ModelError
from agentsys.limits import RateLimit
from agentsys.messages import Message
from agentsys.models.base import Cancelled, Request
from agentsys.models.tiers import Tiers
from agentsys.rates import Rates
from agentsys.settings import Settings
from agentsys.stores import open_store

HELLO = Request((Message("user", "Hello?"),), max_tokens=300)

_spawn = multiprocessing.get_context("forkserver")
_spawn.set_forkserver_preload(["tests.preloaded"])


def ask_from_processes(file: Path, *, processes: int, requests: int, within_s: float) -> int:
    """How many requests had a reply within so many seconds."""
    replies: Queue[int] = _spawn.Queue()
    begin = _spawn.Barrier(processes)
    started = [
        _spawn.Process(target=_ask, args=(str(file), requests, within_s, begin, replies))
        for _ in range(processes)
    ]
    for process in started:
        process.start()
    answered = sum(replies.get(timeout=60) for _ in started)
    for process in started:
        process.join()
    return answered


def _ask(file: str, requests: int, within_s: float, begin: Barrier, replies: "Queue[int]") -> None:
    replies.put(asyncio.run(_replies(file, requests, within_s, begin)))


async def _replies(file: str, requests: int, within_s: float, begin: Barrier) -> int:
    settings = Settings.load(file)
    store = open_store(settings.store_url)
    tiers = Tiers(settings, store)
    model = tiers["slm"]
    begin.wait()

    async def one() -> int:
        try:
            async with asyncio.timeout(within_s):
                await model.ask(HELLO)
        except (ModelError, TimeoutError, Cancelled):  # 3.11's `timeout` does not know the last
            return 0
        return 1

    answered = sum(await asyncio.gather(*(one() for _ in range(requests))))
    await tiers.close()
    await store.close()
    return answered


@contextmanager
def holding(url: str, deployment: str, limit: RateLimit, lease_s: float) -> Generator[BaseProcess]:
    """A process that has a place at a deployment, and does not leave it."""
    held = _spawn.Event()
    process = _spawn.Process(target=_hold, args=(url, deployment, limit, lease_s, held))
    process.start()
    assert held.wait(60)
    try:
        yield process
    finally:
        process.kill()
        process.join()


def _hold(url: str, deployment: str, limit: RateLimit, lease_s: float, held: Event) -> None:
    async def hold() -> None:
        rates = Rates({deployment: limit}, open_store(url))
        async with rates.place([deployment], tokens=0, lease_s=lease_s):
            held.set()
            await asyncio.Event().wait()

    asyncio.run(hold())
