"""`agentsys compare`: two graphs, or two benches, on the same tasks."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from agentsys.cli.options import Config

if TYPE_CHECKING:
    from agentsys.evaluation.comparing.condition import Condition
    from agentsys.evaluation.comparing.side_by_side import Change, Comparison, Metric
    from agentsys.evaluation.comparing.sides import Side
    from agentsys.evaluation.reports.account import Account
    from agentsys.evaluation.resampling import Measured


def compare(
    a: Annotated[str, typer.Argument(help="What was: GRAPH, BENCH, BENCH:GRAPH or 'last'.")],
    b: Annotated[str, typer.Argument(help="What is now: so, too.")],
    bench: Annotated[
        str | None,
        typer.Option("--bench", help="The bench of graphs without one; the last, if not given."),
    ] = None,
    metric: Annotated[
        list[str] | None,
        typer.Option(
            "--metric",
            help="Show only this: success, cps, loaded-cps, p50, p95, tokens. Repeat for more.",
        ),
    ] = None,
    fail_if: Annotated[
        list[str] | None,
        typer.Option(
            "--fail-if",
            metavar="CONDITION",
            help="Exit with 1 if B is worse than A by more: 'cps +10%', 'success -2' (points),"
            " 'p95 +0.5 sure' (the whole interval is beyond). Repeat for more.",
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON list.")] = False,
    config: Config = None,
) -> None:
    """Compare B with A on the tasks that both have: success, costs, latency, tokens.

    Differences are B minus A, with 95 % intervals, and an exact test of success on the same tasks.
    """
    from agentsys.cli.output import print_json, say
    from agentsys.errors import UserError
    from agentsys.evaluation.comparing.condition import Condition
    from agentsys.evaluation.comparing.sides import pairs, tasks_of
    from agentsys.ledger import Ledger
    from agentsys.money import nano
    from agentsys.settings import Settings

    if not (a.strip() and b.strip()):
        raise UserError("A or B is empty.", hint="Give GRAPH, BENCH, BENCH:GRAPH or 'last'.")
    conditions = [Condition.parse(text) for text in fail_if or []]
    shown = _metrics(metric or [])
    settings = Settings.load(config)
    ledger = Ledger.open(settings.store_url)
    sides = [side for pair in pairs(ledger, a, b, bench=bench) for side in pair]
    read = list(zip(sides, tasks_of(ledger, sides), strict=True))
    failure = nano(settings.usd_per_failure)
    found = [_compared(*pair, failure) for pair in zip(read[::2], read[1::2], strict=True)]
    broken = [[c for c in conditions if c.broken(each.change(c.metric))] for each in found]
    if as_json:
        print_json([_json(each, failed) for each, failed in zip(found, broken, strict=True)])
    for each, failed in zip(found, broken, strict=True) if not as_json else ():
        _print(each, shown)
        for condition in conditions:
            worse = condition in failed
            say(
                f"{'FAILED' if worse else 'within'}: {condition.text}", style="red" if worse else ""
            )
        if each is not found[-1]:
            say()
    if any(broken):
        raise typer.Exit(1)


@dataclass(frozen=True, slots=True)
class _Compared:
    """Two sides, and what came of it."""

    a: "Side"
    b: "Side"
    result: "Comparison"
    notes: list[str]

    def change(self, metric: "Metric") -> "Change":
        """That of a metric."""
        return next(change for change in self.result.changes if change.metric == metric)


def _metrics(asked: list[str]) -> list[str]:
    from agentsys.errors import UnknownName
    from agentsys.evaluation.comparing.side_by_side import METRICS

    for name in asked:
        if name not in METRICS:
            raise UnknownName("metric", name, METRICS)
    return asked or list(METRICS)


_Read = tuple["Side", "list[Account]"]


def _compared(first: _Read, second: _Read, failure_nano: int) -> _Compared:
    from agentsys.errors import UserError
    from agentsys.evaluation.comparing.differences import differences
    from agentsys.evaluation.comparing.side_by_side import compare
    from agentsys.evaluation.reports.numbers import several

    (a, mine), (b, theirs) = first, second
    result = compare(mine, theirs, failure_nano=failure_nano)
    scorers = [{task.scorer for task in side if task.scorer} for side in (mine, theirs)]
    notes = differences(a, b, scorers)
    if not result.tasks:
        told = " ".join([f"{a} and {b} have finished no task in common.", *notes])
        raise UserError(told, hint="Run both on the same suite, with the same seed and split.")
    if result.only_a or result.only_b:
        alone = f"{several(result.only_a, 'task')} of A alone, {result.only_b:,} of B alone"
        notes.append(f"Left out: {alone}.")
    return _Compared(a, b, result, notes)


def _print(each: _Compared, shown: list[str]) -> None:
    from agentsys.cli.output import print_blocks, say
    from agentsys.evaluation.reports.numbers import several

    say(f"A  {each.a}")
    say(f"B  {each.b}")
    rows = [_row(change) for change in each.result.changes if change.metric in shown]
    print_blocks([several(each.result.tasks, "task"), "A", "B", "B - A", "change", "B is"], rows)
    result = each.result
    say(
        f"A alone solved {result.a_alone:,}, B alone {result.b_alone:,} of the tasks;"
        f" exact test of equal success: p = {_p(result.p)}."
    )
    for note in each.notes:
        say(note)


def _p(p: float) -> str:
    return f"{p:.2g}" if p >= 1e-6 else "less than 0.000001"


def _row(change: "Change") -> list[str]:
    from agentsys.evaluation.reports.numbers import money, percent, seconds

    text = {"success": percent, "p50": seconds, "p95": seconds, "tokens": _number}
    write = text.get(change.metric, money)
    relative = _signed(change.relative, percent)
    name = "tokens per success" if change.metric == "tokens" else change.metric
    points = change.metric == "success"
    step = (
        f"{_signed(change.difference, _points)} points"
        if points
        else _signed(change.difference, write)
    )
    return [name, write(change.a), write(change.b), step, relative, change.verdict]


def _number(value: float | None) -> str:
    from agentsys.evaluation.reports.numbers import NONE

    return NONE if value is None else f"{value:,.1f}"


def _points(share: float | None) -> str:
    from agentsys.evaluation.reports.numbers import NONE

    return NONE if share is None else f"{share * 100:.1f}"


def _signed(measured: "Measured", text: Callable[[float | None], str]) -> str:
    from agentsys.evaluation.reports.numbers import NONE

    def signed(value: float) -> str:
        return f"{'-' if value < 0 else '+'}{text(abs(value))}"

    if measured.value is None:
        return NONE
    if measured.interval is None:
        return signed(measured.value)
    low, high = measured.interval
    return f"{signed(measured.value)} ({signed(low)} to {signed(high)})"


def _json(each: _Compared, failed: "list[Condition]") -> dict[str, Any]:
    result = each.result
    return {
        "a": {"bench": each.a.bench.bench, "graph": each.a.graph},
        "b": {"bench": each.b.bench.bench, "graph": each.b.graph},
        "tasks": result.tasks,
        "only_a": result.only_a,
        "only_b": result.only_b,
        "a_alone": result.a_alone,
        "b_alone": result.b_alone,
        "p": result.p,
        "metrics": {change.metric: _measures(change) for change in result.changes},
        "notes": each.notes,
        "failed": [condition.text for condition in failed],
    }


def _measures(change: "Change") -> dict[str, Any]:
    return {
        "a": change.a,
        "b": change.b,
        "difference": change.difference.value,
        "difference_ci": change.difference.interval,
        "relative": change.relative.value,
        "relative_ci": change.relative.interval,
        "verdict": change.verdict,
    }
