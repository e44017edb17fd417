"""`agentsys report`: what tasks cost, from the ledger."""

from datetime import datetime
from typing import Annotated, Literal

import typer

from agentsys.cli.options import Config


def report(
    by: Annotated[
        Literal["graph", "tenant", "run", "model", "node", "day"],
        typer.Option("--by", help="What a row is."),
    ] = "graph",
    bench: Annotated[
        str | None, typer.Option("--bench", help="Only this bench; 'last' is the newest.")
    ] = None,
    since: Annotated[
        datetime | None, typer.Option("--since", help="Only runs begun since (local time).")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the rows as JSON.")] = False,
    config: Config = None,
) -> None:
    """Success, cost per success, escalation, validity and latency of what has been run.

    Success is a scorer's verdict in a bench; elsewhere, that the graph's own checks accepted.
    """
    from agentsys.cli.figures import print_report
    from agentsys.evaluation.bench import find_bench
    from agentsys.evaluation.report import report as compute
    from agentsys.ledger import Ledger
    from agentsys.settings import Settings

    settings = Settings.load(config)
    ledger = Ledger.open(settings.store_url)
    if bench == "last":
        bench = find_bench(ledger, bench).bench
    computed = compute(
        ledger, by=by, bench=bench, since=since, usd_per_failure=settings.usd_per_failure
    )
    print_report(computed, settings, as_json=as_json)
