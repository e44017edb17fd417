"""`agentsys bench`: graphs on a suite."""

import asyncio
import shlex
from typing import TYPE_CHECKING, Annotated

import typer

from agentsys.cli.main import INTERRUPTED
from agentsys.cli.options import Config

if TYPE_CHECKING:
    from agentsys.evaluation.bench import Bench, OnProgress
    from agentsys.ledger import Ledger
    from agentsys.settings import Settings


def bench(
    suite: Annotated[
        str | None, typer.Argument(help="'word-problems', 'word-problems-free'.")
    ] = None,
    graph: Annotated[
        list[str] | None, typer.Option("--graph", help="A graph to run; repeat for several.")
    ] = None,
    limit: Annotated[int | None, typer.Option("--limit", help="At most so many tasks.")] = None,
    concurrency: Annotated[int, typer.Option("--concurrency", help="Tasks at once.")] = 8,
    seed: Annotated[
        int | None, typer.Option("--seed", help="Of the tasks and the replies; 0 if not given.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the rows as JSON.")] = False,
    resume: Annotated[
        str | None,
        typer.Option("--resume", metavar="BENCH", help="Go on with a bench; 'last': the newest."),
    ] = None,
    config: Config = None,
) -> None:
    """Run graphs on a suite; print success, cost per success and the rest, side by side.

    Ctrl-C keeps and reports the finished tasks; --resume goes on. The exit code is 1 if every
    run of a graph failed.
    """
    from agentsys.ledger import Ledger
    from agentsys.settings import Settings

    settings = Settings.load(config)
    ledger = Ledger.open(settings.store_url)
    if resume is None:
        planned = _planned(suite, graph or [], limit, seed or 0)
    else:
        planned = _resumed(ledger, resume, suite, graph or [], limit, seed)
    finished = _finished(planned, ledger, config, concurrency)
    if not finished and not planned.begun(ledger):
        raise typer.Exit(INTERRUPTED)
    broken = _print(planned.id, ledger, settings, as_json=as_json)
    if not finished:
        _say_how_to_go_on(planned.id, config)
        raise typer.Exit(INTERRUPTED)
    if broken:
        raise typer.Exit(1)


def _finished(planned: "Bench", ledger: "Ledger", config: str | None, concurrency: int) -> bool:
    """Run it; what stops it is raised, after a line that says how to go on."""
    from agentsys.errors import Busy, StoreError, UserError

    try:
        return _run(planned, config, concurrency)
    except Busy:
        raise
    except StoreError:
        _say_how_to_go_on(planned.id, config)
        raise
    except UserError:
        if planned.begun(ledger):
            _say_how_to_go_on(planned.id, config)
        raise


def _planned(suite: str | None, graphs: list[str], limit: int | None, seed: int) -> "Bench":
    from agentsys.errors import UserError
    from agentsys.evaluation.bench import Bench, new_id
    from agentsys.evaluation.suites import SUITES, load_suite
    from agentsys.project import find_graph

    if suite is None:
        raise UserError("There is no suite.", hint=f"Give one of: {', '.join(SUITES)}.")
    if not graphs:
        raise UserError("There is no graph.", hint="Give --graph NAME, once or more often.")
    loaded = load_suite(suite, limit=limit, seed=seed)
    return Bench(new_id(), loaded, {name: find_graph(name) for name in graphs})


def _resumed(
    ledger: "Ledger",
    resume: str,
    suite: str | None,
    graphs: list[str],
    limit: int | None,
    seed: int | None,
) -> "Bench":
    from agentsys.errors import UserError
    from agentsys.evaluation.bench import Bench, find_bench
    from agentsys.evaluation.suites import load_suite
    from agentsys.project import find_graph

    begun = find_bench(ledger, resume)
    if (
        suite not in (None, begun.suite)
        or not set(graphs) <= set(begun.graphs)
        or limit not in (None, begun.limit)
        or seed not in (None, begun.seed)
    ):
        tasks = "all tasks" if begun.limit is None else f"--limit {begun.limit}"
        raise UserError(
            f"The bench {begun.bench!r} is {begun.suite!r} with {', '.join(begun.graphs)}, "
            f"{tasks} and --seed {begun.seed}.",
            hint="Leave the suite, the graphs, the limit and the seed out to go on with it.",
        )
    loaded = load_suite(begun.suite, limit=begun.limit, seed=begun.seed)
    return Bench(begun.bench, loaded, {name: find_graph(name) for name in begun.graphs})


def _say_how_to_go_on(bench: str, config: str | None) -> None:
    option = f" --config {shlex.quote(config)}" if config else ""
    typer.echo(f"Finished tasks are kept. Go on: agentsys bench --resume {bench}{option}", err=True)


def _run(planned: "Bench", config: str | None, concurrency: int) -> bool:
    """Whether it came to its end; Ctrl-C ends it earlier."""
    from agentsys.cli.bars import progress
    from agentsys.cli.notices import notices
    from agentsys.evaluation.bench import Progress as Step

    with progress() as bars, notices():
        tasks = len(planned.suite.tasks)
        ids = {name: bars.add_task(name, total=tasks, won=0) for name in planned.graphs}

        def show(step: Step) -> None:
            bars.update(ids[step.graph], completed=step.finished, won=step.successes)

        try:
            asyncio.run(_solve(planned, config, concurrency, show))
        except KeyboardInterrupt:
            return False
    return True


async def _solve(
    planned: "Bench", config: str | None, concurrency: int, show: "OnProgress"
) -> None:
    from agentsys.system import System

    async with System.load(config) as system:
        skipped = await planned.run(system, concurrency=concurrency, on_progress=show)
    if skipped:
        typer.echo(f"{skipped} tasks were finished before and not run again.", err=True)


def _print(bench: str, ledger: "Ledger", settings: "Settings", *, as_json: bool) -> bool:
    """Print the report; gives whether a graph has nothing but failed runs."""
    from agentsys.cli.figures import print_report
    from agentsys.evaluation.report import report

    computed = report(ledger, bench=bench, usd_per_failure=settings.usd_per_failure)
    print_report(computed, settings, as_json=as_json)
    typer.echo(f"bench {bench}; 'agentsys report --bench {bench}' prints this again", err=as_json)
    return any(set(row.statuses) == {"failed"} for row in computed.rows)
