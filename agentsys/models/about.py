"""What can be said of a deployment without asking it anything."""

from dataclasses import dataclass

from agentsys.errors import SettingsError
from agentsys.models.base import Guided
from agentsys.models.gguf import gguf_file
from agentsys.money import Price
from agentsys.settings import Deployment, Settings


@dataclass(frozen=True, slots=True)
class About:
    """A deployment, what it costs, how it is guided, and whether it can be there."""

    deployment: Deployment
    price: Price | None
    """The configured price, or the one in LiteLLM's list; `None` where it cannot be used."""
    guided: Guided | None
    """How replies are held to a schema, as far as it is known beforehand."""
    health: str
    """`file found`, `not asked`, `unusable`, how its server is, such as `ready` (`[[vllm]]`), or
    how many calls of the tier are on record."""
    problem: str = ""
    """What is in the way; empty where nothing is seen to be."""

    @property
    def model(self) -> str:
        """The GGUF file, LiteLLM's name of the model, or the folder of the recording."""
        told = self.deployment.gguf or self.deployment.recorded
        return told or str((self.deployment.litellm_params or {})["model"])


def about(deployment: Deployment, settings: Settings) -> About:
    """What is known; LiteLLM is loaded only for deployments that it serves."""
    try:
        if deployment.gguf is not None:
            gguf_file(deployment.gguf, deployment.name, settings.file.parent)
            return About(deployment, deployment.price, "outlines", "file found")
        if deployment.recorded is not None:
            return About(deployment, None, None, _recorded(deployment, settings))
        from agentsys.models.litellm import known_route

        route = known_route(deployment)
        return About(deployment, route.price, route.guided, _health(deployment, settings))
    except SettingsError as error:
        return About(deployment, deployment.price, deployment.guided, "unusable", str(error))


def _recorded(deployment: Deployment, settings: Settings) -> str:
    from agentsys.models.recorded.replay import Replay, folder_of

    calls = Replay(folder_of(deployment, settings)).calls(deployment.tier)
    return f"{len(calls):,} call{'' if len(calls) == 1 else 's'} on record"


def _health(deployment: Deployment, settings: Settings) -> str:
    for server in settings.vllm:
        if deployment.name in {each.name for each in server.deployments()}:
            from agentsys.models.vllm.state import folder, phase_of, recorded

            return phase_of(recorded(folder(server.name)))
    return "not asked"
