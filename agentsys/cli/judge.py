"""`agentsys judge`: what judges are worth: gold sets, calibration, leaderboards."""

import json
from pathlib import Path
from typing import Annotated

import typer

from agentsys.cli.options import Config

GoldFile = Annotated[
    Path, typer.Option("--gold", metavar="FILE", help="Answers with labels, a JSON line each.")
]
Graphs = Annotated[
    list[str] | None,
    typer.Option("--graph", help="A judge; repeat for several. Default: all that judge such."),
]
Limit = Annotated[int | None, typer.Option("--limit", help="At most so many items, at random.")]
Seed = Annotated[int, typer.Option("--seed", help="Of the replies, and of what is drawn.")]
Concurrency = Annotated[int, typer.Option("--concurrency", help="Verdicts at once.")]

judge = typer.Typer(rich_markup_mode=None)


@judge.callback(invoke_without_command=True)
def overview(context: typer.Context) -> None:
    """What judges are worth, measured on answers whose labels are known.

    A verdict is kept and never paid twice: a command that was stopped does only what is left when
    it is given again.
    """
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


@judge.command(short_help="Make a gold set of a suite, half of it with errors put in.")
def gold(
    suite: Annotated[str, typer.Argument(metavar="SUITE", help="'word-problems'.")],
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="A file that is not there.")],
    limit: Annotated[int | None, typer.Option("--limit", help="At most so many tasks.")] = None,
    pairs: Annotated[
        bool, typer.Option("--pairs", help="Two answers to each task, for judges of pairs.")
    ] = False,
    seed: Seed = 0,
) -> None:
    """Make a gold set: right solutions of held-out tasks, every second one with an error in it.

    An operand, an operator or a unit is another one, or a number is off by one; what has the right
    value all the same is no error. Each line says which step is wrong, and how.
    """
    from collections import Counter

    from agentsys.cli.output import say
    from agentsys.evaluation.judging.injected import gold_set
    from agentsys.evaluation.suites import load_suite

    lines = list(gold_set(load_suite(suite, limit=limit, seed=seed), pairs=pairs))
    _write(out, "".join(f"{json.dumps(line, ensure_ascii=False)}\n" for line in lines))
    kinds = Counter(line.get("error", "correct") for line in lines)
    say(f"{out}: {len(lines)} answers: {', '.join(f'{n} {kind}' for kind, n in kinds.items())}.")


@judge.command(short_help="Fit how judges are weighed and calibrated, and keep it.")
def calibrate(
    gold: GoldFile,
    graph: Graphs = None,
    limit: Limit = None,
    concurrency: Concurrency = 8,
    seed: Seed = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print the rows as JSON.")] = False,
    config: Config = None,
) -> None:
    """Fit how judges are weighed and calibrated; keep it, with who was measured, in the store.

    On one half of the items; the figures are those of the other half. What was measured of a judge
    whose prompts, code or models have changed is not used any more.
    """
    from agentsys.cli.judge_tables import print_calibrated
    from agentsys.cli.judged import Asked

    rows = Asked.read(gold, graph or [], limit, seed, concurrency, config).calibrated()
    print_calibrated(rows, as_json=as_json)
    if not all(row.labels for row in rows):
        raise typer.Exit(1)


@judge.command(short_help="Rank judges by accuracy and rating on the same items.")
def leaderboard(
    gold: GoldFile,
    graph: Graphs = None,
    limit: Limit = None,
    concurrency: Concurrency = 8,
    seed: Seed = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON object.")] = False,
    config: Config = None,
) -> None:
    """Rank judges on the same items: accuracy, rating, agreement, calibration, cost."""
    from agentsys.cli.judge_tables import print_board
    from agentsys.cli.judged import Asked

    found = Asked.read(gold, graph or [], limit, seed, concurrency, config).ranked()
    print_board(found, as_json=as_json)
    if any(row.failed == row.items for row in found.judges):
        raise typer.Exit(1)


def _write(file: Path, text: str) -> None:
    from agentsys.errors import UserError

    try:
        with file.open("x", encoding="utf-8") as opened:
            opened.write(text)
    except FileExistsError as error:
        raise UserError(f"{file} is there already.", hint="Name a new file.") from error
    except OSError as error:
        raise UserError(f"{file} cannot be written: {error.strerror}.") from error
