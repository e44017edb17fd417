"""Stored routers: every version of a graph's, and which one its runs ask."""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pydantic import TypeAdapter, ValidationError

from agentsys.errors import ModelError, StoreError, UnknownName
from agentsys.memory.embedder import Embedder
from agentsys.plain import digest
from agentsys.routing.router import FIRST, Begin, Router
from agentsys.routing.vectors import vectors_of
from agentsys.stores import Store

FRESH_S = 1.0
"""After so many seconds it is looked up again which version is in use."""

_IN_USE = "routers"
"""Namespace of the version that is in use, by graph; those of a graph are in `routers:GRAPH`."""

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


def digest_of(shape: str) -> str:
    """Of a node's `shape`."""
    return digest(shape, str)


async def keep(store: Store, graph: str, kept: Kept) -> None:
    """Keep a version; what is in use stays in use."""
    data = _KEPT.dump_python(kept, mode="json")
    await store.put(f"{_IN_USE}:{graph}", kept.router.version, data)


async def versions(store: Store, graph: str) -> dict[str, Kept]:
    """All versions of a graph, the oldest first."""
    values = await store.values(f"{_IN_USE}:{graph}")
    return {name: _kept(graph, name, values[name].data) for name in sorted(values)}


async def find(store: Store, graph: str, version: str) -> Kept:
    """A version of a graph.

    Raises:
        UnknownName: there is none of that name.
    """
    value = await store.get(f"{_IN_USE}:{graph}", version)
    if value is None:
        raise UnknownName("router", version, await store.values(f"{_IN_USE}:{graph}"))
    return _kept(graph, version, value.data)


async def use(store: Store, graph: str, version: str) -> None:
    """Have runs of a graph ask a version from now on; empty: none."""
    await store.put(_IN_USE, graph, {"version": version})


async def in_use(store: Store, graph: str) -> str:
    """The version that runs of a graph ask; empty: none."""
    value = await store.get(_IN_USE, graph)
    return "" if value is None else str(value.data["version"])


class Routers:
    """The routers that runs ask; what the store says is asked again after a second."""

    def __init__(self, store: Store | None, embedder: Embedder | None = None) -> None:
        """Look them up in a store.

        Args:
            store: Where they are; without one there are none.
            embedder: For those that were fitted on vectors.
        """
        self._store, self._embedder = store, embedder
        self._known: dict[str, tuple[float, Kept | None]] = {}
        self._told: set[str] = set()

    async def said(self, graph: str, shape: Callable[[], str], text: Callable[[], str]) -> Begin:
        """Where a run begins; at the first tier where the graph has changed since the fit.

        Args:
            graph: Its name.
            shape: What it is made of.
            text: Of the task, as a model is shown it.
        """
        kept = await self._looked_up(graph)
        if kept is None:
            return FIRST
        if kept.shape != digest_of(shape()):
            self._tell(graph, kept.router.version, "its definition has changed since")
            return FIRST
        router, asked = kept.router, text()
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

    async def _looked_up(self, graph: str) -> Kept | None:
        if self._store is None:
            return None
        since, kept = self._known.get(graph, (float("-inf"), None))
        if time.monotonic() - since > FRESH_S:
            now, version = time.monotonic(), await in_use(self._store, graph)
            if kept is None or kept.router.version != version:
                kept = await find(self._store, graph, version) if version else None
            self._known[graph] = (now, kept)
        return kept

    def _tell(self, graph: str, version: str, why: str) -> None:
        if version not in self._told:
            self._told.add(version)
            _log.warning(
                "the router %s of %r is not asked: %s. 'agentsys router fit' fits a new one.",
                version,
                graph,
                why,
            )


def _kept(graph: str, version: str, data: Any) -> Kept:
    try:
        return _KEPT.validate_python(data)
    except ValidationError as error:
        raise StoreError(
            f"The router {version!r} of {graph!r} is of another agentsys.",
            hint=f"Fit a new one, or 'agentsys router off --graph {graph}'.",
        ) from error
