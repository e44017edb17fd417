"""LoRA adapters of a running server: loaded and unloaded while it answers."""

from dataclasses import replace

from agentsys.errors import AgentSysError, SettingsError, UnknownName, UserError
from agentsys.models.vllm import api
from agentsys.models.vllm.place import adapters
from agentsys.models.vllm.plan import Plan, read_plan
from agentsys.models.vllm.state import folder, phase_of, recorded, write
from agentsys.servers import VllmServer
from agentsys.settings import Settings

_PATIENCE_S = 300
"""Reading an adapter from a slow disk or the Hub takes a while."""


def load_adapter(settings: Settings, server: VllmServer, name: str) -> None:
    """Have a running server answer as that adapter, also after a restart.

    Raises:
        UnknownName: the configuration has no such adapter of this server.
        SettingsError: its files are not there, or the server was started without adapters.
        UserError: the server is not running, or has it already.
        AgentSysError: the server refused it.
    """
    plan = _running(server)
    places = adapters(server, settings.file.absolute().parent)
    if name not in places:
        raise UnknownName("adapter", name, places)
    if name in (api.models(plan.port) or ()):
        raise UserError(f"{server.name!r} has the adapter {name!r} already.")
    _tell(plan, "load", {"lora_name": name, "lora_path": places[name]})
    _remember(server.name, {**plan.adapters, name: places[name]})


def unload_adapter(server: VllmServer, name: str) -> None:
    """Have a running server forget an adapter, also after a restart.

    Raises:
        UnknownName: the server has no such adapter.
        UserError: the server is not running.
        AgentSysError: the server refused it.
    """
    plan = _running(server)
    served = [each for each in api.models(plan.port) or () if each != server.name]
    if name not in served:
        raise UnknownName("adapter", name, served)
    _tell(plan, "unload", {"lora_name": name})
    _remember(server.name, {key: path for key, path in plan.adapters.items() if key != name})


def _running(server: VllmServer) -> Plan:
    place = folder(server.name)
    plan, phase = read_plan(place), phase_of(recorded(place))
    if plan is None or phase != "ready":
        raise UserError(
            f"{server.name!r} is not ready: it is {phase}.",
            hint=f"'agentsys vllm up {server.name}' starts it.",
        )
    return plan


def _tell(plan: Plan, what: str, content: dict[str, str]) -> None:
    if "--enable-lora" not in plan.argv:
        raise SettingsError(
            f"{plan.name!r} was started without adapters.",
            hint=f"'agentsys vllm down {plan.name}' and 'up' start it with those configured now.",
        )
    answer = api.post(plan.port, f"/v1/{what}_lora_adapter", content, timeout=_PATIENCE_S)
    if not answer.ok:
        raise AgentSysError(
            f"{plan.name!r} did not {what} {content['lora_name']!r}: {api.complaint(answer)}"
        )


def _remember(name: str, places: dict[str, str]) -> None:
    """For the next restart."""
    place = folder(name)
    plan = read_plan(place)
    if plan is not None:
        write(place, "plan.json", replace(plan, adapters=places).as_json())
