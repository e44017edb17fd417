"""The deployments of one tier behind LiteLLM's Router, as one model."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from agentsys.errors import ModelError
from agentsys.guide import Limits
from agentsys.models.asking import GRACE_S, Asking, Route
from agentsys.models.base import Guided, Reply, Request
from agentsys.models.chat import question
from agentsys.money import Price, Worst
from agentsys.rates import Rates
from agentsys.retry import RetryPolicy, with_retries


class Connections(Protocol):
    """LiteLLM's Router, which several tiers share."""

    router: Any

    async def leave(self, tier: str) -> None:
        """Close it with the last tier."""
        ...


class LiteLLMTier:
    """The deployments of one tier. Made by `router_models`.

    A request goes to one deployment that has room; on a transport error to the others, each once;
    then, after a wait, round again. `Reply.seconds` and `Reply.nano_usd` count what servers worked
    in all of that, without the waits.
    """

    def __init__(
        self,
        pool: Connections,
        count_tokens: Callable[..., int],
        tier: str,
        routes: Sequence[Route],
        rates: Rates,
        policy: RetryPolicy,
    ) -> None:
        self._pool = pool
        self._count_tokens = count_tokens
        self._tier = tier
        self._routes = tuple(routes)
        self._rates = rates
        self._policy = policy
        self._longest_s = max(
            policy.total_s, sum(route.timeout_s + GRACE_S for route in self._routes)
        )
        self._ways: set[tuple[Guided, Limits]] = {(r.guided, r.limits) for r in self._routes}
        self._price = _highest([route.price for route in self._routes])
        self._unseen = 0

    async def ask(self, request: Request) -> Reply:
        """The reply of the first deployment that gives one.

        Raises:
            ModelError: of the deployment that may be asked again soonest, with what all tries took.
            Cancelled: with what all tries had taken by then.
            StoreError: the store in which rate limits are counted cannot be used.
        """
        asking = Asking(
            self._pool.router,
            self._count_tokens,
            self._tier,
            self._routes,
            self._rates,
            request,
            self._longest_s,
        )
        try:
            reply = await with_retries(asking.round, self._policy, watch=asking.watch)
        except ModelError as error:
            error.nano_usd, error.seconds = asking.taken.nano_usd, asking.taken.seconds
            error.energy_j = asking.taken.energy_j
            raise
        except asyncio.CancelledError as error:
            raise asking.cancelled() from error
        self._unseen = max(self._unseen, reply.usage.tokens_in - self._most_tokens(request))
        return reply

    def worst(self, request: Request) -> Worst:
        """Every try together until the last is given up, and a prompt of one token a byte.

        The bound on the prompt is two to four times what English takes. It holds for all tokenizers
        in use; what a server adds beyond the usual (a long system message of its own) is not known
        before its first reply, and counted from then on.
        """
        return Worst(
            self._most_tokens(request) + self._unseen,
            self._longest_s,
            self._price,
            tries=len(self._routes),
        )

    def _most_tokens(self, request: Request) -> int:
        return max(question(request, *way).most_tokens for way in self._ways)

    async def close(self) -> None:
        """Give back the connections when the last tier of the router is closed."""
        await self._pool.leave(self._tier)


def _highest(prices: Sequence[Price]) -> Price:
    """The highest of each rate."""
    return Price(
        usd_per_mtok_in=max(price.usd_per_mtok_in for price in prices),
        usd_per_mtok_out=max(price.usd_per_mtok_out for price in prices),
        usd_per_hour=max(price.most_usd_per_hour for price in prices),
    )
