"""Stop servers: those of the configuration, and those that it no longer names."""

from agentsys.errors import UnknownName
from agentsys.models.vllm.launch import stop
from agentsys.models.vllm.plan import read_plan
from agentsys.models.vllm.state import folder, names
from agentsys.settings import Settings

_GRACE_S = 15.0


def known(settings: Settings, name: str) -> str:
    """The name, if there is or was a server of it.

    Raises:
        UnknownName: there is none.
    """
    every = {*(server.name for server in settings.vllm), *names()}
    if name not in every:
        raise UnknownName("vLLM server", name, every)
    return name


def stop_server(name: str) -> bool:
    """Stop it and all that it has started; `False`: it was not running."""
    plan = read_plan(folder(name))
    return stop(name, plan.grace_s if plan else _GRACE_S)
