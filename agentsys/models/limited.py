"""A model in this process that may be asked only so fast."""

from agentsys.models.base import Model, Reply, Request
from agentsys.money import Worst
from agentsys.rates import Rates
from agentsys.settings import Deployment

_QUEUE = 2
"""A place is held for so many times `timeout_s`: the engine may have others to finish first."""


class Limited:
    """A model that keeps its deployment's rate limits. Waiting costs nothing."""

    def __init__(self, model: Model, deployment: Deployment, rates: Rates) -> None:
        self._model = model
        self._deployment = deployment
        self._rates = rates

    async def ask(self, request: Request) -> Reply:
        """The model's reply, once there is a place.

        Raises:
            RateLimited: there was none for too long.
            ModelError: as the model does.
            StoreError: the store in which places are counted cannot be used.
        """
        place = self._rates.place(
            [self._deployment.name],
            tokens=self.worst(request).spend(request.max_tokens).tokens,
            lease_s=_QUEUE * self._deployment.timeout_s,
        )
        async with place as taken:
            reply = await self._model.ask(request)
            taken.tokens = reply.usage.tokens_in + reply.usage.tokens_out
            return reply

    def worst(self, request: Request) -> Worst:
        """The model's."""
        return self._model.worst(request)

    async def close(self) -> None:
        """Close the model."""
        await self._model.close()
