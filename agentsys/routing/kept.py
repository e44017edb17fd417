"""Stored routers: every version of a graph's, and which one its runs ask."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pydantic import TypeAdapter, ValidationError

from agentsys.errors import ModelError, StoreError
from agentsys.memory.embedder import Embedder
from agentsys.routing.router import FIRST, Begin, Router
from agentsys.routing.vectors import vectors_of
from agentsys.stores import Store
from agentsys.stores.base import Value
from agentsys.versions import InUse, Versions, digest_of

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Kept:
    """A router as the store has it."""

    router: Router
    shape: str
    """Digest of what the graph was made of."""
    about: dict[str, Any]
    """How it was fitted, and what came of it: JSON data."""


_KEPT: TypeAdapter[Kept] = TypeAdapter(Kept)


def kept_in(store: Store) -> Versions:
    """All versions that a store has."""
    return Versions(store, "routers", "router")


async def keep(store: Store, graph: str, kept: Kept) -> None:
    """Keep a version; what is in use stays in use."""
    data = _KEPT.dump_python(kept, mode="json")
    await kept_in(store).keep(graph, kept.router.version, data)


async def versions(store: Store, graph: str) -> dict[str, Kept]:
    """All versions of a graph, the oldest first."""
    values = await kept_in(store).of(graph)
    return {name: _kept(graph, name, value) for name, value in values.items()}


async def find(store: Store, graph: str, version: str) -> Kept:
    """A version of a graph.

    Raises:
        UnknownName: there is none of that name.
    """
    return _kept(graph, version, await kept_in(store).find(graph, version))


class Routers:
    """The routers that runs ask."""

    def __init__(self, store: Store | None, embedder: Embedder | None = None) -> None:
        """Look them up in a store.

        Args:
            store: Where they are; without one there are none.
            embedder: For those that were fitted on vectors.
        """
        self._in_use = InUse(None if store is None else kept_in(store), _kept)
        self._embedder = embedder

    async def of(self, graph: str, shape: Callable[[], str]) -> Router | None:
        """The one in use; `None` where there is none, or the graph has changed since the fit.

        Args:
            graph: Its name.
            shape: What it is made of.
        """
        kept = await self._in_use.of(graph)
        if kept is None:
            return None
        if kept.shape != digest_of(shape()):
            self._tell(graph, kept.router.version, "its definition has changed since")
            return None
        return kept.router

    async def said(self, router: Router | None, graph: str, text: Callable[[], str]) -> Begin:
        """Where a run begins; at the first tier where the router cannot be asked.

        Args:
            router: What is asked.
            graph: The graph's name.
            text: Of the task, as a model is shown it.
        """
        if router is None:
            return FIRST
        asked = text()
        if not router.embedder:
            return router.said(asked)
        if self._embedder is None or self._embedder.name != router.embedder:
            self._tell(graph, router.version, f"it needs the embeddings of {router.embedder!r}")
            return FIRST
        try:
            [vector] = await vectors_of([asked], self._embedder)
        except ModelError as error:
            _log.warning("the router %s of %r is not asked: %s", router.version, graph, error)
            return FIRST
        return router.said(asked, vector)

    def _tell(self, graph: str, version: str, why: str) -> None:
        if self._in_use.first_time(version):
            _log.warning(
                "the router %s of %r is not asked: %s. 'agentsys router fit' fits a new one.",
                version,
                graph,
                why,
            )


def _kept(graph: str, version: str, value: Value) -> Kept:
    try:
        return _KEPT.validate_python(value.data)
    except ValidationError as error:
        raise StoreError(
            f"The router {version!r} of {graph!r} is of another agentsys.",
            hint=f"Fit a new one, or 'agentsys router off --graph {graph}'.",
        ) from error
