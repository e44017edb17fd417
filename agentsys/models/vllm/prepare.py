"""From the configuration to plans: all is looked at before anything is started."""

import os
import socket
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from agentsys.errors import SettingsError, UnknownName
from agentsys.models.vllm import place
from agentsys.models.vllm.command import arguments, variables
from agentsys.models.vllm.devices import CPU, memory
from agentsys.models.vllm.fit import Need, needs, refuse_misfits
from agentsys.models.vllm.plan import HUNG_S, Plan, read_plan
from agentsys.models.vllm.sizes import Size, size
from agentsys.models.vllm.state import RUNNING, Phase, folder, made, names, phase_of, recorded
from agentsys.processes import listeners
from agentsys.servers import VllmServer
from agentsys.settings import Settings


@dataclass(frozen=True, slots=True)
class Prepared:
    """A server of which everything that it needs is there, but for the memory."""

    plan: Plan
    needs: tuple[Need, ...]


def prepare(settings: Settings, server: VllmServer) -> Prepared:
    """Look for all that a server needs.

    Raises:
        SettingsError: something is missing, such as an interpreter with vLLM or a model.
        StoreError: there is no place for its state.
    """
    base = settings.file.absolute().parent
    python = place.interpreter(server, base)
    env = variables(server, python, os.environ.get("PATH", ""))
    place.must_have_vllm(server.name, python, env, made(folder(server.name)))
    model = place.model(server, base)
    adapters = place.adapters(server, base)
    template, rank = place.template(server, base), place.highest_rank(server, base)
    devices = [CPU] if server.device == "cpu" else [str(gpu) for gpu in server.device]
    known = Size() if model.folder is None else size(model.folder, server.dtype)
    needed = needs(server, known, memory(devices))
    plan = Plan(
        name=server.name,
        argv=(str(python), *arguments(server, model.argument, template, rank)),
        env=env,
        port=server.port,
        device=",".join(devices),
        takes={need.device: need.takes for need in needed},
        adapters=adapters,
        file=str(settings.file.absolute()),
        # Who lets a request take longer has a server that may be still for longer.
        hung_s=max(HUNG_S, server.timeout_s),
    )
    return Prepared(plan, tuple(needed))


def refuse_what_does_not_fit(wanted: Sequence[Prepared], waiting: Sequence[str]) -> None:
    """Do nothing where the free memory is enough.

    Args:
        wanted: What is to be started.
        waiting: Servers that may not have taken their memory yet.

    Raises:
        SettingsError: it is not; with the arithmetic.
    """
    every = [need for each in wanted for need in each.needs]
    starting = {name: plan.takes for name in waiting if (plan := read_plan(folder(name)))}
    refuse_misfits(every, starting, memory(need.device for need in every))


def refuse_taken_port(plan: Plan) -> None:
    """Do nothing where nobody listens at the port, nor is about to.

    Raises:
        SettingsError: somebody does, or is.
    """
    for name, phase in running().items():
        other = read_plan(folder(name))
        # vLLM shares its port with whoever has it: both would get requests of either.
        if name != plan.name and other is not None and other.port == plan.port:
            raise SettingsError(
                f"{plan.name!r}: port {plan.port} is that of {name!r}, which is {phase}.",
                hint=f"'agentsys vllm down {name}' stops it; or give the server another 'port'.",
            )
    with socket.socket() as mine:
        mine.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        with suppress(OSError):
            mine.bind(("127.0.0.1", plan.port))
            return
    who = ", ".join(f"process {pid} ({name})" for pid, name in listeners(plan.port) if pid)
    raise SettingsError(
        f"{plan.name!r}: port {plan.port} is taken by {who or 'another program'}.",
        hint="Stop it, or give the server another 'port'.",
    )


def starting() -> list[str]:
    """The servers, of whichever project, that are not ready yet."""
    return [name for name, phase in running().items() if phase in ("starting", "restarting")]


def running() -> dict[str, Phase]:
    """The servers, of whichever project, that have a living supervisor, and how they are."""
    found = {name: phase_of(recorded(folder(name))) for name in names()}
    return {name: phase for name, phase in found.items() if phase in RUNNING}


def chosen(settings: Settings, given: Sequence[str]) -> list[VllmServer]:
    """The servers of these names; without any, all of the configuration.

    Raises:
        UnknownName: there is none of that name.
        SettingsError: the configuration has no servers.
    """
    known = {server.name: server for server in settings.vllm}
    if not known:
        raise SettingsError(
            f"{settings.file} has no vLLM server.", hint="Add a [[vllm]]; see docs/cli.md."
        )
    for name in given:
        if name not in known:
            raise UnknownName("vLLM server", name, known)
    return [known[name] for name in dict.fromkeys(given)] if given else list(known.values())
