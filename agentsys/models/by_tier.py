"""The models of a system, one a tier, each made when it is first asked for."""

from abc import abstractmethod
from collections.abc import Mapping

from agentsys.models.base import Model


class ByTier(Mapping[str, Model]):
    """Models that are made as they are asked for, and closed together."""

    @abstractmethod
    def families(self, tier: str) -> frozenset[str]:
        """What the models behind a tier descend from; empty where nothing is known of them."""

    @abstractmethod
    async def close(self) -> None:
        """Close the models that were made; asked for again, they are made anew."""
