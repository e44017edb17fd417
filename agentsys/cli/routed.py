"""Stored routers as a command finds them: in the configured store, with what is known of graphs."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from agentsys.errors import UserError

if TYPE_CHECKING:
    from agentsys.ledger import Ledger
    from agentsys.memory.embedder import Embedder
    from agentsys.stores import Store

T = TypeVar("T")


@dataclass(frozen=True)
class Here:
    """What is configured."""

    store: "Store"
    ledger: "Ledger"
    embedder: "Embedder | None"


def with_store(config: str | None, work: "Callable[[Here], Awaitable[T]]") -> T:
    """What is done with the configured store and the ledger in it."""
    from agentsys.ledger import Ledger
    from agentsys.models.embedding import embedder
    from agentsys.settings import Settings
    from agentsys.stores import open_store

    settings = Settings.load(config)

    async def done() -> T:
        store, embeds = open_store(settings.store_url), embedder(settings)
        try:
            return await work(Here(store, Ledger(store), embeds))
        finally:
            await store.close()
            if embeds is not None:
                await embeds.close()

    return asyncio.run(done())


async def listed(store: "Store", graph: str) -> list[dict[str, Any]]:
    """The routers of a graph as JSON data, the oldest first."""
    from agentsys.routing.kept import kept_in, versions

    asked = await kept_in(store).in_use(graph)
    return [
        {
            "version": name,
            "graph": graph,
            "in_use": name == asked,
            "begin": kept.router.begin,
            "below": kept.router.below,
            "labels": kept.about.get("labels"),
        }
        for name, kept in (await versions(store, graph)).items()
    ]


def require_graph(graph: str, known: list[str]) -> None:
    """Refuse a graph that is not there, unless it has had a router: then it once was.

    Raises:
        UnknownName: it is not.
    """
    from agentsys.project import find_graph

    if graph not in known:
        find_graph(graph)


async def refuse_that_of_another(store: "Store", version: str, graph: str) -> None:
    """Refuse a version that another graph has, and say which.

    Raises:
        UserError: it does.
    """
    from agentsys.routing.kept import kept_in

    kept = kept_in(store)
    having = [name for name in await kept.graphs() if await kept.get(name, version)]
    if having and graph not in having:
        raise UserError(
            f"The router {version!r} is one of {having[0]!r}, not of {graph!r}.",
            hint=f"Say so: agentsys router use {version} --graph {having[0]}",
        )
