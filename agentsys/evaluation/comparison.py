"""Which graph is best by what, and by how much, in words."""

from collections.abc import Callable, Mapping, Sequence
from math import floor, log10
from typing import Protocol

from agentsys.evaluation.accounts import Account
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


def best_by_column(rows: Sequence[Figures]) -> list[str]:
    """One line that names the best row of each column; nothing where there is no choice."""
    if len(rows) < 2:
        return []
    columns = {
        "success": {r.graph: -r.success_rate for r in rows if r.success_rate is not None},
        "cost per success": {r.graph: r.cps_usd for r in rows if r.cps_usd is not None},
        "loaded cost": {r.graph: r.loaded_cps_usd for r in rows if r.loaded_cps_usd is not None},
        "p50": {r.graph: r.p50_s for r in rows if r.p50_s is not None},
        "p95": {r.graph: r.p95_s for r in rows if r.p95_s is not None},
    }
    winners = {column: _lowest(values) for column, values in columns.items() if values}
    if not winners:
        return []
    return ["Best by " + "; ".join(f"{column}: {who}" for column, who in winners.items()) + "."]


def _lowest(values: Mapping[str, float]) -> str:
    least = min(values.values())
    return " and ".join(name for name, value in values.items() if value == least)


def paired(groups: Mapping[str, Sequence[Account]], failure_nano: int) -> list[str]:
    """The first graph against each other one, on the tasks that both have finished."""
    if len(groups) < 2:
        return []
    (first, own), *others = groups.items()
    lines = [_against(first, own, name, group, failure_nano) for name, group in others]
    return [line for line in lines if line]


def _against(
    first: str, own: Sequence[Account], second: str, group: Sequence[Account], failure_nano: int
) -> str:
    mine = {task.task_id: task for task in own if task.finished}
    theirs = {task.task_id: task for task in group if task.finished}
    shared = [task_id for task_id in mine if task_id in theirs]
    if not shared:
        return ""
    a, b = [mine[t] for t in shared], [theirs[t] for t in shared]
    success = paired_success([t.success for t in a], [t.success for t in b])
    cps = paired_ratio(_costs(a, 0), _costs(b, 0))
    loaded = paired_ratio(_costs(a, failure_nano), _costs(b, failure_nano))
    return (
        f"{first} against {second} on the same {len(shared)} tasks (95 % intervals):"
        f" success {_words(success, _percentage, ' points')};"
        f" cost per success {_words(cps, _dollars)};"
        f" loaded {_words(loaded, _dollars)}."
    )


def _costs(tasks: Sequence[Account], failure_nano: int) -> tuple[list[float], list[bool]]:
    wins = [task.success for task in tasks]
    costs = [
        (task.nano_usd + failure_nano * (not won)) / NANO_PER_USD
        for task, won in zip(tasks, wins, strict=True)
    ]
    return costs, wins


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
