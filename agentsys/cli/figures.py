"""A report as people read it."""

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING

from agentsys.cli.output import dollars, print_blocks, print_json, print_table, rates, say
from agentsys.evaluation.reports.numbers import NONE, count, joules, money, percent, seconds, span
from agentsys.money import usd

if TYPE_CHECKING:
    from agentsys.evaluation.reports.report import Report, Row
    from agentsys.settings import Settings

UPRIGHT = 4
"""Up to so many rows stand side by side, a column each, to fit an ordinary terminal."""


def print_report(report: "Report", settings: "Settings", *, as_json: bool) -> None:
    """The rows as JSON, or the table with its notes and the prices in force."""
    if as_json:
        print_json(report.to_json())
        return
    if not report.rows:
        say("The ledger has no runs for this. Begin with 'agentsys run' or 'bench'.")
        return
    texts = columns(report.usd_per_failure) | _of_benches(report.rows)
    cells = [[text(row) for text in texts.values()] for row in report.rows]
    names = [row.graph for row in report.rows]
    if len(names) <= UPRIGHT:
        upright = zip(texts, *cells, strict=True)
        print_table([report.by, *names], [list(line) for line in upright])
    else:
        beside = [[name, *line] for name, line in zip(names, cells, strict=True)]
        print_blocks([report.by, *texts], beside)
    for note in report.notes:
        say(note)
    if report.deployments:
        say(f"Prices: {'; '.join(prices(report, settings))}.")


def prices(report: "Report", settings: "Settings") -> list[str]:
    """What each deployment that was asked costs: as configured now, or as recorded models did."""
    recorded = {name: f"{name} {rates(price)}" for name, price in report.prices.items()}
    return [recorded.get(name) or _priced(name, settings) for name in report.deployments]


def _priced(name: str, settings: "Settings") -> str:
    """What a deployment costs, as configured now, and what for."""
    deployment = next((d for d in settings.deployments if d.name == name), None)
    if deployment is None:
        return f"{name}, not configured here"
    if deployment.price is None:
        return f"{name} per token, by LiteLLM's list"
    return f"{name} {deployment.price.basis}, {rates(deployment.price)}"


def _of_benches(rows: "Sequence[Row]") -> dict[str, Callable[["Row"], str]]:
    """What only some rows have: repeats, and what decided."""
    texts: dict[str, Callable[[Row], str]] = {}
    if (most := max(row.repeats for row in rows)) > 1:
        texts[f"pass^1 to pass^{most}"] = lambda row: ", ".join(map(percent, row.pass_hat or ()))
    if any(row.scorer for row in rows):
        texts["scorer"] = lambda row: row.scorer or NONE
    if any(row.thresholds for row in rows):
        texts["thresholds"] = lambda row: row.thresholds or NONE
    return texts


def columns(usd_per_failure: Decimal) -> dict[str, Callable[["Row"], str]]:
    """The figures of a row as texts, by the title of their column."""
    return {
        "tasks": lambda row: f"{row.tasks:,}",
        "success": lambda row: percent(row.success_rate) + span(row.success_ci, percent),
        "cost per success": lambda row: money(row.cps_usd) + span(row.cps_ci, money),
        f"loaded, {dollars(usd_per_failure)} a failure": lambda row: money(row.loaded_cps_usd),
        "escalated": lambda row: percent(row.escalation_rate),
        "valid at first": lambda row: percent(row.schema_validity_rate),
        "executable calls": lambda row: percent(row.executable_call_rate),
        "p50": lambda row: seconds(row.p50_s),
        "p95": lambda row: seconds(row.p95_s),
        "tokens per success": lambda row: count(row.tokens_per_success),
        "energy per task": lambda row: joules(row.energy_j),
        "ended": lambda row: ", ".join(f"{n} {name}" for name, n in row.statuses.items()) or NONE,
        "spent in all": lambda row: dollars(usd(row.nano_usd)),
    }
