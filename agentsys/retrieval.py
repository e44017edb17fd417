"""Search in a list of passages by BM25. The one importer of bm25s."""

from collections.abc import Sequence
from typing import Any, cast


class Retrieval:
    """An index over passages. Made once, then read by any number of threads."""

    def __init__(self, passages: Sequence[str]) -> None:
        """Index the passages; 300 take 30 ms, after the import of bm25s."""
        bm25s = _bm25s()
        self._passages = tuple(passages)
        words = _words(self._passages)
        self._index: Any = bm25s.BM25() if any(words) else None
        if self._index is not None:
            self._index.index(words, show_progress=False)

    def top(self, query: str, limit: int = 3) -> list[str]:
        """The passages that fit the query best, best first; none that has no word of it."""
        return [self._passages[at] for at in self.ranking(query, limit)]

    def ranking(self, query: str, limit: int) -> list[int]:
        """The places of those passages, from 0."""
        [words] = _words([query])
        if not words or self._index is None:
            return []
        scores = cast(list[float], self._index.get_scores(words).tolist())
        ranked = sorted(range(len(scores)), key=lambda at: -scores[at])
        return [at for at in ranked[:limit] if scores[at] > 0]


def _words(texts: Sequence[str]) -> list[list[str]]:
    if not texts:
        return []
    words = _bm25s().tokenize(
        list(texts), stopwords="en", return_ids=False, show_progress=False, allow_empty=False
    )
    return [[word for word in each if word] for each in words]


def _bm25s() -> Any:
    """The library, imported at the first index: it brings SciPy along."""
    import bm25s

    return bm25s
