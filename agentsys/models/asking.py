"""One request on its way through the deployments of a tier."""

import asyncio
import random
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from agentsys.errors import RateLimited, Rejected, Truncated, Unreachable
from agentsys.messages import Usage
from agentsys.models.base import Cancelled, Guided, Reply, Request
from agentsys.models.chat import Answered, Question, answered, cut, question
from agentsys.models.failures import model_error
from agentsys.money import Price

_GRACE_S = 5
"""A server that drips a reply can outlive LiteLLM's timeout, which counts from byte to byte."""


@dataclass(frozen=True, slots=True)
class Route:
    """A deployment with what LiteLLM knows about it."""

    name: str
    id: str
    """`model_info.id`. Asked under its own id, a deployment is called as it is: no group is."""
    guided: Guided
    price: Price
    gives_logprobs: bool
    timeout_s: float


@dataclass
class Asking:
    """One request on its way through the deployments of a tier."""

    router: Any
    """LiteLLM's."""
    count_tokens: Callable[..., int]
    tier: str
    routes: tuple[Route, ...]
    request: Request

    def __post_init__(self) -> None:
        self.nano_usd = 0
        """What all tries that have ended cost so far."""
        self._started = time.perf_counter()
        self._under_way: tuple[Route, Question, float] | None = None
        """Who is being asked, what, and since when."""

    @property
    def seconds(self) -> float:
        """Since the first try began."""
        return time.perf_counter() - self._started

    async def round(self) -> Reply:
        """Ask each deployment at most once, until one replies."""
        left = list(self.routes)
        while True:
            route = await self._pick(left)
            left.remove(route)
            try:
                return await self._ask(route)
            except (Unreachable, RateLimited):
                if not left:
                    raise

    def cancelled(self) -> Cancelled:
        """What to raise where nobody waits for the reply any more.

        The prompt of the request under way counts, by LiteLLM's tokenizer: it has been sent.
        """
        if self._under_way is None:
            return Cancelled(deployment="", nano_usd=self.nano_usd, seconds=self.seconds)
        route, asked, started = self._under_way
        # Without a model's name it counts by a tokenizer that is on this machine.
        usage = Usage(self.count_tokens(model="", messages=asked.messages), 0)
        return Cancelled(
            deployment=route.name,
            tokens_in=usage.tokens_in,
            nano_usd=self.nano_usd + route.price.of(usage, time.perf_counter() - started),
            seconds=self.seconds,
        )

    async def _pick(self, left: Sequence[Route]) -> Route:
        """One that is not cooling down, if there is one; LiteLLM's `weight` counts."""
        if len(left) == 1:
            return left[0]
        ready: dict[str, float] = {}
        with suppress(ValueError):  # LiteLLM's way to say that all are cooling down
            for found in await self._healthy():
                weight = found["litellm_params"].get("weight")
                ready[found["model_info"]["id"]] = 1 if weight is None else weight
        fit = [route for route in left if ready.get(route.id, 0) > 0]
        if not fit:
            return random.choice(left)
        return random.choices(fit, [ready[route.id] for route in fit])[0]

    async def _healthy(self) -> list[dict[str, Any]]:
        """The deployments that LiteLLM has not put aside for a while."""
        if hasattr(self.router, "select"):  # since LiteLLM 1.109, which deprecates the other
            return await self.router.select(self.tier, {}, kind="healthy")
        return await self.router.async_get_healthy_deployments(self.tier, {})

    async def _ask(self, route: Route) -> Reply:
        asked = question(self.request, route.guided)
        started = time.perf_counter()
        self._under_way = route, asked, started
        try:
            async with asyncio.timeout(route.timeout_s + _GRACE_S):
                response = await self.router.acompletion(**self._arguments(route, asked))
        # LiteLLM raises its own classes, its clients' and bare ones; whatever it is, it is
        # this deployment that has failed.
        except Exception as error:
            seconds = time.perf_counter() - started
            self._under_way = None
            self.nano_usd += route.price.of(Usage(0, 0), seconds)
            raise model_error(error, route.name) from error
        self._under_way = None
        seconds = time.perf_counter() - started
        reply = answered(response)
        if reply is None:
            self.nano_usd += route.price.of(Usage(0, 0), seconds)
            raise Unreachable(
                f"The deployment {route.name!r} answered without a reply.", deployment=route.name
            )
        usage = reply.usage or self._estimate(response.model, asked, reply)
        self.nano_usd += route.price.of(usage, seconds)
        _refuse_unfinished(route, reply, usage, self.request)
        start, end = asked.span(reply.content)
        return Reply(
            text=reply.content[start:end],
            usage=usage,
            deployment=route.name,
            guided=asked.guided,
            tokens=cut(reply.tokens, start, end),
            seconds=self.seconds,
            nano_usd=self.nano_usd,
        )

    def _arguments(self, route: Route, asked: Question) -> dict[str, Any]:
        arguments: dict[str, Any] = {
            "model": route.id,
            "messages": asked.messages,
            "max_tokens": self.request.max_tokens,
            "temperature": self.request.temperature,
            "num_retries": 0,
            "drop_params": True,
        }
        if self.request.seed is not None:
            arguments["seed"] = self.request.seed
        if asked.response_format is not None:
            arguments["response_format"] = asked.response_format
        if route.gives_logprobs:
            arguments["logprobs"] = True
        return arguments

    def _estimate(self, model: str, asked: Question, reply: Answered) -> Usage:
        """Tokens of a deployment that does not count them, by LiteLLM's tokenizer."""
        return Usage(
            self.count_tokens(model=model, messages=asked.messages),
            self.count_tokens(model=model, text=reply.content),
        )


def _refuse_unfinished(route: Route, reply: Answered, usage: Usage, request: Request) -> None:
    if reply.finish == "length":
        raise Truncated(
            f"The reply of {route.name!r} was cut off at {usage.tokens_out} tokens.",
            hint=f"The agent's 'max_tokens' is {request.max_tokens}.",
            deployment=route.name,
            tokens_in=usage.tokens_in,
            tokens_out=usage.tokens_out,
        )
    if reply.finish == "content_filter":
        raise Rejected(
            f"The deployment {route.name!r} refused the content.",
            deployment=route.name,
            tokens_in=usage.tokens_in,
            tokens_out=usage.tokens_out,
        )
