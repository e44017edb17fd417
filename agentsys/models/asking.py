"""One request on its way through the deployments of a tier."""

import asyncio
import random
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from typing import Any

from agentsys.errors import ModelError, RateLimited, Rejected, Truncated, Unreachable
from agentsys.guide import DEFAULT, Limits
from agentsys.messages import Usage
from agentsys.models.base import Cancelled, Guided, Reply, Request
from agentsys.models.chat import Answered, Question, answered, cut, question
from agentsys.models.failures import model_error, reached, timed_out
from agentsys.models.machine import Machine
from agentsys.models.masks import marked
from agentsys.models.taken import Taken
from agentsys.money import Price
from agentsys.rates import Rates
from agentsys.retry import Stopwatch

GRACE_S = 5
"""A server that drips a reply can outlive LiteLLM's timeout, which counts from byte to byte."""
_MOST_ALTERNATIVES = 20
"""OpenAI's limit, and vLLM's unless it is started with another."""
_LEASE_S = 5
"""A place is given back this long after the deployment has been given up."""


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
    machine: Machine
    limits: Limits = DEFAULT
    """Of the masks that it is given to build."""


@dataclass
class Asking:
    """One request on its way through the deployments of a tier."""

    router: Any
    """LiteLLM's."""
    count_tokens: Callable[..., int]
    tier: str
    routes: tuple[Route, ...]
    rates: Rates
    request: Request
    longest_s: float
    """After which the last try is given up; waits for a place do not count."""

    def __post_init__(self) -> None:
        self.taken = Taken(self.longest_s)
        self.lost = 0
        """Tries of which nobody knows what they took."""
        self.watch = Stopwatch()
        """Shows the time since the first try began, but for waits for a place."""
        self._under_way: tuple[Route, Question] | None = None
        """Who is being asked, and what."""

    async def round(self) -> Reply:
        """Ask each deployment at most once, until one replies.

        Raises:
            ModelError: that after which another try makes sense soonest.
        """
        left = list(self.routes)
        errors: list[ModelError] = []
        while True:
            try:
                return await self._turn(left)
            except (Unreachable, RateLimited) as error:
                errors.append(error)
                # One that is final has asked nobody: those that are left have no room.
                if not left or not error.retryable or self.watch.seconds >= self.longest_s:
                    soonest = min(errors, key=_patience)
                    soonest.retryable &= self.lost < len(self.routes)
                    raise soonest from soonest.__cause__

    def cancelled(self) -> Cancelled:
        """What to raise where nobody waits for the reply any more.

        The prompt of the request under way counts, by LiteLLM's tokenizer: it has been sent.
        """
        if self._under_way is None:
            return Cancelled(
                deployment="",
                nano_usd=self.taken.nano_usd,
                seconds=self.taken.seconds,
                energy_j=self.taken.energy_j,
            )
        route, asked = self._under_way
        # Without a model's name it counts by a tokenizer that is on this machine.
        counted = self.count_tokens(model="", messages=asked.messages)
        usage = Usage(min(counted, asked.most_tokens), 0)
        self.taken.book(route.price, usage)
        return Cancelled(
            deployment=route.name,
            tokens_in=usage.tokens_in,
            nano_usd=self.taken.nano_usd,
            seconds=self.taken.seconds,
            energy_j=self.taken.energy_j,
        )

    async def _turn(self, left: list[Route]) -> Reply:
        """Ask the best of the deployments that have room; it is taken from those left."""
        async with AsyncExitStack() as stack:
            with self.watch.stopped():
                order = await self._order(left)
                tokens = max(self._asked(route).most_tokens for route in left)
                place = self.rates.place(
                    [route.name for route in order],
                    tokens=tokens + self.request.max_tokens,
                    lease_s=max(route.timeout_s for route in left) + GRACE_S + _LEASE_S,
                )
                taken = await stack.enter_async_context(place)
            route = next(route for route in left if route.name == taken.deployment)
            left.remove(route)
            reply = await self._ask(route)
            taken.tokens = reply.usage.tokens_in + reply.usage.tokens_out
            return reply

    async def _order(self, left: Sequence[Route]) -> list[Route]:
        """Those first that are not cooling down, drawn by LiteLLM's `weight`."""
        if len(left) == 1:
            return list(left)
        ready: dict[str, float] = {}
        with suppress(ValueError):  # LiteLLM's way to say that all are cooling down
            for found in await self._healthy():
                weight = found["litellm_params"].get("weight")
                ready[found["model_info"]["id"]] = 1 if weight is None else weight
        # Efraimidis and Spirakis 2006: the largest of these is each with the chance of its weight.
        drawn: dict[str, tuple[float, float]] = {}
        for route in left:
            weight, chance = ready.get(route.id, 0), random.random()
            drawn[route.id] = (chance ** (1 / weight) if weight > 0 else -1, chance)
        return sorted(left, key=lambda route: drawn[route.id], reverse=True)

    async def _healthy(self) -> list[dict[str, Any]]:
        """The deployments that LiteLLM has not put aside for a while."""
        if hasattr(self.router, "select"):  # since LiteLLM 1.109, which deprecates the other
            return await self.router.select(self.tier, {}, kind="healthy")
        return await self.router.async_get_healthy_deployments(self.tier, {})

    async def _ask(self, route: Route) -> Reply:
        asked = self._asked(route)
        self._under_way = route, asked
        with self.taken.work_of(route.machine):
            response = await self._response(route, asked)
            self._under_way = None
            reply = answered(response)
            if reply is None:
                failure = Unreachable(
                    f"The deployment {route.name!r} answered without a reply.",
                    deployment=route.name,
                )
                self._book_lost(route, asked, failure)
                raise failure
            usage = reply.usage or self._estimate(response.model, asked, reply)
            self.taken.book(route.price, usage)
        self.lost += reply.finish == "abort"  # it may have been nearly whole
        _refuse_unfinished(route, reply, usage, self.request)
        start, end = asked.span(reply.content)
        return Reply(
            text=reply.content[start:end],
            usage=usage,
            deployment=route.name,
            guided=asked.guided,
            tokens=marked(cut(reply.tokens, start, end), asked.regex),
            seconds=self.taken.seconds,
            nano_usd=self.taken.nano_usd,
            energy_j=self.taken.energy_j,
        )

    async def _response(self, route: Route, asked: Question) -> Any:
        """LiteLLM's."""
        left_s = max(0.0, self.longest_s - self.watch.seconds)
        try:
            async with asyncio.timeout(min(route.timeout_s + GRACE_S, left_s)):
                return await self.router.acompletion(**self._arguments(route, asked))
        # LiteLLM raises its own classes, its clients' and bare ones; whatever it is, it is
        # this deployment that has failed.
        except Exception as error:
            self._under_way = None
            failure = model_error(error, route.name)
            if timed_out(error):
                self._book_lost(route, asked, failure)
            elif reached(error):
                self.taken.book(route.price, Usage(0, 0))
            raise failure from error

    def _asked(self, route: Route) -> Question:
        return question(self.request, route.guided, route.limits)

    def _book_lost(self, route: Route, asked: Question, failure: ModelError) -> None:
        """Book a try whose usage nobody will tell as the most that it may have taken.

        As many as there are deployments may be lost: what is held is for one each.
        """
        counted = self.count_tokens(model="", messages=asked.messages)
        usage = Usage(min(counted, asked.most_tokens), self.request.max_tokens)
        self.taken.book(route.price, usage)
        self.lost += 1
        failure.tokens_in, failure.tokens_out = usage.tokens_in, usage.tokens_out

    def _arguments(self, route: Route, asked: Question) -> dict[str, Any]:
        arguments: dict[str, Any] = {
            "model": route.id,
            "messages": asked.messages,
            "max_tokens": self.request.max_tokens,
            "temperature": self.request.temperature,
            "num_retries": 0,
            "drop_params": True,
            **asked.form,
        }
        if self.request.seed is not None:
            arguments["seed"] = self.request.seed
        if route.gives_logprobs:
            arguments["logprobs"] = True
            if self.request.alternatives:
                arguments["top_logprobs"] = min(self.request.alternatives, _MOST_ALTERNATIVES)
        return arguments

    def _estimate(self, model: str, asked: Question, reply: Answered) -> Usage:
        """Tokens of a deployment that does not count them, by LiteLLM's tokenizer.

        It may be another one than the deployment's: what cannot be is not counted.
        """
        told = self.count_tokens(model=model, messages=asked.messages)
        said = self.count_tokens(model=model, text=reply.content)
        return Usage(min(told, asked.most_tokens), min(said, self.request.max_tokens))


def _patience(error: ModelError) -> tuple[bool, float]:
    return not error.retryable, error.retry_after or 0


def _refuse_unfinished(route: Route, reply: Answered, usage: Usage, request: Request) -> None:
    name, told, said = route.name, usage.tokens_in, usage.tokens_out
    match reply.finish:
        case "length":
            message = f"The reply of {name!r} was cut off at {said} tokens."
            hint = f"The agent's 'max_tokens' is {request.max_tokens}."
            if said < request.max_tokens:
                hint = f"Prompt and reply filled the model's context: {told + said} tokens."
            raise Truncated(message, hint=hint, deployment=name, tokens_in=told, tokens_out=said)
        case "content_filter":
            message = f"The deployment {name!r} refused the content."
            raise Rejected(message, deployment=name, tokens_in=told, tokens_out=said)
        case "abort":
            message = f"The deployment {name!r} broke off its reply."
            raise Unreachable(message, deployment=name, tokens_in=told, tokens_out=said)
        case _:
            pass
