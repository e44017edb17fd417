"""`agentsys run`: one task."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from agentsys.cli.options import Config
from agentsys.cli.recording import Record, Recordings, Replay

if TYPE_CHECKING:
    from agentsys.events import Event
    from agentsys.run import Run
    from agentsys.system import System


def run(
    context: typer.Context,
    graph: Annotated[
        str, typer.Argument(metavar="GRAPH", help="Name of a graph; 'agentsys graphs' lists them.")
    ],
    task: Annotated[
        str | None,
        typer.Argument(metavar="INPUT", help="The task: plain text or JSON; '-' reads it."),
    ] = None,
    input_file: Annotated[
        Path | None, typer.Option("--input-file", help="Read the task from this file.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the whole run as JSON.")] = False,
    seed: Annotated[int, typer.Option("--seed", help="Of every sampled reply.")] = 0,
    config: Config = None,
    stream: Annotated[bool, typer.Option("--stream", help="Print events as they happen.")] = False,
    budget: Annotated[
        str | None, typer.Option("--budget", metavar="USD", help="Most that this run may spend.")
    ] = None,
    tenant: Annotated[
        str, typer.Option("--tenant", help="On whose account, and in whose memory it runs.")
    ] = "",
    run_id: Annotated[
        str | None,
        typer.Option("--run-id", metavar="ID", help="Call it so, and keep its state as it goes."),
    ] = None,
    record: Record = None,
    replay: Replay = None,
) -> None:
    """Run a graph on one task; print the typed answer and a receipt.

    The exit code is 0 if the run is ok and 1 if it is not: low confidence, an abstention, a
    budget that is used up, a question to you, a failure. The answer is printed wherever there is
    one; 'agentsys resume' goes on with what was stopped.
    """
    from agentsys.cli.amounts import to_budget
    from agentsys.cli.carried import Carried
    from agentsys.cli.task import read_text, to_task
    from agentsys.project import find_graph

    text = read_text(task, input_file)
    node = find_graph(graph)
    given = to_task(text, node.takes)
    limit = None if budget is None else to_budget({"usd": "--budget"}, usd=budget)

    def work(system: "System", watch: "Callable[[Event], None]") -> "Awaitable[Run[Any]]":
        return system.run(
            node,
            given,
            seed=seed,
            name=graph,
            tenant=tenant,
            budget=limit,
            run_id=run_id,
            on_event=watch,
        )

    recordings = Recordings(record, replay)
    Carried(config, as_json, stream, recordings=recordings).out(
        work, limit, debug=bool(context.obj)
    )
