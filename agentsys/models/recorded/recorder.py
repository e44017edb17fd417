"""Models whose every call is put on record."""

from collections.abc import Iterator, Mapping
from os import PathLike
from pathlib import Path

from agentsys.errors import ModelError, UnknownName
from agentsys.models.base import Model, Reply, Request
from agentsys.models.by_tier import ByTier
from agentsys.models.families import families
from agentsys.models.recorded.line import Recorded
from agentsys.models.recorded.tape import Tape
from agentsys.models.stand_in import stands_in
from agentsys.money import Worst


class Recorder(ByTier):
    """The models of a system, recorded. A call is on record before its reply is given.

    A call that was cancelled has no outcome and is left out.
    """

    def __init__(self, models: Mapping[str, Model], folder: str | PathLike[str]) -> None:
        """Go on with the recording in a folder, or begin it.

        Raises:
            StoreError: the folder cannot be written.
        """
        self._models = models
        self._tape = Tape(Path(folder))

    def __getitem__(self, tier: str) -> Model:
        if tier not in self._models and not isinstance(self._models, ByTier):
            raise UnknownName("tier", tier, self._models)
        return _Recording(self._models[tier], tier, self.families(tier), self._tape)

    def __contains__(self, tier: object) -> bool:
        return tier in self._models

    def __iter__(self) -> Iterator[str]:
        return iter(self._models)

    def __len__(self) -> int:
        return len(self._models)

    def families(self, tier: str) -> frozenset[str]:
        """Those of the models that are recorded."""
        return families(self._models, tier)

    async def close(self) -> None:
        """Close the models and the recording."""
        self._tape.close()
        if isinstance(self._models, ByTier):
            await self._models.close()
            return
        for model in self._models.values():
            await model.close()


class _Recording:
    """One tier's model, recorded."""

    def __init__(self, model: Model, tier: str, families: frozenset[str], tape: Tape) -> None:
        self._model = model
        self._tier = tier
        self._families = families
        self._tape = tape

    @property
    def stands_in(self) -> bool:
        """As the model does."""
        return stands_in(self._model)

    async def ask(self, request: Request) -> Reply:
        """The model's reply.

        Raises:
            ModelError: as the model does; that is on record, too.
            StoreError: the recording cannot be written.
        """
        worst = self._model.worst(request)
        try:
            outcome: Reply | ModelError = await self._model.ask(request)
        except ModelError as error:
            outcome = error
        self._tape.write(Recorded(self._tier, request, worst, outcome, self._families))
        if isinstance(outcome, ModelError):
            raise outcome
        return outcome

    def worst(self, request: Request) -> Worst:
        """The model's."""
        return self._model.worst(request)

    async def close(self) -> None:
        """Close the model."""
        await self._model.close()
