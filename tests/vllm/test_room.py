"""Which requests are sent to a server of ours, and which wait until it has room."""

import asyncio
import os
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from aiohttp import web

from agentsys.errors import SettingsError, Unreachable
from agentsys.messages import Message
from agentsys.models.base import Model, Request
from agentsys.models.tiers import Tiers
from agentsys.models.vllm.plan import Plan
from agentsys.models.vllm.room import BURST, QUEUE
from agentsys.models.vllm.state import Phase, State, folder, made, write_state
from agentsys.processes import process
from agentsys.settings import Settings
from tests.loopback import say
from tests.redis_server import free_port

ASKED = Request((Message("user", "a"),), max_tokens=16)


@dataclass
class Engine:
    """A server that does `seats` requests at once, like vLLM's, and says so at `/metrics`."""

    port: int
    seats: int = 1_000
    kv_tokens: int = 1_000_000
    foreign: int = 0
    """Requests of somebody else that are running."""
    inside: int = 0
    mute: bool = False
    """Whether it leaves `/metrics` unanswered."""
    dead: bool = False
    """Whether it says that there is nobody to do the work."""
    breaks: bool = False
    """Whether it dies of the next request."""
    go: asyncio.Event = field(default_factory=asyncio.Event)
    """No request ends before this is set."""

    async def has(self, requests: int) -> None:
        """Wait until so many are here, or so few where it is none."""
        async with asyncio.timeout(60):
            while self.inside < requests or (requests == 0 and self.inside):  # noqa: ASYNC110
                await asyncio.sleep(0.01)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """A reply to a chat."""
        if self.breaks:
            self.dead = True
            assert request.transport is not None
            request.transport.abort()
        self.inside += 1
        try:
            await self.go.wait()
            return await say()(request, await request.json())
        finally:
            self.inside -= 1

    async def health(self, _request: web.Request) -> web.StreamResponse:
        """Whether the engine is there, which a server may know before it ends with it."""
        return web.Response(status=503 if self.dead else 200)

    async def metrics(self, _request: web.Request) -> web.StreamResponse:
        """What is under way."""
        if self.mute:
            return web.Response(status=503)
        there = self.inside + self.foreign
        running = min(there, self.seats)
        figures = {
            "vllm:num_requests_running": running,
            "vllm:num_requests_waiting": there - running,
            "vllm:kv_cache_usage_perc": 0.0,
            f'vllm:cache_config_info{{block_size="1",num_gpu_blocks="{self.kv_tokens}"}}': 1,
        }
        return web.Response(text="".join(f"{name} {n}\n" for name, n in figures.items()))


@pytest.fixture
async def engine() -> AsyncIterator[Engine]:
    """A running one."""
    made = Engine(free_port())
    app = web.Application()
    app.router.add_post("/v1/chat/completions", made.answer)
    app.router.add_get("/metrics", made.metrics)
    app.router.add_get("/health", made.health)
    runner = web.AppRunner(app, access_log=None, handler_cancellation=True)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", made.port).start()
    yield made
    made.go.set()
    await runner.cleanup()


@pytest.fixture
async def model(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Model]:
    """The tier that the server is configured for."""
    monkeypatch.setenv("AGENTSYS_HOME", str(tmp_path))
    file = tmp_path / "agentsys.toml"
    file.write_text(
        f'[[vllm]]\nname = "one"\ntier = "slm"\nmodel = "a"\ndevice = "cpu"\n'
        f"port = {engine.port}\nusd_per_hour = 3600\n"
    )
    tiers = Tiers(Settings.load(file))
    yield tiers["slm"]
    await tiers.close()


def say_phase(phase: Phase) -> None:
    """Be the server's supervisor."""
    own = process(os.getpid())
    assert own is not None
    write_state(made(folder("one")), State(phase, own, os.getsid(0)))


async def settled(engine: Engine) -> int:
    """How many requests are at the server once no more come for a while."""
    before, since = -1, time.monotonic()
    while time.monotonic() - since < 1.5:
        if engine.inside != before:
            before, since = engine.inside, time.monotonic()
        await asyncio.sleep(0.05)
    return before


async def test_a_full_server_is_sent_no_more_than_it_needs_next(
    model: Model, engine: Engine
) -> None:
    """Of four hundred at once, those it does and a few more; all are answered in the end."""
    engine.seats = BURST
    asking = [asyncio.create_task(model.ask(ASKED)) for _ in range(400)]
    await engine.has(BURST)
    assert await settled(engine) <= 2 * BURST
    engine.go.set()
    replies = await asyncio.gather(*asking)
    assert len(replies) == 400


async def test_a_server_with_seats_is_filled(model: Model, engine: Engine) -> None:
    """Where it says that nothing waits, as many again are sent, until all are there."""
    asking = [asyncio.create_task(model.ask(ASKED)) for _ in range(400)]
    await engine.has(400)
    engine.go.set()
    await asyncio.gather(*asking)


async def test_what_others_sent_counts(model: Model, engine: Engine) -> None:
    """A server that others keep full is sent what may wait there, and no more."""
    engine.seats, engine.foreign = 10, 10 + QUEUE - 2
    asking = [asyncio.create_task(model.ask(ASKED)) for _ in range(20)]
    await engine.has(2)
    assert await settled(engine) == 2
    engine.foreign = 0
    engine.go.set()
    await asyncio.gather(*asking)


async def test_no_more_are_sent_than_its_cache_holds(model: Model, engine: Engine) -> None:
    """At first, that is; then by what it says."""
    engine.kv_tokens = 10 * (16 + 10)
    asking = [asyncio.create_task(model.ask(ASKED)) for _ in range(BURST)]
    await engine.has(1)
    assert engine.inside < 12
    engine.go.set()
    await asyncio.gather(*asking)


