"""`agentsys vllm`: local servers from the configuration: up, status, logs, down, adapter."""

import os
from typing import Annotated

import typer

from agentsys.cli.options import AsJson, Config
from agentsys.errors import UserError

Names = Annotated[
    list[str] | None, typer.Argument(metavar="[NAME]...", help="Servers; default: all configured.")
]
Server = Annotated[str, typer.Argument(metavar="NAME", help="The server.")]
Adapter = Annotated[str, typer.Argument(metavar="ADAPTER", help="A name under its adapters.")]

vllm = typer.Typer(rich_markup_mode=None)
adapter = typer.Typer(rich_markup_mode=None)
vllm.add_typer(adapter, name="adapter")


@vllm.callback(invoke_without_command=True)
def overview(context: typer.Context) -> None:
    """Local vLLM servers, as [[vllm]] in agentsys.toml says."""
    if os.name != "posix":
        raise UserError("vLLM runs on Linux and macOS.", hint="In WSL, agentsys can start it.")
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


@adapter.callback(invoke_without_command=True)
def adapters(context: typer.Context) -> None:
    """LoRA adapters of a running server; 'agentsys vllm status' shows which are loaded."""
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


@vllm.command()
def up(
    names: Names = None,
    timeout: Annotated[
        float, typer.Option("--timeout", help="Give up after so many seconds.", min=0)
    ] = 900,
    warm: Annotated[
        bool, typer.Option("--warm", help="Then have them compile the schemas of all graphs.")
    ] = False,
    as_json: AsJson = False,
    config: Config = None,
) -> None:
    """Start servers in the background, and wait until they answer.

    They outlive the terminal. One that crashes is started again. Ctrl-C stops those that are not
    ready yet.
    """
    from agentsys.cli.vllm_progress import row, shown
    from agentsys.errors import AgentSysError
    from agentsys.models.vllm.prepare import chosen
    from agentsys.models.vllm.up import Up
    from agentsys.settings import Settings

    settings = Settings.load(config)
    servers = chosen(settings, names or [])
    bringing = Up(settings, servers)
    try:
        last = shown(bringing.progress(timeout))
    except KeyboardInterrupt:
        bringing.give_up()
        raise
    warmed = None
    if warm:
        from agentsys.cli.vllm_warm import warm_up

        ready = {each.name for each in last if each.phase == "ready"}
        warmed = warm_up(settings, [server for server in servers if server.name in ready])
    if as_json:
        from agentsys.cli.output import print_json

        print_json([row(*each, warmed) for each in zip(last, servers, strict=True)])
    failed = [each for each in last if each.phase != "ready"]
    if failed:
        first = failed[0]
        raise AgentSysError(
            f"{', '.join(repr(each.name) for each in failed)} did not come up: {first.line}.",
            hint=f"'agentsys vllm logs {first.name}' shows more.",
        )


@vllm.command()
def down(names: Names = None, as_json: AsJson = False, config: Config = None) -> None:
    """Stop servers, and all processes that they have started."""
    from agentsys.cli.output import print_json, say
    from agentsys.models.vllm.prepare import chosen
    from agentsys.models.vllm.stopping import known, stop_server
    from agentsys.settings import Settings

    settings = Settings.load(config)
    wanted = [known(settings, name) for name in names or ()]
    wanted = wanted or [server.name for server in chosen(settings, ())]
    stopped = {name: stop_server(name) for name in dict.fromkeys(wanted)}
    if as_json:
        print_json([{"name": name, "stopped": was} for name, was in stopped.items()])
        return
    for name, was in stopped.items():
        say(f"{name} is stopped." if was else f"{name} was not running.")


@vllm.command("status")
def status(as_json: AsJson = False, config: Config = None) -> None:
    """What servers do: queue, KV cache, tokens, busy seconds, price."""
    from agentsys.cli.output import print_json, say
    from agentsys.cli.vllm_status import row, table
    from agentsys.models.vllm.status import statuses
    from agentsys.settings import Settings

    found = statuses(Settings.load(config))
    if as_json:
        print_json([row(each) for each in found])
    elif found:
        table(found)
    else:
        say("There is no [[vllm]] in the configuration, and no server runs.", err=True)


@vllm.command()
def logs(
    name: Server,
    follow: Annotated[bool, typer.Option("-f", "--follow", help="Go on until Ctrl-C.")] = False,
    lines: Annotated[int, typer.Option("-n", "--lines", help="So many lines.", min=0)] = 100,
    config: Config = None,
) -> None:
    """Print the end of a server's log."""
    from agentsys.cli.readable import readable
    from agentsys.models.vllm.log import followed, last_lines
    from agentsys.models.vllm.state import folder
    from agentsys.models.vllm.stopping import known
    from agentsys.settings import Settings

    log = folder(known(Settings.load(config), name)) / "log"
    text, end = last_lines(log, lines)
    typer.echo(readable(text), nl=False)
    if follow:
        for more in followed(log, end):
            typer.echo(readable(more), nl=False)


@adapter.command("load")
def load(name: Server, adapter: Adapter, config: Config = None) -> None:
    """Have a running server answer as an adapter of its configuration, too."""
    from agentsys.cli.output import say
    from agentsys.models.vllm.adapters import load_adapter
    from agentsys.models.vllm.prepare import chosen
    from agentsys.settings import Settings

    settings = Settings.load(config)
    [server] = chosen(settings, [name])
    load_adapter(settings, server, adapter)
    say(f"{name} answers as {adapter}.")


@adapter.command("unload")
def unload(name: Server, adapter: Adapter, config: Config = None) -> None:
    """Have a running server forget an adapter."""
    from agentsys.cli.output import say
    from agentsys.models.vllm.adapters import unload_adapter
    from agentsys.models.vllm.prepare import chosen
    from agentsys.settings import Settings

    [server] = chosen(Settings.load(config), [name])
    unload_adapter(server, adapter)
    say(f"{name} has forgotten {adapter}.")
