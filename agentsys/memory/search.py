"""Finding entries: by words, and by meaning where there is an embedder."""

import asyncio
import logging
from collections.abc import Iterable, Sequence

from agentsys.errors import ModelError
from agentsys.memory.entry import Entry
from agentsys.memory.latest import Latest
from agentsys.memory.vectors import Vectors
from agentsys.retrieval import Retrieval

MAX_QUERY = 1_000
"""Characters of a query."""
MAX_RESULTS = 50
"""Entries that a search gives."""

_KEPT = 32
"""Indexes that are kept: of the memories that were searched last."""
_FLAT = 60
"""The constant of reciprocal rank fusion (Cormack, Clarke and Buettcher 2009)."""

_log = logging.getLogger(__name__)

_State = list[tuple[str, str, int]]
"""Which entries of which version are in an index."""


class Search:
    """Searches in entries, and keeps the index of them until one changes."""

    def __init__(self, vectors: Vectors | None) -> None:
        self._vectors = vectors
        self._indexes: Latest[tuple[_State, Retrieval]] = Latest(_KEPT)

    async def top(
        self, tenant: str, team: str, entries: Sequence[Entry], query: str, limit: int
    ) -> list[Entry]:
        """Those of the entries, which are all that this team sees, that fit best, best first."""
        if not entries or not query.strip():
            return []
        rankings = [await asyncio.to_thread(self._by_words, (tenant, team), entries, query)]
        if self._vectors is not None:
            try:
                rankings.append(await self._vectors.ranking(entries, query, MAX_RESULTS))
            except ModelError as error:
                # Half a search is better than none: who searches cannot mend the server.
                _log.warning("shared memory was searched by words alone: %s", error)
        return [entries[at] for at in _fused(rankings)[:limit]]

    def _by_words(self, place: tuple[str, str], entries: Sequence[Entry], query: str) -> list[int]:
        state = [(each.team, each.key, each.version) for each in entries]
        kept = self._indexes.get(place)
        if kept is None or kept[0] != state:
            kept = state, Retrieval([each.passage for each in entries])
            self._indexes.keep(place, kept)
        return kept[1].ranking(query, MAX_RESULTS)


def _fused(rankings: Iterable[Sequence[int]]) -> list[int]:
    """One ranking out of several, by reciprocal rank fusion."""
    scores: dict[int, float] = {}
    for ranking in rankings:
        for rank, at in enumerate(ranking, start=1):
            scores[at] = scores.get(at, 0) + 1 / (_FLAT + rank)
    return sorted(scores, key=lambda at: -scores[at])
