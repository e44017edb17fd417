"""The models of a configuration, one a tier."""

import os
from collections.abc import Iterator, Mapping

from agentsys.errors import SettingsError, UnknownName
from agentsys.models.base import Model
from agentsys.models.machine import machines
from agentsys.rates import Rates, Room
from agentsys.settings import Deployment, Settings
from agentsys.stores.base import Gates


class Tiers(Mapping[str, Model]):
    """The model of each tier, made when it is first asked for.

    A tier is either one GGUF file, run in this process, or any number of deployments behind
    LiteLLM's Router, which is imported only for those.
    """

    def __init__(self, settings: Settings, store: Gates | None = None) -> None:
        """Check which deployments stand behind which tier; nothing is loaded.

        Args:
            settings: The configuration.
            store: Where the requests that rate limits count are counted, by all processes; without
                one, limits hold within this process.

        Raises:
            SettingsError: a tier mixes both kinds, or has two GGUF files.
        """
        self._settings = settings
        self._names = settings.tier_names()
        self._made: dict[str, Model] = {}
        self._machines = machines(settings.deployments)
        self._rates = Rates(settings.limits, store, self._rooms())
        for tier in self._names:
            _refuse_mixture(settings, tier, self._of(tier))

    def families(self, tier: str) -> frozenset[str]:
        """What the models behind a tier descend from."""
        return frozenset(each.base for each in self._of(tier))

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
        from agentsys.models.litellm import router_models

        # One Router knows all of its tiers: made together, they share connections and cooldowns.
        self._made.update(
            router_models(self._settings.deployments, rates=self._rates, machines=self._machines)
        )

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
        for model in made.values():
            await model.close()


def _refuse_mixture(settings: Settings, tier: str, deployments: list[Deployment]) -> None:
    embedded = [d.name for d in deployments if d.gguf is not None]
    others = [d.name for d in deployments if d.gguf is None]
    if embedded and others:
        raise SettingsError(
            f"{settings.file}: the tier {tier!r} has {embedded[0]!r}, which runs in process, "
            f"and {others[0]!r}, which LiteLLM reaches.",
            hint="Give one of them a tier of its own and name it in 'escalate'.",
        )
    if len(embedded) > 1:
        raise SettingsError(
            f"{settings.file}: the tier {tier!r} has two models in process: "
            f"{embedded[0]!r} and {embedded[1]!r}.",
            hint="Give one of them a tier of its own; 'parallel' makes one model take more.",
        )
