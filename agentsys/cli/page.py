"""A report as a page or a picture, in a file."""

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

from agentsys.cli.figures import columns, prices
from agentsys.cli.files import write_whole
from agentsys.cli.output import say
from agentsys.errors import UserError

if TYPE_CHECKING:
    from agentsys.evaluation.reports.account import Account
    from agentsys.evaluation.reports.report import Report, Row
    from agentsys.events import BenchStarted
    from agentsys.ledger import Ledger
    from agentsys.settings import Settings

MOST = 300
"""Rows of a page."""


def refuse(html: str | None, svg: str | None, csv: str | None) -> None:
    """Refuse what would be lost, before anything is written.

    Raises:
        UserError: a page or a picture is to go to standard output, or two of them into one file.
    """
    for option, place in (("--html", html), ("--svg", svg)):
        if place == "-":
            raise UserError(
                f"{option} writes a file, not standard output.",
                hint=f"Give {option} a path; './-' is the file of that name.",
            )
    taken: dict[str, str] = {}
    for option, place in (("--html", html), ("--svg", svg), ("--csv", csv)):
        if not place or (option == "--csv" and place == "-"):
            continue
        real = os.path.realpath(place)
        if real in taken:
            raise UserError(
                f"{taken[real]} and {option} would both write {place}.",
                hint="Give each a file of its own.",
            )
        taken[real] = option


def write_page(
    place: str,
    ledger: "Ledger",
    report: "Report",
    tasks: "Sequence[Account]",
    settings: "Settings",
    *,
    bench: "BenchStarted | None" = None,
) -> None:
    """Write the page of a report on these tasks, and say where it is.

    Raises:
        UserError: there are no runs, or the file cannot be written.
        StoreError: the ledger cannot be read.
    """
    from agentsys.evaluation.page import gathered, rendered

    _require(report.rows)
    if len(report.rows) > MOST:
        raise UserError(
            f"{len(report.rows):,} rows are too many for a page.",
            hint=f"Choose fewer than {MOST}, as with '--by graph' or '--bench'.",
        )
    texts = columns(report.usd_per_failure)
    content = gathered(
        ledger,
        report,
        tasks,
        bench=bench,
        columns=list(texts),
        table={row.graph: [text(row) for text in texts.values()] for row in report.rows},
        prices=prices(report, settings),
    )
    page = rendered(content)
    write_whole(place, page)
    say(f"{place}: a page of {len(page.encode()) / 1e6:.1f} MB; open it in a browser.", err=True)


def write_picture(place: str, report: "Report") -> None:
    """Write the plot of cost against success, and say where it is.

    Raises:
        UserError: nothing succeeded, or the file cannot be written.
    """
    from agentsys.evaluation.page import picture

    _require(report.rows)
    if all(row.cps_usd is None for row in report.rows):
        raise UserError(
            "Nothing succeeded, so there is no cost per success to draw.",
            hint="'agentsys report' shows how the runs ended.",
        )
    write_whole(place, picture(report.rows))
    say(f"{place}: cost against success as SVG.", err=True)


def _require(rows: "Sequence[Row]") -> None:
    if not rows:
        raise UserError(
            "The ledger has no runs for this.", hint="Begin with 'agentsys run' or 'bench'."
        )
