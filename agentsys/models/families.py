"""What the models behind a tier descend from: models of one family err alike."""

from collections.abc import Mapping
from typing import Protocol, runtime_checkable

from agentsys.models.base import Model
from agentsys.models.by_tier import ByTier


@runtime_checkable
class Descendant(Protocol):
    """A model that says what it descends from; a `Model` need not."""

    @property
    def family(self) -> str:
        """Empty where it is not known."""
        ...


def families(models: Mapping[str, Model], tier: str) -> frozenset[str]:
    """Of all deployments of a tier; empty where nothing is known of them."""
    if isinstance(models, ByTier):
        return models.families(tier)
    model = models.get(tier)
    return frozenset({model.family} - {""}) if isinstance(model, Descendant) else frozenset()
