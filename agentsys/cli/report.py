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
    html: Annotated[
        str | None,
        typer.Option("--html", metavar="FILE", help="Write a page with plots instead."),
    ] = None,
    svg: Annotated[
        str | None,
        typer.Option("--svg", metavar="FILE", help="Write cost against success as a picture."),
    ] = None,
    csv: Annotated[
        str | None,
        typer.Option("--csv", metavar="FILE", help="Write the rows as CSV; '-': print them so."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the rows as JSON.")] = False,
    config: Config = None,
) -> None:
    """Success, cost per success, escalation, validity and latency of what has been run.

    Success is a scorer's verdict in a bench; elsewhere, that the graph's own checks accepted.
    """
    from agentsys.cli.figures import print_report
    from agentsys.cli.notices import notices
    from agentsys.cli.page import refuse, write_page, write_picture
    from agentsys.cli.spreadsheet import write_csv
    from agentsys.errors import UserError
    from agentsys.evaluation.reports.accounts import Accounts
    from agentsys.evaluation.reports.report import report as compute
    from agentsys.ledger import Ledger
    from agentsys.settings import Settings

    if csv == "-" and as_json:
        raise UserError("--json and '--csv -' would print both.", hint="Give --csv a file.")
    refuse(html, svg, csv)
    settings = Settings.load(config)
    ledger = Ledger.open(settings.store_url)
    begun = None
    if bench == "last" or (bench is not None and html is not None):
        from agentsys.evaluation.bench import find_bench  # which loads LangGraph

        begun = find_bench(ledger, bench)
        bench = begun.bench
    with notices():
        found = None if html is None else Accounts(ledger, bench=bench, since=since)
        computed = compute(
            ledger,
            by=by,
            bench=bench,
            since=since,
            usd_per_failure=settings.usd_per_failure,
            found=found,
        )
    if html is not None and found is not None:
        write_page(html, ledger, computed, found.tasks, settings, bench=begun)
    if svg is not None:
        write_picture(svg, computed)
    if csv is not None:
        write_csv(csv, computed)
    if as_json or (html is None and svg is None and csv is None):
        print_report(computed, settings, as_json=as_json)
