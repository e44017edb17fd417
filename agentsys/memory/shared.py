"""Memories of tenants and teams, in a store that all processes share."""

from typing import Any

from agentsys.errors import UserError
from agentsys.memory.answers import Answers, Turns
from agentsys.memory.embedder import Embedder
from agentsys.memory.entry import Entry, check_key, entry, namespace, record
from agentsys.memory.search import MAX_QUERY, MAX_RESULTS, Search
from agentsys.memory.vectors import Vectors
from agentsys.stores.base import Values

MAX_TTL_S = 100 * 365 * 86400
"""A hundred years."""


class SharedMemory:
    """The memories of all tenants and teams in a store."""

    def __init__(self, store: Values, embedder: Embedder | None = None) -> None:
        """Keep them in the store, which is left open.

        Args:
            store: Where entries are kept.
            embedder: Lets a search find what has none of its words; `None`: words decide.
        """
        self._values = store
        self.embedder = embedder
        self._search = Search(None if embedder is None else Vectors(store, embedder))
        self._turns = Turns()

    def of(self, tenant: str = "", team: str = "", *, node: str = "", run_id: str = "") -> "Memory":
        """The memory of a tenant, or of one of its teams.

        Args:
            tenant: Any text; tenants with different names have nothing in common.
            team: Likewise within a tenant; empty: the tenant's own memory.
            node: Who writes to it.
            run_id: In which run.
        """
        return Memory(self._values, self._search, tenant, team, node=node, run_id=run_id)

    def answers(self, tenant: str = "", team: str = "") -> Answers:
        """What was worked out for a tenant, or for one of its teams, and holds for a time."""
        return Answers(self._values, self._turns, tenant, team)

    async def close(self) -> None:
        """Give back the embedder's connections."""
        if self.embedder is not None:
            await self.embedder.close()


class Memory:
    """Entries under keys, of one tenant or of one of its teams. Made by `SharedMemory.of`.

    A search looks in the team's memory and in its tenant's; everything else concerns this one
    alone. Expired entries are not there. All methods raise `StoreError` where the store cannot be
    used.
    """

    def __init__(
        self, values: Values, search: Search, tenant: str, team: str, *, node: str, run_id: str
    ) -> None:
        self.tenant = tenant
        self.team = team
        self._values = values
        self._search = search
        self._node = node
        self._run_id = run_id
        self._space = namespace("memory", tenant, team)
        self._vectors = namespace("vectors", tenant, team)

    async def set(
        self, key: str, content: Any, *, ttl: float | None = None, expected: int | None = None
    ) -> int | None:
        """Remember; gives the entry's new version, or `None` where it was not as expected.

        Args:
            key: One line of at most 200 characters.
            content: Text or other JSON, at most 10,000 characters.
            ttl: Seconds until it expires; `None`: never.
            expected: Set it only where this is the version now; `ABSENT`: where there is none.

        Raises:
            UserError: key, content or `ttl` cannot be used.
        """
        check_key(key)
        if ttl is not None and not 0 < ttl <= MAX_TTL_S:
            raise UserError(
                f"'ttl' is seconds to live, so it cannot be {ttl!r}.",
                hint="Leave it out for what is to be kept for ever.",
            )
        data = record(content, self._node, self._run_id)
        version = await self._values.put(self._space, key, data, ttl=ttl, expected=expected)
        if version is not None:
            await self._values.delete(self._vectors, key)
        return version

    async def get(self, key: str) -> Entry | None:
        """The entry of a key; `None` where there is none."""
        check_key(key)
        value = await self._values.get(self._space, key)
        return None if value is None else entry(self.tenant, self.team, key, value)

    async def delete(self, key: str, *, expected: int | None = None) -> bool:
        """Forget; whether there was such an entry (of the expected version)."""
        check_key(key)
        deleted = await self._values.delete(self._space, key, expected=expected)
        if deleted:
            # Nothing that can be computed from what was forgotten stays behind.
            await self._values.delete(self._vectors, key)
        return deleted

    async def entries(self) -> list[Entry]:
        """All entries, sorted by key."""
        found = await self._values.values(self._space)
        return [entry(self.tenant, self.team, key, value) for key, value in found.items()]

    async def search(self, query: str, limit: int = 5) -> list[Entry]:
        """The entries that fit the query best, best first: the team's and its tenant's.

        By words (BM25), none without a word of the query; with an embedder also by meaning, the
        two rankings fused.

        Args:
            query: At most 1,000 characters.
            limit: At most so many entries, 1 to 50.

        Raises:
            UserError: the query is too long, or the limit out of bounds.
        """
        if len(query) > MAX_QUERY:
            raise UserError(f"The query has {len(query):,} characters; {MAX_QUERY:,} are allowed.")
        if not 1 <= limit <= MAX_RESULTS:
            raise UserError(f"A search gives 1 to {MAX_RESULTS} entries, not {limit}.")
        entries = await self.entries()
        if self.team:
            above = Memory(self._values, self._search, self.tenant, "", node="", run_id="")
            entries += await above.entries()
        return await self._search.top(self.tenant, self.team, entries, query, limit)