async def test_a_request_too_large_for_its_cache_is_sent_all_the_same(
    model: Model, engine: Engine
) -> None:
    """The size is only estimated; the server knows better."""
    engine.kv_tokens = 1
    engine.go.set()
    assert (await model.ask(ASKED)).text == "ok"


async def test_a_server_that_is_started_again_is_waited_for(
    model: Model, engine: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    """Nothing is sent, nothing fails, one line says why; then all are answered."""
    say_phase("restarting")
    asking = [asyncio.create_task(model.ask(ASKED)) for _ in range(50)]
    assert await settled(engine) == 0
    assert [r.getMessage() for r in caplog.records if r.name.startswith("agentsys")] == [
        "one is restarting: requests wait for it."
    ]
    engine.go.set()
    say_phase("ready")
    assert len(await asyncio.gather(*asking)) == 50


async def test_a_server_that_hangs_is_sent_nothing_new(model: Model, engine: Engine) -> None:
    """Its supervisor will see to it; whoever is cancelled meanwhile is gone."""
    say_phase("ready")
    engine.mute = True
    asking = [asyncio.create_task(model.ask(ASKED)) for _ in range(5)]
    assert await settled(engine) == 0
    asking.pop().cancel()
    engine.mute = False
    engine.go.set()
    assert len(await asyncio.gather(*asking)) == 4


async def test_a_server_whose_engine_is_dead_is_sent_nothing(model: Model, engine: Engine) -> None:
    """It still says what it does, and is about to end."""
    say_phase("ready")
    engine.dead = True
    asking = [asyncio.create_task(model.ask(ASKED)) for _ in range(5)]
    assert await settled(engine) == 0
    engine.dead = False
    engine.go.set()
    assert len(await asyncio.gather(*asking)) == 5


async def test_a_request_that_is_lost_waits_for_the_server(model: Model, engine: Engine) -> None:
    """It is not sent again at once to one that has just died, however lately it was looked at."""
    say_phase("ready")
    engine.breaks = True
    asking = [asyncio.create_task(model.ask(ASKED)) for _ in range(5)]
    async with asyncio.timeout(60):
        while not engine.dead:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    assert not (await asyncio.wait(asking, timeout=1))[0]
    engine.breaks = engine.dead = False
    engine.go.set()
    assert len(await asyncio.gather(*asking)) == 5


async def test_a_server_that_nobody_has_started_fails_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the command that starts it."""
    monkeypatch.setenv("AGENTSYS_HOME", str(tmp_path))
    file = tmp_path / "agentsys.toml"
    file.write_text(
        f'[[vllm]]\nname = "one"\ntier = "slm"\nmodel = "a"\ndevice = "cpu"\n'
        f"port = {free_port()}\nusd_per_hour = 1\n"
    )
    tiers = Tiers(Settings.load(file))
    with pytest.raises(Unreachable, match="agentsys vllm up"):
        await tiers["slm"].ask(ASKED)
    await tiers.close()


async def test_a_server_with_another_model_is_not_asked(
    model: Model, engine: Engine, tmp_path: Path
) -> None:
    """One that another project has started under the same name, on the same port."""
    say_phase("ready")
    argv = ("python", "-m", "vllm", "--model", "owner/another")
    plan = Plan("one", argv, {}, engine.port, "cpu", {}, {}, "/elsewhere/agentsys.toml")
    (folder("one") / "plan.json").write_text(plan.as_json())
    with pytest.raises(SettingsError, match=r"owner/another.*/elsewhere/agentsys.toml"):
        await model.ask(ASKED)
    mine = replace(plan, argv=(*argv[:-1], str(tmp_path / "a")))
    (folder("one") / "plan.json").write_text(mine.as_json())
    engine.go.set()
    assert (await model.ask(ASKED)).text == "ok"


async def test_a_cancelled_request_gives_its_room_back(model: Model, engine: Engine) -> None:
    """Sent or waiting: afterwards as many are sent as before."""
    engine.seats = 8
    for _ in range(2):
        asking = [asyncio.create_task(model.ask(ASKED)) for _ in range(200)]
        await engine.has(engine.seats + QUEUE)
        await settled(engine)  # LiteLLM complains where it is cancelled on the way
        for task in asking:
            task.cancel()
        done = await asyncio.gather(*asking, return_exceptions=True)
        assert all(isinstance(each, asyncio.CancelledError) for each in done)
        await engine.has(0)


async def test_time_by_the_hour_is_divided_among_requests(model: Model, engine: Engine) -> None:
    """Twenty at once cost together what the server took, at a dollar a second; not twenty times."""
    began = time.perf_counter()
    asking = [asyncio.create_task(model.ask(ASKED)) for _ in range(20)]
    await engine.has(20)
    await asyncio.sleep(1.5)
    engine.go.set()
    replies = await asyncio.gather(*asking)
    took = time.perf_counter() - began
    paid = sum(reply.nano_usd for reply in replies) / 1e9
    assert 1.5 < paid <= took
    assert sum(reply.seconds for reply in replies) > 10 * paid


async def test_requests_of_others_are_not_paid_for(model: Model, engine: Engine) -> None:
    """Beside nineteen of somebody else, a request costs a twentieth of the time that it took."""
    engine.foreign = 19
    asking = asyncio.create_task(model.ask(ASKED))
    await settled(engine)
    engine.go.set()
    reply = await asking
    assert reply.nano_usd / 1e9 < reply.seconds / 10
