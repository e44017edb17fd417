"""Models that ask nobody: recordings, for which nothing is paid."""

from typing import Protocol, runtime_checkable

from agentsys.models.base import Model


@runtime_checkable
class StandIn(Protocol):
    """A model that says whether it stands in for another one; a `Model` need not."""

    @property
    def stands_in(self) -> bool:
        """Whether what a call costs is on record, and is not paid."""
        ...


def stands_in(model: Model) -> bool:
    """Whether a model's calls are not paid, because a record answers them."""
    return isinstance(model, StandIn) and model.stands_in
