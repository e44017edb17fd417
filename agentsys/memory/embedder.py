"""The port of what turns texts into vectors, so that a search finds what is put differently."""

from collections.abc import Sequence
from typing import Protocol


class Embedder(Protocol):
    """A model that gives texts of like meaning vectors that point the same way."""

    @property
    def name(self) -> str:
        """The model with all that changes its vectors; those of two names are never compared."""
        ...

    async def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """One vector a text, in their order, all of one length.

        Raises:
            Rejected: the model does not take these texts.
            ModelError: it cannot be asked.
        """
        ...

    async def close(self) -> None:
        """Give back what the embedder holds; a second call does nothing."""
        ...
