"""What an embedder makes of texts."""

from collections.abc import Sequence
from math import hypot

from agentsys.memory.embedder import Embedder
from agentsys.memory.vectors import BATCH, MAX_EMBEDDED


async def vectors_of(texts: Sequence[str], embedder: Embedder) -> list[list[float]]:
    """A vector of length 1 for each text, of whose beginning it is.

    Raises:
        ModelError: the embedder cannot be asked, or does not take a text.
    """
    found: list[list[float]] = []
    for start in range(0, len(texts), BATCH):
        cut = [text[:MAX_EMBEDDED] for text in texts[start : start + BATCH]]
        for vector in await embedder.embed(cut):
            length = hypot(*vector) or 1.0
            found.append([number / length for number in vector])
    return found
