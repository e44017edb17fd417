"""What was fitted for graphs, in a store: every version of it, and which one runs take."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import blake2b
from typing import Generic, TypeVar

from agentsys.errors import UnknownName
from agentsys.stores import Store
from agentsys.stores.base import Value

K = TypeVar("K")

FRESH_S = 1.0
"""After so many seconds it is looked up again which version is in use."""


def digest_of(shape: str) -> str:
    """Of a node's `shape`: what was fitted for another one is not for it."""
    return blake2b(shape.encode("utf-8", "backslashreplace"), digest_size=8).hexdigest()


@dataclass(frozen=True, slots=True)
class Versions:
    """All versions of one kind."""

    store: Store
    kind: str
    """Namespace of the version that is in use, by graph; a graph's versions are in `KIND:GRAPH`."""
    called: str
    """How a version is called where there is none of a name."""

    async def keep(self, graph: str, version: str, data: object) -> None:
        """Keep a version, as JSON data; what is in use stays in use."""
        await self.store.put(self._of(graph), version, data)

    async def of(self, graph: str) -> dict[str, Value]:
        """Those of a graph, the oldest first."""
        values = await self.store.values(self._of(graph))
        return dict(sorted(values.items(), key=lambda item: (item[1].written, item[0])))

    async def graphs(self) -> list[str]:
        """The graphs that have one."""
        return [space.removeprefix(self._of("")) for space in await self.store.spaces(self._of(""))]

    async def get(self, graph: str, version: str) -> Value | None:
        """One of a graph's; `None` where there is none of that name."""
        return await self.store.get(self._of(graph), version)

    async def find(self, graph: str, version: str) -> Value:
        """One of a graph's.

        Raises:
            UnknownName: there is none of that name.
        """
        value = await self.get(graph, version)
        if value is None:
            raise UnknownName(self.called, version, await self.store.values(self._of(graph)))
        return value

    async def use(self, graph: str, version: str) -> None:
        """Have runs of a graph take a version from now on; empty: none."""
        await self.store.put(self.kind, graph, {"version": version})

    async def in_use(self, graph: str) -> str:
        """The version that runs of a graph take; empty: none."""
        value = await self.store.get(self.kind, graph)
        return "" if value is None else str(value.data["version"])

    async def decided_since(self, graph: str, version: str) -> bool:
        """Whether something was put in use or out of use since a version was kept.

        Raises:
            UnknownName: there is none of that name.
        """
        kept, value = await self.find(graph, version), await self.store.get(self.kind, graph)
        return value is not None and value.written >= kept.written

    def _of(self, graph: str) -> str:
        return f"{self.kind}:{graph}"


class InUse(Generic[K]):
    """What runs take; what the store says is asked again after a second."""

    def __init__(self, versions: Versions | None, read: Callable[[str, str, Value], K]) -> None:
        """Look it up.

        Args:
            versions: Where; without them there is nothing.
            read: From a graph, a version and what is kept of it.
        """
        self._versions, self._read = versions, read
        self._known: dict[str, tuple[float, str, K | None]] = {}
        self._told: set[str] = set()

    async def of(self, graph: str) -> K | None:
        """What a graph's runs take; `None`: nothing."""
        if self._versions is None:
            return None
        since, before, kept = self._known.get(graph, (float("-inf"), "", None))
        if time.monotonic() - since > FRESH_S:
            now, version = time.monotonic(), await self._versions.in_use(graph)
            if version != before:
                value = await self._versions.get(graph, version) if version else None
                kept = None if value is None else self._read(graph, version, value)
            self._known[graph] = (now, version, kept)
        return kept

    def first_time(self, version: str) -> bool:
        """Whether nobody has been told of a version yet; now somebody has."""
        new = version not in self._told
        self._told.add(version)
        return new
