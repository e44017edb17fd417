"""`agentsys memory`: what agents remember: list, get, search, delete."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from agentsys.cli.options import AsJson, Config
from agentsys.errors import UnknownName

if TYPE_CHECKING:
    from agentsys.memory import Entry, Memory

T = TypeVar("T")

Key = Annotated[str, typer.Argument(metavar="KEY", help="What it was remembered as.")]
Tenant = Annotated[
    str, typer.Option("--tenant", help="Whose memory; default: that of runs without one.")
]
Team = Annotated[str, typer.Option("--team", help="This team's; default: the tenant's own.")]

_SHOWN = 60
"""Characters of a text in a table."""

memory = typer.Typer(rich_markup_mode=None)


@memory.callback(invoke_without_command=True)
def overview(context: typer.Context) -> None:
    """What agents remember, each tenant's and each team's apart from all others."""
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


@memory.command("list")
def listed(
    tenant: Tenant = "", team: Team = "", as_json: AsJson = False, config: Config = None
) -> None:
    """List all that is remembered, by key."""
    _print(_with(config, tenant, team, lambda memory: memory.entries()), as_json)


@memory.command()
def get(
    key: Key,
    tenant: Tenant = "",
    team: Team = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON object.")] = False,
    config: Config = None,
) -> None:
    """Print one entry: the text, who wrote it in which run, and when it expires."""
    from agentsys.cli.output import print_json, print_pairs

    entry = _with(config, tenant, team, lambda memory: _found(memory, key))
    if as_json:
        print_json(_row(entry))
        return
    print_pairs(
        [
            ("text", entry.text),
            ("version", str(entry.version)),
            ("written", f"{entry.written:%Y-%m-%d %H:%M:%S} UTC by {entry.node or 'hand'}"),
            ("run", entry.run_id or "none"),
            ("expires", f"{entry.expires:%Y-%m-%d %H:%M:%S} UTC" if entry.expires else "never"),
        ]
    )


@memory.command()
def search(
    query: Annotated[str, typer.Argument(metavar="QUERY", help="Words to look for.")],
    tenant: Tenant = "",
    team: Team = "",
    limit: Annotated[int, typer.Option("--limit", help="Print at most so many.")] = 5,
    as_json: AsJson = False,
    config: Config = None,
) -> None:
    """Print what fits the query best: of the team and of its tenant, as agents recall it."""
    _print(_with(config, tenant, team, lambda memory: memory.search(query, limit)), as_json)


@memory.command()
def delete(key: Key, tenant: Tenant = "", team: Team = "", config: Config = None) -> None:
    """Forget one entry."""
    from agentsys.cli.output import say

    async def deleted(memory: "Memory") -> None:
        if not await memory.delete(key):
            raise _missing(key)

    _with(config, tenant, team, deleted)
    say(f"Deleted {key!r}.")


def _with(
    config: str | None, tenant: str, team: str, work: "Callable[[Memory], Awaitable[T]]"
) -> T:
    """What is done with the memory of the configured store."""
    from agentsys.memory import SharedMemory
    from agentsys.models.embedding import embedder
    from agentsys.settings import Settings
    from agentsys.stores import open_store

    settings = Settings.load(config)

    async def done() -> T:
        store = open_store(settings.store_url)
        shared = SharedMemory(store, embedder(settings))
        try:
            return await work(shared.of(tenant, team))
        finally:
            await shared.close()
            await store.close()

    return asyncio.run(done())


async def _found(memory: "Memory", key: str) -> "Entry":
    entry = await memory.get(key)
    if entry is None:
        raise _missing(key)
    return entry


def _missing(key: str) -> UnknownName:
    hint = "'agentsys memory list' shows what there is; --tenant and --team say whose."
    return UnknownName("entry", key, (), hint=hint)


def _print(entries: "list[Entry]", as_json: bool) -> None:
    from agentsys.cli.output import print_json, print_table, say

    if as_json:
        print_json([_row(entry) for entry in entries])
        return
    if not entries:
        say("Nothing is found. --tenant and --team say in whose memory to look.", err=True)
        return
    print_table(
        ["key", "team", "text", "by", "run", "written (UTC)", "expires (UTC)"],
        [
            [
                entry.key,
                entry.team,
                _short(entry.text),
                entry.node,
                entry.run_id,
                f"{entry.written:%Y-%m-%d %H:%M}",
                f"{entry.expires:%Y-%m-%d %H:%M}" if entry.expires else "",
            ]
            for entry in entries
        ],
    )


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _SHOWN else f"{line[:_SHOWN]}…"


def _row(entry: "Entry") -> dict[str, Any]:
    return {
        **asdict(entry),
        "written": entry.written.isoformat(),
        "expires": entry.expires.isoformat() if entry.expires else None,
    }
