"""Embeddings of texts by any provider that LiteLLM reaches, for searches of shared memory."""

import asyncio
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from agentsys.errors import Unreachable
from agentsys.models.failures import model_error
from agentsys.settings import Settings

if TYPE_CHECKING:
    from agentsys.models.litellm import Pool

_TIMEOUT_S = 10
"""A search has its words to fall back on: it does not wait long for a server."""
_GRACE_S = 1
"""A server that drips a reply can outlive LiteLLM's timeout, which counts from byte to byte."""


class LiteLLMEmbedder:
    """A model that embeds texts; LiteLLM is imported at the first of them."""

    def __init__(self, params: Mapping[str, Any]) -> None:
        """Embed by what LiteLLM's keys name: `model`, `api_base`, `api_key`, …."""
        self._params: dict[str, Any] = {"timeout": _TIMEOUT_S, **params}
        self._pool: Pool | None = None

    @property
    def name(self) -> str:
        """The model, and the length of its vectors where that was chosen."""
        model, dimensions = self._params["model"], self._params.get("dimensions")
        return model if dimensions is None else f"{model} ({dimensions})"

    async def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """One vector a text, from one request; nothing is tried twice.

        Raises:
            SettingsError: LiteLLM does not know the provider, or a key is not set.
            Rejected: the server does not take these texts, or this key.
            ModelError: it cannot be asked, or it answered with something else.
        """
        from agentsys.models.litellm import EMBEDDING, embedding_pool

        if self._pool is None:
            self._pool = embedding_pool(self._params)
        try:
            async with asyncio.timeout(self._params["timeout"] + _GRACE_S):
                response = await self._pool.router.aembedding(
                    model=EMBEDDING, input=list(texts), num_retries=0
                )
        # LiteLLM raises its own classes, its clients' and bare ones.
        except Exception as error:
            raise model_error(error, self.name) from error
        vectors = _vectors(response, len(texts))
        if vectors is None:
            raise Unreachable(
                f"The deployment {self.name!r} answered with something that is no embedding.",
                deployment=self.name,
            )
        return vectors

    async def close(self) -> None:
        """Give back the connections; a second call does nothing."""
        from agentsys.models.litellm import EMBEDDING

        pool, self._pool = self._pool, None
        if pool is not None:
            await pool.leave(EMBEDDING)


def embedder(settings: Settings) -> LiteLLMEmbedder | None:
    """What `[memory] embedding` names; `None` where it names nothing."""
    params = settings.memory.embedding
    return None if params is None else LiteLLMEmbedder(params)


def _vectors(response: Any, count: int) -> list[list[float]] | None:
    """The vectors in the order of their texts; `None` where they are not what was asked for."""
    try:
        data = sorted(response.data, key=lambda part: part["index"])
        vectors = [[float(number) for number in part["embedding"]] for part in data]
    except (AttributeError, KeyError, TypeError, ValueError):
        return None
    lengths = {len(vector) for vector in vectors}
    if len(vectors) != count or len(lengths) != 1 or 0 in lengths:
        return None
    finite = all(math.isfinite(number) for vector in vectors for number in vector)
    return vectors if finite else None
