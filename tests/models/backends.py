"""The back ends that the suites run on, and what each can do."""

import asyncio
import re
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

import pytest

from agentsys.errors import Truncated
from agentsys.models.base import Guided, Model, Request
from agentsys.models.scripted import Answer, Scripted
from agentsys.models.tiers import Tiers
from agentsys.models.vllm.api import get
from agentsys.models.vllm.metrics import load
from agentsys.money import Price
from agentsys.schema import compact
from agentsys.settings import Deployment, Settings
from tests.loopback import Loopback
from tests.models.api import CONTEXT, Api
from tests.models.rules import answer
from tests.vllm_server import VllmServer

PATIENCE_S = 30.0
TIERS = ("slm", "llm", "long")
NOBODY = "http://127.0.0.1:1/v1"
PRICES: dict[str, Any] = {"usd_per_mtok_in": 1, "usd_per_mtok_out": 2}


@dataclass(frozen=True)
class Counted:
    """What a server has done so far."""

    tokens_in: int
    tokens_out: int
    finished: int
    """Requests that it has answered to their end."""


class Server(ABC):
    """What a server tells of itself."""

    @abstractmethod
    def running(self) -> int:
        """Requests under way."""

    @abstractmethod
    def counted(self) -> Counted:
        """What it has done so far."""

    async def busy(self) -> None:
        """Wait until it works on a request."""
        await self._until(lambda: self.running() > 0)

    async def idle(self) -> None:
        """Wait until it works on none."""
        await self._until(lambda: self.running() == 0)

    async def _until(self, condition: Callable[[], bool]) -> None:
        end = time.monotonic() + PATIENCE_S
        while not await asyncio.to_thread(condition):
            assert time.monotonic() < end, f"{self.running()} requests are running"
            await asyncio.sleep(0.005)


class OfApi(Server):
    """The double of an API."""

    def __init__(self, api: Api) -> None:
        self._api = api

    def running(self) -> int:
        """Those whose connection is open."""
        return self._api.running

    def counted(self) -> Counted:
        """Of requests that were answered."""
        return Counted(self._api.tokens_in, self._api.tokens_out, self._api.finished)


class OfVllm(Server):
    """The real vLLM, by its `/metrics`."""

    def __init__(self, port: int) -> None:
        self._port = port

    def running(self) -> int:
        """Those in its engine or waiting for a place there."""
        found = load(self._metrics())
        return found.running + found.waiting if found else 0

    def counted(self) -> Counted:
        """Of all requests; those that were left have not finished."""
        text = self._metrics()
        found = load(text)
        assert found is not None
        ends = re.findall(
            r'^vllm:request_success_total\{.*"(?:stop|length)".*\} (\S+)$', text, re.M
        )
        return Counted(found.tokens_in, found.tokens_out, round(sum(map(float, ends))))

    def _metrics(self) -> str:
        return get(self._port, "/metrics").text


@dataclass(frozen=True)
class BackEnd:
    """A back end, and what it can do.

    Its tiers `slm` and `llm` know what `rules` knows, `long` writes much, and on `gone`, where it
    has a server, there is nobody.
    """

    models: Mapping[str, Model]
    guided: Guided
    """How it holds replies to a schema."""
    gives_tokens: bool = True
    """Whether replies carry log-probabilities."""
    context: int = 0
    """Tokens of a prompt that it takes; 0: any number."""
    endless: int = 0
    """Letters that `long` writes for so long that it can be cancelled; 0: it answers at once."""
    places: int = 8
    """How many requests to `long` are worked on at a time."""
    longest: int = 200
    """The most tokens that a reply of `long` may have."""
    server: Server | None = None
    """What tells what it does; none where there is no server."""
    api: Api | None = None
    """What can be made to fail."""

    async def begun(self, tasks: Sequence["asyncio.Future[Any]"], wait_s: float) -> bool:
        """Wait until its server works on what tasks ask; without one, nobody tells.

        Not where one of them ended before the server said so.
        """
        if self.server is None:
            await asyncio.wait(tasks, timeout=wait_s)
            return True
        busy = asyncio.ensure_future(self.server.busy())
        await asyncio.wait([*tasks, busy], return_when=asyncio.FIRST_COMPLETED)
        busy.cancel()
        return not any(task.done() for task in tasks)

    async def close(self) -> None:
        """Close its models."""
        for tier in list(self.models):
            await self.models[tier].close()


