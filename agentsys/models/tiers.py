"""The models of a configuration, one a tier."""

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

from agentsys.errors import SettingsError, UnknownName
from agentsys.models.base import Model
from agentsys.models.by_tier import ByTier
from agentsys.models.machine import machines
from agentsys.rates import Rates, Room
from agentsys.settings import DEFAULT_FILE, Deployment, Settings
from agentsys.stores.base import Gates

if TYPE_CHECKING:
    from agentsys.models.recorded.replay import Replay


class Tiers(ByTier):
    """The model of each tier, made when it is first asked for.

    A tier is one GGUF file, run in this process, or one recording, or any number of deployments
    behind LiteLLM's Router, which is imported only for those.
    """

    def __init__(self, settings: Settings, store: Gates | None = None) -> None:
        """Check which deployments stand behind which tier; nothing is loaded.

        Args:
            settings: The configuration.
            store: Where the requests that rate limits count are counted, by all processes; without
                one, limits hold within this process.

        Raises:
            SettingsError: a tier mixes kinds, or has two GGUF files or recordings.
        """
        self._settings = settings
        self._names = settings.tier_names()
        self._made: dict[str, Model] = {}
        self._replays: dict[str, Replay] = {}
        self._machines = machines(settings.deployments)
        self._rates = Rates(settings.limits, store, self._rooms())
        for tier in self._names:
            _refuse_mixture(settings, tier, self._of(tier))

    def families(self, tier: str) -> frozenset[str]:
        """What the models behind a tier descend from; of a recording, what is on record."""
        told = frozenset(each.base for each in self._of(tier) if each.base)
        return told or (self._replay(tier).families(tier) if self._recorded(tier) else told)

    def _of(self, tier: str) -> list[Deployment]:
        return [d for d in self._settings.deployments if d.tier == tier]

    def __getitem__(self, tier: str) -> Model:
        """The tier's model.

        Raises:
            UnknownName: no deployment serves the tier.
            SettingsError: its deployment cannot be used.
        """
        if tier not in self._names:
            raise self._missing(tier)
        if tier not in self._made:
            self._make(tier)
        return self._made[tier]

    def _make(self, tier: str) -> None:
        first = self._of(tier)[0]
        if first.gguf is not None:
            self._made[tier] = self._in_process(first)
            return
        if first.recorded is not None:
            self._made[tier] = self._replay(tier)[tier]
            return
        from agentsys.models.energy import measure
        from agentsys.models.litellm import router_models

        measure(self._machines, self._settings.deployments, self._settings.vllm)

        # One Router knows all of its tiers: made together, they share connections and cooldowns.
        self._made.update(
            router_models(self._settings.deployments, rates=self._rates, machines=self._machines)
        )

    def _recorded(self, tier: str) -> bool:
        return any(each.recorded is not None for each in self._of(tier))

    def _replay(self, tier: str) -> "Replay":
        from agentsys.models.recorded.replay import Replay, folder_of

        if tier not in self._replays:
            [deployment] = self._of(tier)
            self._replays[tier] = Replay(folder_of(deployment, self._settings))
        return self._replays[tier]

    def _rooms(self) -> dict[str, Room]:
        """Of the servers of `[[vllm]]`; adapters are in the room of their server."""
        if not self._settings.vllm or os.name != "posix":
            return {}
        from agentsys.models.vllm.room import Room as ServerRoom

        base = self._settings.file.absolute().parent
        found: dict[str, Room] = {}
        for server in self._settings.vllm:
            room = ServerRoom(server, base, self._machines[server.name])
            found |= {deployment.name: room for deployment in server.deployments()}
        return found

    def _in_process(self, deployment: Deployment) -> Model:
        from agentsys.models.embedded import Embedded
        from agentsys.models.limited import Limited

        model = Embedded(deployment, folder=self._settings.file.parent)
        if deployment.name not in self._settings.limits:
            return model
        return Limited(model, deployment, self._rates)

    def _missing(self, tier: str) -> UnknownName:
        file, known = self._settings.file, ", ".join(map(repr, self._names))
        hint = f"{file} has {known}: add a [[deployments]] with tier = {tier!r}."
        if file == DEFAULT_FILE:
            hint = (
                f"The default configuration has {known}: write one of your own with 'agentsys init"
                f" DIR' and add a [[deployments]] with tier = {tier!r}, or ask recorded models with"
                " 'agentsys bench --recorded DIR'."
            )
        return UnknownName("tier", tier, self._names, hint=hint)

    def __contains__(self, tier: object) -> bool:
        return tier in self._names

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)

    async def close(self) -> None:
        """Close the models that were made; asked for again, they are made anew."""
        made, self._made = self._made, {}
        self._replays.clear()
        for model in made.values():
            await model.close()


def _refuse_mixture(settings: Settings, tier: str, deployments: list[Deployment]) -> None:
    kinds = {deployment.name: _kind(deployment) for deployment in deployments}
    first = next(iter(kinds.values()))
    other = next((name for name, kind in kinds.items() if kind != first), None)
    if other is not None:
        raise SettingsError(
            f"{settings.file}: the tier {tier!r} has {next(iter(kinds))!r}, {first}, "
            f"and {other!r}, {kinds[other]}.",
            hint="Give one of them a tier of its own and name it in 'escalate'.",
        )
    if len(kinds) > 1 and first != _REACHED:
        names = " and ".join(map(repr, list(kinds)[:2]))
        what, more = "two recordings", ""
        if first == _IN_PROCESS:
            what, more = "two models in process", "; 'parallel' makes one model take more"
        raise SettingsError(
            f"{settings.file}: the tier {tier!r} has {what}: {names}.",
            hint=f"Give one of them a tier of its own{more}.",
        )


_IN_PROCESS = "which runs in process"
_REPLAYED = "which replays a recording"
_REACHED = "which LiteLLM reaches"


def _kind(deployment: Deployment) -> str:
    """What it is, in words."""
    if deployment.gguf is not None:
        return _IN_PROCESS
    return _REACHED if deployment.recorded is None else _REPLAYED
