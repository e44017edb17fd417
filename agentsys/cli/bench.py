"""`agentsys bench`: graphs on a suite."""

import asyncio
import shlex
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from agentsys.cli.main import INTERRUPTED
from agentsys.cli.options import Config
from agentsys.cli.planned import Wanted, planned, resumed
from agentsys.cli.recording import Large, Record, Recorded, Recordings, Replay, Small

if TYPE_CHECKING:
    from agentsys.evaluation.bench import Bench, OnProgress
    from agentsys.ledger import Ledger
    from agentsys.settings import Settings


def bench(
    suite: Annotated[
        str | None,
        typer.Argument(
            help="'word-problems', 'word-problems-free' or 'reasoning-gym:TASK'; with --file: "
            "'gsm8k', 'svamp', 'gsm-hard', 'strategyqa' or 'hotpotqa'; or a .jsonl or .csv file."
        ),
    ] = None,
    graph: Annotated[
        list[str] | None, typer.Option("--graph", help="A graph to run; repeat for several.")
    ] = None,
    file: Annotated[
        str | None, typer.Option("--file", metavar="PATH", help="The suite's tasks.")
    ] = None,
    split: Annotated[
        Literal["all", "calibration", "held-out"] | None,
        typer.Option("--split", help="A half of the tasks; with one seed, they are disjoint."),
    ] = None,
    scorer: Annotated[
        str | None,
        typer.Option(
            "--scorer",
            metavar="NAME",
            help="What decides, in place of the suite's own: exact, text, yes-no, numeric:0.01, "
            "choice, f1:0.8, set, json, math, executable, judge:GRAPH.",
        ),
    ] = None,
    field: Annotated[
        str | None,
        typer.Option("--field", metavar="NAME", help="The output's field that is scored."),
    ] = None,
    repeat: Annotated[
        int | None, typer.Option("--repeat", metavar="K", help="Each task so often, other seeds.")
    ] = None,
    limit: Annotated[
        int | None, typer.Option("--limit", help="At most so many tasks, of the split.")
    ] = None,
    concurrency: Annotated[int, typer.Option("--concurrency", help="Tasks at once.")] = 8,
    seed: Annotated[
        int | None, typer.Option("--seed", help="Of the tasks and the replies; 0 if not given.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the rows as JSON.")] = False,
    resume: Annotated[
        str | None,
        typer.Option("--resume", metavar="BENCH", help="Go on with a bench; 'last': the newest."),
    ] = None,
    record: Record = None,
    replay: Replay = None,
    recorded: Recorded = None,
    slm: Small = None,
    llm: Large = None,
    config: Config = None,
) -> None:
    """Run graphs on a suite; print success, cost per success and the rest, side by side.

    Ctrl-C keeps and reports the finished tasks; --resume goes on. The exit code is 1 if every
    run of a graph failed or was stopped by a budget.
    """
    from agentsys.ledger import Ledger
    from agentsys.settings import Settings

    settings = Settings.load(config)
    ledger = Ledger.open(settings.store_url)
    given = Recordings.given(record, replay, recorded, slm, llm)
    names = tuple(graph or ())
    wanted = Wanted(suite, names, file, split, scorer, field, limit, seed, repeat, given)
    begun = planned(wanted) if resume is None else resumed(ledger, resume, wanted)
    recordings = Recordings.begun(begun.suite.source.instead, record)
    finished = _finished(begun, ledger, config, concurrency, recordings)
    if not finished and not begun.begun(ledger):
        raise typer.Exit(INTERRUPTED)
    broken = _print(begun.id, ledger, settings, as_json=as_json)
    if not finished:
        _say_how_to_go_on(begun.id, config)
        raise typer.Exit(INTERRUPTED)
    if broken:
        raise typer.Exit(1)


def _finished(
    bench: "Bench",
    ledger: "Ledger",
    config: str | None,
    concurrency: int,
    recordings: Recordings,
) -> bool:
    """Run it; what stops it is raised, after a line that says how to go on."""
    from agentsys.errors import Busy, StoreError, UserError

    try:
        return _run(bench, config, concurrency, recordings)
    except Busy:
        raise
    except StoreError:
        _say_how_to_go_on(bench.id, config)
        raise
    except UserError:
        if bench.begun(ledger):
            _say_how_to_go_on(bench.id, config)
        raise


def _say_how_to_go_on(bench: str, config: str | None) -> None:
    option = f" --config {shlex.quote(config)}" if config else ""
    typer.echo(f"Finished tasks are kept. Go on: agentsys bench --resume {bench}{option}", err=True)


def _run(bench: "Bench", config: str | None, concurrency: int, recordings: Recordings) -> bool:
    """Whether it came to its end; Ctrl-C ends it earlier."""
    from agentsys.cli.bars import progress
    from agentsys.cli.notices import notices
    from agentsys.evaluation.bench import Progress as Step

    with progress() as bars, notices():
        tasks = len(bench.suite.tasks) * bench.repeat
        times = f" × {bench.repeat}" if bench.repeat > 1 else ""
        ids = {g: bars.add_task(f"{g}{times}", total=tasks, won=0) for g in bench.graphs}

        def show(step: Step) -> None:
            bars.update(ids[step.graph], completed=step.finished, won=step.successes)

        try:
            asyncio.run(_solve(bench, config, concurrency, show, recordings))
        except KeyboardInterrupt:
            return False
    return True


async def _solve(
    bench: "Bench",
    config: str | None,
    concurrency: int,
    show: "OnProgress",
    recordings: Recordings,
) -> None:
    async with recordings.system(config) as system:
        skipped = await bench.run(system, concurrency=concurrency, on_progress=show)
    if skipped:
        told = "1 task was" if skipped == 1 else f"{skipped:,} tasks were"
        typer.echo(f"{told} finished before and not run again.", err=True)


def _print(bench: str, ledger: "Ledger", settings: "Settings", *, as_json: bool) -> bool:
    """Print the report; gives whether a graph has nothing but runs that failed or were stopped."""
    from agentsys.cli.figures import print_report
    from agentsys.evaluation.reports.report import report

    computed = report(ledger, bench=bench, usd_per_failure=settings.usd_per_failure)
    print_report(computed, settings, as_json=as_json)
    typer.echo(f"bench {bench}; 'agentsys report --bench {bench}' prints this again", err=as_json)
    ended = [set(row.statuses) for row in computed.rows]
    return any(each and each <= {"failed", "budget_exceeded"} for each in ended)
