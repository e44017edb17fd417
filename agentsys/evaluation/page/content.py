"""What a page shows, gathered: figures, plots and failures, as texts and specifications."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from agentsys.evaluation.page import plots
from agentsys.evaluation.page.failures import Failure, expensive_failures
from agentsys.evaluation.page.reading import Sample, begun, by_graph, by_model, sample
from agentsys.evaluation.page.tradeoff import tradeoff
from agentsys.evaluation.page.visible import one_line, visible
from agentsys.evaluation.reports.account import Account
from agentsys.evaluation.reports.numbers import NONE, money, percent
from agentsys.evaluation.reports.report import Report, Row
from agentsys.events import BenchStarted
from agentsys.ledger import Ledger
from agentsys.money import NANO_PER_USD

_EMPTY = {NONE, "not measured"}

Table = Mapping[str, Sequence[str]]
"""The report's table: a row for each name, its cells below the columns' titles."""


@dataclass(frozen=True, slots=True)
class Tile:
    """A figure that stands out."""

    title: str
    figure: str
    whose: str


Cell = tuple[str, str]
"""A figure, and its interval or nothing."""


@dataclass(frozen=True, slots=True)
class Content:
    """A page."""

    title: str
    facts: tuple[tuple[str, str], ...]
    tiles: tuple[Tile, ...]
    columns: tuple[str, ...]
    table: tuple[tuple[str, tuple[Cell, ...]], ...]
    empty: tuple[str, ...]
    """Columns in which no row has a figure."""
    notes: tuple[str, ...]
    plots: tuple[plots.Plot, ...]
    failures: tuple[Failure, ...]
    failed: int
    """Failures in all."""


def gathered(
    ledger: Ledger,
    report: Report,
    tasks: Sequence[Account],
    *,
    bench: BenchStarted | None,
    columns: Sequence[str],
    table: Table,
    prices: Sequence[str],
) -> Content:
    """Everything for the page of a report.

    Args:
        ledger: Where the calls of the tasks are.
        report: Of these tasks.
        tasks: The report's.
        bench: The one that they are of; `None`: all runs.
        columns: The titles of the table.
        table: The report's rows as texts.
        prices: What each deployment that was asked costs, in words.

    Raises:
        StoreError: the ledger cannot be read.
    """
    read = sample(ledger, tasks)
    empty = tuple(
        name for at, name in enumerate(columns) if {row[at] for row in table.values()} <= _EMPTY
    )
    loaded = f"${report.usd_per_failure.normalize():f}" if report.usd_per_failure else ""
    timed: dict[str, list[float]] = {}
    for task in tasks:
        if task.finished and task.seconds is not None:
            timed.setdefault(task.graph, []).append(task.seconds)
    return Content(
        title=one_line(bench.suite, 80) if bench else "All runs",
        facts=_facts(report, tasks, begun(ledger, tasks), bench, prices),
        tiles=_tiles(report),
        columns=tuple(name for name in columns if name not in empty),
        table=tuple((visible(name), _cells(columns, row, empty)) for name, row in table.items()),
        empty=empty,
        notes=(*map(visible, report.notes), *_sampled(read)),
        plots=(
            tradeoff(report.rows, report.by),
            plots.costs(report.rows, loaded, report.by),
            plots.latencies(timed, replayed=not report.timed),
            plots.thresholds(by_graph(read, list(timed))),
            plots.reliability(by_model(read.answers)),
        ),
        failures=tuple(expensive_failures(ledger, tasks)),
        failed=sum(task.finished and not task.success for task in tasks),
    )


def _cells(columns: Sequence[str], row: Sequence[str], empty: Sequence[str]) -> tuple[Cell, ...]:
    kept = [cell for name, cell in zip(columns, row, strict=True) if name not in empty]
    parts = [visible(cell).partition(" (") for cell in kept]
    return tuple((figure, span.removesuffix(")")) for figure, _, span in parts)


def _facts(
    report: Report,
    tasks: Sequence[Account],
    moments: Sequence[datetime],
    bench: BenchStarted | None,
    prices: Sequence[str],
) -> tuple[tuple[str, str], ...]:
    facts: list[tuple[str, str]] = []
    if bench is not None:
        repeats = f", each {bench.repeat} times" if bench.repeat > 1 else ""
        facts += [
            ("bench", bench.bench),
            ("tasks", f"{bench.tasks:,}, seed {bench.seed}{repeats}"),
        ]
    else:
        facts.append(("tasks", f"{len(tasks):,}"))
    scorers = sorted({task.scorer for task in tasks} - {""})
    names = sorted({task.thresholds or "the definitions' own" for task in tasks})
    facts += [
        ("scorer", ", ".join(scorers) or "none: the graphs' own checks"),
        ("run", _when(moments)),
        ("thresholds", ", ".join(names) or "the definitions' own"),
    ]
    facts.append(("a failure costs", f"${report.usd_per_failure.normalize():f}"))
    facts.append(("prices", "; ".join(prices) or "no deployment was asked"))
    return tuple((name, visible(text)) for name, text in facts)


def _when(moments: Sequence[datetime]) -> str:
    if not moments:
        return "not known"
    first, last = (f"{moment:%Y-%m-%d %H:%M}" for moment in (moments[0], moments[-1]))
    same_day = first[:10] == last[:10]
    return f"{first} UTC" if first == last else f"{first} to {last[11:] if same_day else last} UTC"


def _tiles(report: Report) -> tuple[Tile, ...]:
    spent = Tile("Spent in all", money(report.nano_usd / NANO_PER_USD), "")
    best = _best(report.rows, "Most successes", lambda row: row.success_rate, percent, most=True)
    cheap = _best(report.rows, "Cheapest success", lambda row: row.cps_usd, money)
    loaded = _best(report.rows, "Cheapest, failures loaded", lambda row: row.loaded_cps_usd, money)
    return (*best, *cheap, *(loaded if report.usd_per_failure else ()), spent)


def _best(
    rows: Sequence[Row],
    title: str,
    value: Callable[[Row], float | None],
    text: Callable[[float | None], str],
    *,
    most: bool = False,
) -> tuple[Tile, ...]:
    known = {row.graph: each for row in rows if (each := value(row)) is not None}
    if not known:
        return ()
    best = max(known.values()) if most else min(known.values())
    names = [one_line(name, 40) for name, each in known.items() if each == best]
    if len(rows) == 1:
        names = []
    others = f" and {len(names) - 1} more" if len(names) > 2 else ""
    whose = f"{names[0]}{others}" if others else " and ".join(names)
    return (Tile(title, text(best), whose),)


def _sampled(read: Sample) -> tuple[str, ...]:
    if read.tasks == read.of:
        return ()
    return (
        f"The escalation and calibration curves are drawn from {read.tasks:,} of the"
        f" {read.of:,} tasks, taken evenly; all other figures are of all.",
    )
