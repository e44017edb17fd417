"""Models whose every call is put on record."""

import asyncio
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from os import PathLike
from pathlib import Path

from agentsys.deadline import has_run_out, left
from agentsys.errors import ModelError, StoreError, UnknownName
from agentsys.models.base import Model, Reply, Request
from agentsys.models.by_tier import ByTier
from agentsys.models.families import families
from agentsys.models.place import here
from agentsys.models.recorded.line import CutOff, Foreseen, Recorded, key_of
from agentsys.models.recorded.tape import Tape
from agentsys.models.stand_in import stands_in
from agentsys.money import Worst


class Recorder(ByTier):
    """The models of a system, recorded. A call is on record before its reply is given.

    So is the worst case of a request before a budget is told: that may refuse it.
    """

    def __init__(self, models: Mapping[str, Model], folder: str | PathLike[str]) -> None:
        """Go on with the recording in a folder, or begin it.

        Raises:
            StoreError: the folder cannot be written.
        """
        self._models = models
        self._tape = Tape(Path(folder))
        self._foreseen = set[tuple[str, bytes]]()

    def __getitem__(self, tier: str) -> Model:
        if tier not in self._models and not isinstance(self._models, ByTier):
            raise UnknownName("tier", tier, self._models)
        model, families = self._models[tier], self.families(tier)
        return _Recording(model, tier, families, self._tape, self._foreseen)

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

    def __init__(
        self,
        model: Model,
        tier: str,
        families: frozenset[str],
        tape: Tape,
        foreseen: set[tuple[str, bytes]],
    ) -> None:
        self._model = model
        self._tier = tier
        self._families = families
        self._tape = tape
        self._foreseen = foreseen
        """Worst cases on record whose request has not been asked."""

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
        began, limit_s = time.perf_counter(), left()
        try:
            outcome: Reply | ModelError = await self._model.ask(request)
        except ModelError as error:
            outcome = error
        except asyncio.CancelledError as error:
            after_s = time.perf_counter() - began
            cut = CutOff.of(error, after_s=after_s, limit_s=limit_s if has_run_out() else None)
            with suppress(StoreError):  # whoever cancels must not be kept from it
                self._write(request, worst, cut)
            raise
        self._write(request, worst, outcome)
        if isinstance(outcome, ModelError):
            raise outcome
        return outcome

    def worst(self, request: Request) -> Worst:
        """The model's; a budget that refuses it does so in a replay, too.

        Raises:
            StoreError: the recording cannot be written.
        """
        worst, key = self._model.worst(request), key_of(request)
        if (self._tier, key) not in self._foreseen:
            self._tape.write(Foreseen(self._tier, key, worst))
            self._foreseen.add((self._tier, key))
        return worst

    def _write(self, request: Request, worst: Worst, outcome: Reply | ModelError | CutOff) -> None:
        call = Recorded(self._tier, request, worst, outcome, self._families, here())
        self._tape.write(call)
        self._foreseen.discard((self._tier, call.key))

    async def close(self) -> None:
        """Close the model."""
        await self._model.close()
