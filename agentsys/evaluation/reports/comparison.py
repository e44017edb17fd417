"""Which graph is best by what, and by how much, in words."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import floor, log10
from typing import Protocol

from agentsys.evaluation.reports.account import Account
from agentsys.evaluation.statistics import Difference, paired_ratio, paired_success
from agentsys.money import NANO_PER_USD


class Figures(Protocol):
    """What is read from a report's row."""

    @property
    def graph(self) -> str: ...  # noqa: D102
    @property
    def success_rate(self) -> float | None: ...  # noqa: D102
    @property
    def cps_usd(self) -> float | None: ...  # noqa: D102
    @property
    def loaded_cps_usd(self) -> float | None: ...  # noqa: D102
    @property
    def p50_s(self) -> float | None: ...  # noqa: D102
    @property
    def p95_s(self) -> float | None: ...  # noqa: D102


def best_by_column(rows: Sequence[Figures], *, timed: bool = True) -> list[str]:
    """One line that names the best row of each column; nothing where there is no choice.

    Args:
        rows: Of a report.
        timed: Whether their seconds say something of models.
    """
    if len(rows) < 2:
        return []
    columns = {
        "success": {r.graph: -r.success_rate for r in rows if r.success_rate},
        "cost per success": {r.graph: r.cps_usd for r in rows if r.cps_usd is not None},
        "loaded cost": {r.graph: r.loaded_cps_usd for r in rows if r.loaded_cps_usd is not None},
    }
    if timed:
        columns["p50"] = {r.graph: r.p50_s for r in rows if r.p50_s is not None}
        columns["p95"] = {r.graph: r.p95_s for r in rows if r.p95_s is not None}
    winners = {column: _lowest(values) for column, values in columns.items() if values}
    if not winners:
        return []
    return ["Best by " + "; ".join(f"{column}: {who}" for column, who in winners.items()) + "."]


def _lowest(values: Mapping[str, float]) -> str:
    least = min(values.values())
    return " and ".join(name for name, value in values.items() if value == least)


def paired(tasks: Iterable[Account], failure_nano: int) -> list[str]:
    """The first graph against each other one, on the tasks that both have finished."""
    graphs: dict[str, dict[str, Tried]] = {}
    for task in tasks:
        graph = graphs.setdefault(task.graph, {})
        if task.finished:
            graph.setdefault(task.task_id, Tried()).add(task)
    if len(graphs) < 2:
        return []
    (first, own), *others = graphs.items()
    failure = failure_nano / NANO_PER_USD
    lines = [_against(first, own, name, theirs, failure) for name, theirs in others]
    return [line for line in lines if line]


@dataclass(slots=True)
class Tried:
    """A task, all its repeats together."""

    times: int = 0
    successes: int = 0
    nano_usd: int = 0

    def add(self, task: Account) -> None:
        """Take in a repeat."""
        self.times += 1
        self.successes += task.success
        self.nano_usd += task.nano_usd


def _against(
    first: str,
    own: Mapping[str, Tried],
    second: str,
    theirs: Mapping[str, Tried],
    failure: float,
) -> str:
    shared = [task_id for task_id in own if task_id in theirs]
    if not shared:
        return ""
    mine, other = ([tasks[t] for t in shared] for tasks in (own, theirs))
    one, two = (
        ([task.nano_usd / NANO_PER_USD for task in side], [task.successes for task in side])
        for side in (mine, other)
    )
    tries = [task.times for task in mine], [task.times for task in other]
    success = paired_success(one[1], two[1], tries)
    cps = paired_ratio(one, two, tries)
    loaded = paired_ratio(one, two, tries, failure=failure)
    return (
        f"{first} against {second} on the same {len(shared)} tasks (95 % intervals):"
        f" success {_words(success, _percentage, ' points')};"
        f" cost per success {_words(cps, _dollars)};"
        f" loaded {_words(loaded, _dollars)}."
    )


def _words(difference: Difference, text: Callable[[float], str], unit: str = "") -> str:
    if difference.value is None:
        return "not comparable"
    value = f"{text(difference.value)}{unit}"
    if difference.interval is None:
        return f"{value} (no interval)"
    low, high = difference.interval
    verdict = "" if difference.clear else ", not clear"
    return f"{value} ({text(low)} to {text(high)}{verdict})"


def _percentage(share: float) -> str:
    return f"{share * 100:+.1f}"


def _dollars(usd: float) -> str:
    """Three significant digits, never an exponent."""
    digits = max(2, 2 - floor(log10(abs(usd)))) if usd else 2
    return f"{'-' if usd < 0 else '+'}${abs(usd):.{digits}f}"
