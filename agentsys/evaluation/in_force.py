"""Which thresholds and which router the runs of a bench take: the same from its begin to its end.

What is in use is looked up once, when a bench begins. However often it is stopped, and whatever is
put in use meanwhile, all its runs take what the first one took.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from agentsys.errors import UserError
from agentsys.node import Node
from agentsys.routing import Router
from agentsys.routing import versions as routers
from agentsys.stores import Store
from agentsys.system import System
from agentsys.thresholds import DEFINED, Thresholds, versions
from agentsys.versions import digest_of

Names = dict[str, dict[str, str]]
"""By graph, of `thresholds` and of the `router`: the version; empty: none."""


@dataclass(frozen=True, slots=True)
class InForce:
    """What all runs of a graph take."""

    thresholds: Thresholds
    router: Router | None = None

    @property
    def names(self) -> dict[str, str]:
        """The versions, as JSON data."""
        router = "" if self.router is None else self.router.version
        return {"thresholds": self.thresholds.version, "router": router}


async def now(
    graphs: Mapping[str, Node[Any, Any]], given: Mapping[str, Thresholds], system: System
) -> dict[str, InForce]:
    """What is in use; a graph that is given thresholds takes those, and no router."""
    found: dict[str, InForce] = {}
    for name, node in graphs.items():
        own = given.get(name)
        found[name] = InForce(*await system.in_force(name, node)) if own is None else InForce(own)
    return found


async def again(
    names: Names,
    graphs: Mapping[str, Node[Any, Any]],
    given: Mapping[str, Thresholds],
    store: Store,
) -> dict[str, InForce]:
    """What a bench was begun with.

    Raises:
        UserError: the store has it no more, a graph has changed since, or others are given.
    """
    found: dict[str, InForce] = {}
    for name, node in graphs.items():
        had = names.get(name, {})
        version, router = had.get("thresholds", ""), had.get("router", "")
        own = given.get(name)
        if own is not None and own.version != version:
            raise _refused(name, f"thresholds {version or 'as defined'}", "others are given")
        if own is None:
            own = await _thresholds(store, name, version, node) if version else DEFINED
        asked = await _router(store, name, router, node) if router else None
        found[name] = InForce(own, asked)
    return found


async def _thresholds(store: Store, graph: str, version: str, node: Node[Any, Any]) -> Thresholds:
    for kept in await versions(store, graph):
        if kept.thresholds.version == version:
            _require_shape(graph, f"thresholds {version}", kept.shape, node)
            return kept.thresholds
    raise _refused(graph, f"thresholds {version}", "the store has them no more")


async def _router(store: Store, graph: str, version: str, node: Node[Any, Any]) -> Router:
    kept = (await routers(store, graph)).get(version)
    if kept is None:
        raise _refused(graph, f"router {version}", "the store has it no more")
    _require_shape(graph, f"router {version}", kept.shape, node)
    return kept.router


def _require_shape(graph: str, what: str, shape: str, node: Node[Any, Any]) -> None:
    if shape != digest_of(node.shape):
        raise _refused(graph, what, "its definition has changed since")


def _refused(graph: str, what: str, why: str) -> UserError:
    return UserError(
        f"The bench was begun with the {what} of {graph!r}, and {why}.",
        hint="Put it back as it was, or begin another bench.",
    )
