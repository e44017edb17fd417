"""A report as a table for spreadsheets: CSV with the columns that `--json` has."""

import csv
import io
import json
from typing import TYPE_CHECKING, Any

from agentsys.cli.files import write_whole
from agentsys.cli.output import say
from agentsys.evaluation.reports.numbers import several

if TYPE_CHECKING:
    from agentsys.evaluation.reports.report import Report

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
"""How a text begins that a spreadsheet may take for a formula (OWASP, "CSV Injection")."""


def write_csv(place: str, report: "Report") -> None:
    """Write the rows to a file, or for `-` to standard output.

    Raises:
        UserError: the file cannot be written.
    """
    text = as_csv(report)
    if place == "-":
        print(text, end="")
        return
    write_whole(place, text)
    say(f"{place}: {several(len(report.rows), 'row')} as CSV.", err=True)


def as_csv(report: "Report") -> str:
    """A line of names, then a line a row; intervals and other lists are JSON in their cell."""
    from agentsys.evaluation.reports.report import Row

    names = list(Row.model_fields)
    written = io.StringIO(newline="")
    writer = csv.writer(written)
    writer.writerow(names)
    for row in report.to_json():
        writer.writerow([_cell(row[name]) for name in names])
    return written.getvalue()


def _cell(value: Any) -> Any:
    if isinstance(value, str):
        return f"'{value}" if value.startswith(_FORMULA) else value
    return json.dumps(value) if isinstance(value, list | dict) else value
