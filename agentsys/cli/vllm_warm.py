"""How `agentsys vllm up --warm` sends servers the first request of each schema."""

import asyncio
import time
from collections.abc import Sequence
from contextlib import nullcontext
from typing import Any

from rich.live import Live
from rich.text import Text

from agentsys.cli.notices import notices
from agentsys.cli.output import console, dollars, say
from agentsys.cli.readable import readable
from agentsys.models.masks import limits_of
from agentsys.models.tiers import Tiers
from agentsys.money import usd
from agentsys.node import Node
from agentsys.project import definitions
from agentsys.servers import VllmServer
from agentsys.settings import Settings
from agentsys.warming import Cold, Warmed, cold, warmed


def warm_up(settings: Settings, servers: Sequence[VllmServer]) -> dict[str, list[Warmed]]:
    """Ask servers that are ready for every schema of the project's graphs; Ctrl-C leaves them.

    Returns:
        What came of each schema, by server.
    """
    try:
        with notices():
            found = asyncio.run(_all(settings, servers, _graphs()))
    except KeyboardInterrupt:
        say("The servers stay up.", err=True)
        raise
    if servers and not any(found.values()):
        say("There is nothing to warm: no graph asks these servers for JSON.", err=True)
    return found


async def _all(
    settings: Settings, servers: Sequence[VllmServer], graphs: Sequence[Node[Any, Any]]
) -> dict[str, list[Warmed]]:
    return {server.name: await _server(settings, server, graphs) for server in servers}


def _graphs() -> list[Node[Any, Any]]:
    found: list[Node[Any, Any]] = []
    for each in definitions("graph"):
        if isinstance(each.value, Node):
            found.append(each.value)
        else:
            _warn(f"The graph {each.name!r} is not warmed, it cannot be loaded: {each.problem}")
    return found


async def _server(
    settings: Settings, server: VllmServer, graphs: Sequence[Node[Any, Any]]
) -> list[Warmed]:
    tiers = Tiers(_alone(settings, server))
    try:
        limits = limits_of(server.deployments()[0])
        return [await _shown(server.name, each, tiers) for each in cold(graphs, tiers, limits)]
    finally:
        await tiers.close()


def _alone(settings: Settings, server: VllmServer) -> Settings:
    """The configuration with this server and its adapters, and nobody else behind their tiers."""
    names = {deployment.name for deployment in server.deployments()}
    changes = {
        "vllm": (server,),
        "deployments": tuple(d for d in settings.deployments if d.name in names),
        "limits": {name: limit for name, limit in settings.limits.items() if name in names},
    }
    return settings.model_copy(update=changes)


async def _shown(server: str, given: Cold, tiers: Tiers) -> Warmed:
    terminal, began = console(err=True), time.monotonic()
    what = f"{given.agent}@{given.tier}"

    def line() -> Text:
        after = f"  warming {what}  {time.monotonic() - began:.0f} s"
        return Text.assemble((readable(server), "bold"), readable(after))

    live = Live(console=terminal, transient=True, refresh_per_second=5, get_renderable=line)
    with live if terminal.is_terminal else nullcontext():
        done = await warmed(given, tiers[given.tier])
    if done.problem:
        _warn(f"{server} could not be warmed for {what}: {done.problem}")
    else:
        cost = dollars(usd(done.nano_usd))
        text = f"{server} is warm for {what} after {done.seconds:.1f} s, {cost}."
        say(text, style="green", err=True)
    return done


def _warn(text: str) -> None:
    say(f"warning: {' '.join(text.split())}", style="yellow", err=True)