def scripted(_request: pytest.FixtureRequest) -> BackEnd:
    """The test double."""
    price = Price(Decimal(1), Decimal(2))
    models = {tier: Scripted(_script, confidence=0.9, price=price) for tier in TIERS}
    return BackEnd(models, "prompt")


def embedded(request: pytest.FixtureRequest) -> BackEnd:
    """llama.cpp on the miniatures."""
    return _in_process("mini-slm", "mini-llm", request.getfixturevalue("gguf"))


def random_weights(request: pytest.FixtureRequest) -> BackEnd:
    """llama.cpp on a model that knows nothing: only masks give its replies a form."""
    gguf = request.getfixturevalue("gguf")
    return _in_process(gguf, gguf, gguf)


def strict(request: pytest.FixtureRequest) -> BackEnd:
    """An API with strict JSON Schema, through LiteLLM."""
    return _api(request.getfixturevalue("loopback"), "strict")


def prompted(request: pytest.FixtureRequest) -> BackEnd:
    """An API that is told the schema in the prompt, through LiteLLM."""
    return _api(request.getfixturevalue("loopback"), "prompt")


def vllm(request: pytest.FixtureRequest) -> BackEnd:
    """The real vLLM through LiteLLM: `slm` as `[[vllm]]` configures it."""
    server: VllmServer = request.getfixturevalue("vllm_server")
    settings = Settings.load(server.config)
    more = _behind("hosted_vllm/mini", server.url, ("llm", "long"))
    deployments = (*settings.deployments, *more)
    return BackEnd(
        Tiers(settings.model_copy(update={"deployments": deployments})),
        "outlines",
        context=512,
        endless=2_000,
        longest=400,
        places=40,  # so many that its metrics, which lag, show them before they end
        server=OfVllm(server.port),
    )


Build = Callable[[pytest.FixtureRequest], BackEnd]

BACK_ENDS: tuple[Build, ...] = (scripted, embedded, strict, prompted, vllm)
"""Those that know something."""


def _in_process(slm: str | Path, llm: str | Path, long: Path) -> BackEnd:
    # With one place, a request that goes on would be in the way of the next one.
    roomy = {"context": 100_000, "parallel": 1}
    given = [("slm", slm, {}), ("llm", llm, {}), ("long", long, roomy)]
    deployments = tuple(
        Deployment.model_validate({"name": tier, "tier": tier, "gguf": str(gguf), **PRICES, **more})
        for tier, gguf, more in given
    )
    models = Tiers(Settings(deployments=deployments))
    return BackEnd(models, "outlines", context=1_024, endless=90_000, longest=99_000, places=1)


def _api(loopback: Loopback, guided: Guided) -> BackEnd:
    api = Api(loopback, strict=guided == "strict")
    deployments = _behind("openai/some", loopback.url, TIERS, guided=guided)
    return BackEnd(
        Tiers(Settings(deployments=tuple(deployments))),
        guided,
        gives_tokens=guided == "strict",
        context=CONTEXT,
        endless=90_000,
        longest=99_000,
        server=OfApi(api),
        api=api,
    )


def _behind(
    model: str, url: str, tiers: Sequence[str], guided: Guided | None = None
) -> list[Deployment]:
    """A model as deployment of each of these tiers, and one of `gone`."""
    places = [*((tier, url) for tier in tiers), ("gone", NOBODY)]
    return [
        Deployment.model_validate(
            {
                "name": f"the {tier}",
                "tier": tier,
                "litellm_params": {"model": model, "api_base": place, "api_key": "x"},
                "guided": guided,
                **PRICES,
            }
        )
        for tier, place in places
    ]


def _script(request: Request) -> Answer:
    """By rules; cut off where it does not fit, as its tokens are counted: words and signs."""
    said = answer(request.messages, request.schema, Random(f"{request.temperature} {request.seed}"))
    text = said if request.schema is None else compact(said)
    if len(re.findall(r"\s*\w+|\s*[^\w\s]|\s+", text)) > request.max_tokens:
        out = request.max_tokens
        return Truncated("cut off.", tokens_in=5, tokens_out=out, nano_usd=5_000 + 2_000 * out)
    return text
