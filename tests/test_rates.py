"""Rate limits, as a server sees them, and what tasks notice of them."""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from agentsys.errors import RateLimited, Rejected
from agentsys.limits import RateLimit
from agentsys.models.base import Cancelled, Model, Request
from agentsys.models.tiers import Tiers
from agentsys.rates import Rates
from agentsys.settings import Settings
from agentsys.stores import Store, open_store
from tests.asker import HELLO, ask_from_processes, holding
from tests.loopback import Held, Loopback, fail, say
from tests.tiny_gguf import write_tiny_gguf

USAGE = {"prompt_tokens": 100, "completion_tokens": 150}

Configure = Callable[..., Path]


@pytest.fixture(params=["sqlite", "redis"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of each kind of store."""
    if request.param == "redis":
        return request.getfixturevalue("redis_url")
    return f"sqlite:///{tmp_path / 'store.db'}"


@pytest.fixture
async def store(url: str) -> AsyncIterator[Store]:
    """A store, closed after the test."""
    opened = open_store(url)
    yield opened
    await opened.close()


@pytest.fixture
def configure(tmp_path: Path, url: str, loopback: Loopback) -> Configure:
    """Writes a configuration of one deployment on the loopback server, and its limits."""

    def write(limits: str = "", price: str = "usd_per_hour = 3600", timeout_s: float = 60) -> Path:
        file = tmp_path / "agentsys.toml"
        file.write_text(f"""
store = "{url}"
[[deployments]]
name = "a"
tier = "slm"
timeout_s = {timeout_s}
litellm_params = {{ model = "hosted_vllm/small", api_base = "{loopback.url}" }}
{price}
{limits and "[limits.a]"}
{limits}
""")
        return file

    return write


@pytest.fixture
async def model(configure: Configure, store: Store) -> AsyncIterator[Callable[..., Model]]:
    """Gives the tier of a configuration."""
    opened: list[Tiers] = []

    def load(limits: str = "", **changes: Any) -> Model:
        opened.append(Tiers(Settings.load(configure(limits, **changes)), store))
        return opened[-1]["slm"]

    yield load
    for tiers in opened:
        await tiers.close()


class Witness:
    """Answers well after a moment, and keeps in mind who was there when."""

    def __init__(self, seconds: float = 0.0) -> None:
        self.seconds = seconds
        self.inside = 0
        self.most = 0
        self.arrivals: list[float] = []

    async def __call__(self, request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
        self.arrivals.append(time.monotonic())
        self.inside += 1
        self.most = max(self.most, self.inside)
        await asyncio.sleep(self.seconds)
        self.inside -= 1
        return await say(usage=USAGE)(request, body)


class Refusing(Witness):
    """Refuses some requests, every second time with a Retry-After."""

    def __init__(self, part: float) -> None:
        super().__init__()
        self.part = part
        self.refused = 0
        self.random = random.Random(7)

    async def __call__(self, request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
        if self.random.random() >= self.part:
            return await super().__call__(request, body)
        self.refused += 1
        headers = {"Retry_After": "0.05"} if self.refused % 2 else {}
        return await fail(429, "slow down", **headers)(request, body)


class TestProcesses:
    """Four workers and one server."""

    def test_no_more_are_inside_than_allowed(
        self, configure: Configure, loopback: Loopback
    ) -> None:
        """The server never sees more requests at once than the limit; everybody has a turn."""
        loopback.default = witness = Witness(seconds=0.02)
        file = configure("concurrency = 3")
        assert ask_from_processes(file, processes=4, requests=8, within_s=60) == 32
        assert 1 <= witness.most <= 3

    def test_no_more_come_in_a_minute_than_allowed(
        self, configure: Configure, loopback: Loopback
    ) -> None:
        """The server sees as many requests as the limit, from all processes together."""
        loopback.default = witness = Witness()
        file = configure("requests_per_minute = 6")
        assert ask_from_processes(file, processes=4, requests=5, within_s=2) == 6
        assert len(witness.arrivals) == 6

    def test_no_more_tokens_are_taken_in_a_minute_than_allowed(
        self, configure: Configure, loopback: Loopback
    ) -> None:
        """What a request may take is counted first, what it took afterwards: more have room."""
        loopback.default = witness = Witness()
        file = configure("tokens_per_minute = 1100")
        replies = ask_from_processes(file, processes=4, requests=5, within_s=2)
        assert 2 <= replies == len(witness.arrivals)
        assert replies * sum(USAGE.values()) <= 1100

    def test_retry_after_is_heeded_by_all(self, configure: Configure, loopback: Loopback) -> None:
        """A process that was told nothing leaves a server alone that told another one to."""
        loopback.default = witness = Witness()
        loopback.script(fail(429, Retry_After="3"))
        file = configure()
        assert ask_from_processes(file, processes=1, requests=1, within_s=0.5) == 0
        told = time.monotonic()
        assert ask_from_processes(file, processes=2, requests=3, within_s=60) == 6
        assert min(witness.arrivals) > told + 2

    async def test_killed_process_gives_its_place_back(self, url: str, store: Store) -> None:
        """Nobody leaves for it: the place is free when its lease has run out."""
        limit = RateLimit(concurrency=1)
        rates = Rates({"a": limit}, store)
        with holding(url, "a", limit, lease_s=2) as process:
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.2), rates.place(["a"], tokens=0, lease_s=60):
                    pass
            process.kill()
            process.join()
            async with rates.place(["a"], tokens=0, lease_s=60) as place:
                assert place.deployment == "a"


async def test_cancelling_at_any_moment_leaves_no_place_taken(store: Store) -> None:
    """Not even where the store has let the request in, and nobody waits for that any more."""
    rates = Rates({"a": RateLimit(concurrency=1)}, store)

    async def enter() -> None:
        async with rates.place(["a"], tokens=0, lease_s=60):
            await asyncio.sleep(0)

    for steps in range(30):
        entering = asyncio.create_task(enter())
        for _ in range(steps):
            await asyncio.sleep(0)
        entering.cancel()
        await asyncio.wait([entering])
    async with asyncio.timeout(10):
        await enter()


class TestTasks:
    """What the limits of one process's models do to its tasks."""

    async def test_a_server_that_refuses_many_loses_few(
        self, model: Callable[..., Model], loopback: Loopback
    ) -> None:
        """Where 30 % of requests are refused, 99 % of tasks are done."""
        loopback.default = refusing = Refusing(0.3)
        tier = model()
        done = await asyncio.gather(*(tier.ask(HELLO) for _ in range(300)), return_exceptions=True)
        failed = [error for error in done if isinstance(error, BaseException)]
        assert refusing.refused > 90
        assert [error for error in failed if not isinstance(error, RateLimited)] == []
        assert len(failed) <= 3

    async def test_waiting_for_a_place_costs_nothing(
        self, model: Callable[..., Model], loopback: Loopback
    ) -> None:
        """A machine that is paid by the hour has worked on a request only while it had it."""
        held = Held()
        loopback.script(held)
        tier = model("concurrency = 1")
        first = asyncio.create_task(tier.ask(HELLO))
        await asyncio.to_thread(loopback.arrived.wait)
        began = time.perf_counter()
        second = asyncio.create_task(tier.ask(HELLO))
        await asyncio.wait([second], timeout=0.3)
        held.release.set()
        await first
        reply = await second
        assert reply.seconds < time.perf_counter() - began - 0.3
        # For a moment the first may still be there, and shares the machine with it.
        assert reply.seconds * 0.5e9 < reply.nano_usd <= reply.seconds * 1e9 + 1

    async def test_who_stops_waiting_leaves_the_place_to_others(
        self, model: Callable[..., Model], loopback: Loopback
    ) -> None:
        """A request that is cancelled at the gate has cost nothing and holds nothing."""
        held = Held()
        loopback.script(held)
        tier = model("concurrency = 1")
        first = asyncio.create_task(tier.ask(HELLO))
        await asyncio.to_thread(loopback.arrived.wait)
        second = asyncio.create_task(tier.ask(HELLO))
        await asyncio.wait([second], timeout=0.1)
        second.cancel()
        with pytest.raises(Cancelled) as caught:
            await second
        assert (caught.value.nano_usd, caught.value.seconds) == (0, 0)
        held.release.set()
        await first
        assert (await tier.ask(HELLO)).text == "ok"

    async def test_who_is_cancelled_under_way_leaves(
        self, model: Callable[..., Model], loopback: Loopback
    ) -> None:
        """The place of a cancelled request is free at once, not when its lease runs out."""
        loopback.script(Held())
        tier = model("concurrency = 1")
        first = asyncio.create_task(tier.ask(HELLO))
        await asyncio.to_thread(loopback.arrived.wait)
        first.cancel()
        with pytest.raises(Cancelled):
            await first
        async with asyncio.timeout(10):
            assert (await tier.ask(HELLO)).text == "ok"

    async def test_a_refused_request_gives_its_tokens_back(
        self, model: Callable[..., Model], loopback: Loopback
    ) -> None:
        """It has taken none."""
        loopback.script(fail(400), fail(400), fail(400))
        tier = model("tokens_per_minute = 800")
        for _ in range(3):
            with pytest.raises(Rejected):
                await tier.ask(HELLO)
        async with asyncio.timeout(10):
            assert (await tier.ask(HELLO)).text == "ok"

    async def test_a_server_that_wants_long_peace_is_not_waited_for(
        self, model: Callable[..., Model], loopback: Loopback
    ) -> None:
        """The next request fails at once, says for how long, and does not reach the server."""
        loopback.default = fail(429, Retry_After="300")
        tier = model()
        for _ in range(2):
            with pytest.raises(RateLimited, match="'a'") as caught:
                await tier.ask(HELLO)
            assert 290 < (caught.value.retry_after or 0) <= 300
        assert len(loopback.requests) == 1


class TestSeveralDeployments:
    """A tier where one deployment is limited."""

    async def test_one_that_has_room_is_preferred(self, tmp_path: Path) -> None:
        """Nobody waits while another deployment of the tier has room, whatever the weights."""
        first, second = Loopback().start(), Loopback().start()
        held = Held()
        first.script(held)
        file = tmp_path / "agentsys.toml"
        file.write_text(_deployment("a", first, 1) + _deployment("b", second, 0) + _CROWDED)
        tiers = Tiers(Settings.load(file))
        asking = asyncio.create_task(tiers["slm"].ask(HELLO))
        await asyncio.to_thread(first.arrived.wait)
        assert (await tiers["slm"].ask(HELLO)).deployment == "b"
        held.release.set()
        assert (await asking).deployment == "a"
        assert (await tiers["slm"].ask(HELLO)).deployment == "a"
        await tiers.close()
        first.stop()
        second.stop()


class TestInProcess:
    """GGUF files have limits, too."""

    async def test_a_file_waits_for_its_turn(self, tmp_path: Path, store: Store) -> None:
        """What takes its place elsewhere counts."""
        write_tiny_gguf(tmp_path / "tiny.gguf")
        file = tmp_path / "agentsys.toml"
        file.write_text(_FILE)
        settings = Settings.load(file)
        tiers = Tiers(settings, store)
        elsewhere = Rates(settings.limits, store)
        asked = Request(HELLO.messages, {"const": "yes"})
        async with elsewhere.place(["tiny"], tokens=0, lease_s=60):
            asking = asyncio.create_task(tiers["slm"].ask(asked))
            await asyncio.wait([asking], timeout=0.5)
            assert not asking.done()
        assert (await asking).text == '"yes"'
        assert tiers["slm"].worst(asked).tokens_in > 0
        await tiers.close()


def _deployment(name: str, server: Loopback, weight: int) -> str:
    params = f'model = "hosted_vllm/small", api_base = "{server.url}", weight = {weight}'
    return f"""
[[deployments]]
name = "{name}"
tier = "slm"
litellm_params = {{ {params} }}
usd_per_hour = 1
"""


_CROWDED = "[limits.a]\nconcurrency = 1\n"
_FILE = """
[[deployments]]
name = "tiny"
tier = "slm"
gguf = "tiny.gguf"
usd_per_hour = 1
[limits.tiny]
concurrency = 1
"""
