"""The vectors of entries, kept in the store beside them, with the name of their model.

They are made when a search first needs them. NumPy is imported then.
"""

from array import array
from base64 import b64decode, b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby

from agentsys.errors import Rejected
from agentsys.memory.embedder import Embedder
from agentsys.memory.entry import Entry, namespace
from agentsys.memory.latest import Latest
from agentsys.stores.base import Values

BATCH = 32
"""Texts of one request: servers that bound it allow no fewer."""
REFUSALS = (400, 413, 422)
"""HTTP statuses that mean a text, not the key or the server."""
MAX_EMBEDDED = 2_000
"""Characters of an entry that are embedded: about what a small model (512 tokens) takes."""

_KEPT = 32
"""Memories whose vectors are kept in this process."""


@dataclass(frozen=True, slots=True)
class _Known:
    """The vector of one version of an entry; `None` where the model refused its text."""

    version: int
    vector: "array[float] | None"

    def fits(self, version: int, length: int) -> bool:
        return self.version == version and (self.vector is None or len(self.vector) == length)


class Vectors:
    """Ranks entries by the likeness of their vectors to a query's."""

    def __init__(self, values: Values, embedder: Embedder) -> None:
        self._values = values
        self._embedder = embedder
        self._kept: Latest[dict[str, _Known]] = Latest(_KEPT)

    async def ranking(self, entries: Sequence[Entry], query: str, limit: int) -> list[int]:
        """The places of the entries nearest to the query, nearest first.

        Raises:
            ModelError: the query cannot be embedded, or nothing can.
        """
        [asked] = await self._embedder.embed([query])
        known: list[_Known] = []
        for _, group in groupby(entries, key=lambda each: each.team):
            known += await self._of(list(group), len(asked))
        vectors = {
            at: each.vector
            for at, each in enumerate(known)
            if each.vector is not None and len(each.vector) == len(asked)
        }
        places = list(vectors)
        return [places[near] for near in _nearest(list(vectors.values()), asked, limit)]

    async def _of(self, entries: Sequence[Entry], length: int) -> list[_Known]:
        """The vectors of the entries of one memory; those that are missing are made."""
        space = namespace("vectors", entries[0].tenant, entries[0].team)
        known = self._kept.get(space) or {}
        if _missing(entries, known, length):
            known = known | await self._stored(space, entries)
        missing = _missing(entries, known, length)
        for start in range(0, len(missing), BATCH):
            batch = missing[start : start + BATCH]
            for each, vector in zip(batch, await self._embedded(batch), strict=True):
                known[each.key] = _Known(each.version, vector)
                if vector is not None:
                    await self._store(space, each, vector)
        known = {each.key: known[each.key] for each in entries}
        self._kept.keep(space, known)
        return list(known.values())

    async def _embedded(self, entries: Sequence[Entry]) -> "list[array[float] | None]":
        try:
            vectors = await self._embedder.embed([each.passage[:MAX_EMBEDDED] for each in entries])
        except Rejected as error:
            # One text that the model does not take must not keep the others from being found.
            if error.status not in REFUSALS:
                raise
            if len(entries) == 1:
                return [None]
            return [vector for each in entries for vector in await self._embedded([each])]
        return [array("f", vector) for vector in vectors]

    async def _stored(self, space: str, entries: Sequence[Entry]) -> dict[str, _Known]:
        """What the store has of this model; what belongs to no entry any more is taken away."""
        known: dict[str, _Known] = {}
        keys = {each.key for each in entries}
        for key, value in (await self._values.values(space)).items():
            if key not in keys:
                await self._values.delete(space, key, expected=value.version)
                continue
            match value.data:
                case {"model": name, "version": int(version), "vector": str(vector)}:
                    if name == self._embedder.name:
                        known[key] = _Known(version, array("f", b64decode(vector)))
                case _:
                    pass  # of another agentsys
        return known

    async def _store(self, space: str, each: Entry, vector: "array[float]") -> None:
        left = None
        if each.expires is not None:
            left = (each.expires - datetime.now(UTC)).total_seconds()
            if left <= 0:
                return
        data = {
            "model": self._embedder.name,
            "version": each.version,
            "vector": b64encode(vector.tobytes()).decode(),
        }
        await self._values.put(space, each.key, data, ttl=left)


def _missing(entries: Sequence[Entry], known: dict[str, _Known], length: int) -> list[Entry]:
    return [
        each
        for each in entries
        if (have := known.get(each.key)) is None or not have.fits(each.version, length)
    ]


def _nearest(vectors: "Sequence[array[float]]", asked: Sequence[float], limit: int) -> list[int]:
    """The places of the vectors with the largest cosine to the one asked for."""
    if not vectors:
        return []
    import numpy as np

    flat = np.frombuffer(b"".join(vectors), dtype=np.float32)
    matrix, query = flat.reshape(len(vectors), -1), np.array(asked, dtype=np.float32)
    lengths = np.linalg.norm(matrix, axis=1) * np.linalg.norm(query)
    cosines = (matrix @ query) / np.maximum(lengths, np.finfo(np.float32).tiny)
    return np.argsort(-cosines, kind="stable")[:limit].tolist()
