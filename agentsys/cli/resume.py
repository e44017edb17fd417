"""`agentsys resume`: a run that was cut off, has failed or asks something goes on."""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated, Any

import typer

from agentsys.cli.options import Config
from agentsys.cli.recording import Record, Recordings, Replay

if TYPE_CHECKING:
    from agentsys.events import Event
    from agentsys.ledger import Ledger
    from agentsys.node import Node
    from agentsys.resume import Past
    from agentsys.run import Run
    from agentsys.system import System


def resume(
    context: typer.Context,
    run_id: Annotated[
        str, typer.Argument(metavar="RUN", help="Its id; 'agentsys runs' lists them.")
    ],
    answer: Annotated[
        str | None,
        typer.Option("--answer", metavar="TEXT_OR_JSON", help="To the first question it asks."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the whole run as JSON.")] = False,
    config: Config = None,
    stream: Annotated[
        bool, typer.Option("--stream", help="Print what happens from now on.")
    ] = False,
    budget: Annotated[
        str | None,
        typer.Option("--budget", metavar="USD", help="Most that it may spend, in all."),
    ] = None,
    record: Record = None,
    replay: Replay = None,
) -> None:
    """Go on with a run where it stopped; print its answer and a receipt.

    Nothing that has finished in it is run or paid again. A run that has its result gives it.
    """
    from agentsys.cli.amounts import to_budget
    from agentsys.cli.carried import Carried
    from agentsys.ledger import Ledger
    from agentsys.settings import Settings

    limit = None if budget is None else to_budget({"usd": "--budget"}, usd=budget)
    past = _past(Ledger.open(Settings.load(config).store_url), run_id)
    node = _graph(past)
    given = {} if answer is None else {"answer": _to_json(answer)}

    def work(system: "System", watch: "Callable[[Event], None]") -> "Awaitable[Run[Any]]":
        return system.run(node, resume=run_id, budget=limit, on_event=watch, **given)

    recordings = Recordings(record, replay)
    tenant = past.start.tenant
    carried = Carried(config, as_json, stream, tenant=tenant, recordings=recordings)
    carried.out(work, limit, debug=bool(context.obj))


def _past(ledger: "Ledger", run_id: str) -> "Past":
    from agentsys.resume import Past

    return Past.read(ledger, run_id)


def _graph(past: "Past") -> "Node[Any, Any]":
    from agentsys.errors import UnknownName
    from agentsys.project import find_graph

    try:
        return find_graph(past.start.graph)
    except UnknownName as error:
        raise UnknownName(
            "graph",
            error.name,
            error.known,
            hint=f"The run {past.start.run_id!r} is of it: go to the project that has it, or "
            "resume it in Python (system.run(node, resume=…)).",
        ) from error


def _to_json(text: str) -> Any:
    """The JSON value of a text, or the text itself."""
    from agentsys.errors import InvalidOutput
    from agentsys.schema import parse

    try:
        return parse(text)
    except InvalidOutput:
        return text
