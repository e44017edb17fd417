"""`agentsys runs`: the newest runs, and which of them can go on."""

import asyncio
from typing import TYPE_CHECKING, Annotated, Any

import typer

from agentsys.cli.options import AsJson, Config

if TYPE_CHECKING:
    from agentsys.runs import Listed


def runs(
    limit: Annotated[int, typer.Option("--limit", min=1, help="At most so many.")] = 20,
    as_json: AsJson = False,
    config: Config = None,
) -> None:
    """List the newest runs: how they ended, what they cost, which 'agentsys resume' goes on with.

    A run is 'unfinished' where it was cut off, and 'running' where somebody works on it.
    """
    from agentsys.cli.output import print_json, print_table, say

    found = asyncio.run(_newest(config, limit))
    if as_json:
        print_json([_row(run) for run in found])
    elif found:
        print_table(
            ["run", "graph", "tenant", "status", "", "cost", "started (UTC)"], _cells(found)
        )
    else:
        say("There are no runs yet. Start with 'agentsys run'.", err=True)


async def _newest(config: str | None, limit: int) -> "list[Listed]":
    from agentsys.leases import holders
    from agentsys.ledger import Ledger
    from agentsys.runs import newest
    from agentsys.settings import Settings
    from agentsys.stores import open_store

    store = open_store(Settings.load(config).store_url)
    try:
        under_way = [name.removeprefix("run:") for name in await holders(store)]
        return newest(Ledger(store), limit, under_way)
    finally:
        await store.close()


def _cells(found: "list[Listed]") -> list[list[str]]:
    from agentsys.cli.output import dollars
    from agentsys.money import usd

    return [
        [
            run.run_id,
            run.graph,
            run.tenant,
            run.status,
            "can be resumed" if run.resumable else "",
            dollars(usd(run.nano_usd)),
            f"{run.started:%Y-%m-%d %H:%M:%S}",
        ]
        for run in found
    ]


def _row(run: "Listed") -> dict[str, Any]:
    from agentsys.money import usd

    return {
        "run_id": run.run_id,
        "graph": run.graph,
        "tenant": run.tenant,
        "status": run.status,
        "resumable": run.resumable,
        "usd": f"{usd(run.nano_usd):f}",
        "started": run.started.isoformat(),
    }
