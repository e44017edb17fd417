"""`agentsys calibrate`: thresholds for a graph, fitted on tasks, and which of them are in use."""

from typing import TYPE_CHECKING, Annotated, Literal

import typer

from agentsys.cli.options import Config

if TYPE_CHECKING:
    from decimal import Decimal

    from agentsys.evaluation.thresholds.objective import Objective

Version = Annotated[
    str, typer.Argument(metavar="VERSION", help="'calibrate list' has them; 'last': the newest.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]

calibrate = typer.Typer(rich_markup_mode=None)


@calibrate.callback(invoke_without_command=True)
def fit(
    context: typer.Context,
    graph: Annotated[str | None, typer.Option("--graph", help="The graph to calibrate.")] = None,
    suite: Annotated[
        str | None, typer.Option("--suite", help="Its tasks: a suite, or a .jsonl or .csv file.")
    ] = None,
    file: Annotated[
        str | None, typer.Option("--file", metavar="PATH", help="The suite's tasks.")
    ] = None,
    scorer: Annotated[
        str | None, typer.Option("--scorer", metavar="NAME", help="What decides; as in 'bench'.")
    ] = None,
    field: Annotated[
        str | None, typer.Option("--field", metavar="NAME", help="The output's field to score.")
    ] = None,
    objective: Annotated[
        Literal["loaded-cps"] | None,
        typer.Option("--objective", help="Least cost per success, failed tasks' costs added."),
    ] = None,
    fail_cost: Annotated[
        str | None,
        typer.Option("--fail-cost", metavar="USD", help="Of a failed task; else as configured."),
    ] = None,
    success_floor: Annotated[
        float | None,
        typer.Option("--success-floor", metavar="SHARE", help="Least cost at so much success."),
    ] = None,
    certify: Annotated[
        str | None,
        typer.Option(
            "--certify",
            metavar="alpha=A,delta=D",
            help="At most a share A of the accepted answers wrong; a share D of all calibrations "
            "may miss that.",
        ),
    ] = None,
    limit: Annotated[
        int | None, typer.Option("--limit", help="At most so many tasks; half of them measure.")
    ] = None,
    concurrency: Annotated[int, typer.Option("--concurrency", help="Tasks at once.")] = 8,
    seed: Annotated[int | None, typer.Option("--seed", help="Of tasks, replies and parts.")] = None,
    resume: Annotated[
        str | None,
        typer.Option("--resume", metavar="VERSION", help="Go on with one; 'last': the newest."),
    ] = None,
    as_json: AsJson = False,
    config: Config = None,
) -> None:
    """Fit from which confidence on a graph's answers are taken, and measure it on other tasks.

    Each tier answers one half of the tasks; from that follow what confidence means, node by node
    and model by model, and the threshold for one of three objectives: --objective loaded-cps (with
    --fail-cost), --success-floor or --certify. On the other half the graph is run with it, beside
    the definitions' own thresholds and each tier alone. Runs of the graph use it from then on, if
    it did not come out worse, or dearer for nothing; 'calibrate off' ends that. What judges are
    worth is another matter: 'agentsys judge calibrate'.

    Ctrl-C keeps the finished tasks; --resume goes on. The exit code is 1 if no threshold will do.
    """
    if context.invoked_subcommand is not None:
        return
    from agentsys.cli.calibrated import Wanted, carried_out

    wanted = Wanted(graph, suite, file, scorer, field, limit, seed)
    asked = _objective(objective, fail_cost, success_floor, certify, config)
    if wanted == Wanted() and asked is None and resume is None:
        typer.echo(context.get_help())
        return
    if not carried_out(wanted, asked, resume, concurrency, config, as_json=as_json):
        raise typer.Exit(1)


@calibrate.command("list", short_help="The versions, and which are in use.")
def versions(
    graph: Annotated[str | None, typer.Option("--graph", help="Of this graph alone.")] = None,
    as_json: AsJson = False,
    config: Config = None,
) -> None:
    """List the thresholds that were fitted, the newest last, and which of them are in use."""
    from agentsys.cli.calibrated import listed

    listed(graph, config, as_json=as_json)


@calibrate.command(short_help="One version: how it was fitted, and whether it still fits.")
def show(version: Version, as_json: AsJson = False, config: Config = None) -> None:
    """Print a version as it was fitted and measured, and how far confidences have moved since.

    That is the population stability index of the confidences of the graph's runs in the ledger:
    above 0.2 they are others than those that were fitted on, and new thresholds should be fitted.
    """
    from agentsys.cli.calibrated import shown

    shown(version, config, as_json=as_json)


@calibrate.command(short_help="Have runs of its graph use a version.")
def use(version: Version, config: Config = None) -> None:
    """Have the runs of a version's graph use it from now on, in all processes, within a second."""
    from agentsys.cli.calibrated import put_in_use

    put_in_use(version, config)


@calibrate.command(short_help="Have a graph's definitions decide again.")
def off(
    graph: Annotated[str, typer.Option("--graph", help="Whose thresholds are used no more.")],
    config: Config = None,
) -> None:
    """Have runs of a graph use the thresholds of its definitions; the versions stay."""
    from agentsys.cli.calibrated import put_out_of_use

    put_out_of_use(graph, config)


def _objective(
    named: str | None,
    fail_cost: str | None,
    floor: float | None,
    certify: str | None,
    config: str | None,
) -> "Objective | None":
    """What the command line asks for; `None`: nothing."""
    from agentsys.errors import UserError
    from agentsys.evaluation.thresholds.objective import LoadedCps, SuccessFloor, certified

    loaded = named is not None or fail_cost is not None
    if sum((loaded, floor is not None, certify is not None)) > 1:
        raise UserError(
            "There are two objectives.",
            hint="Give one of --fail-cost USD, --success-floor SHARE and --certify"
            " alpha=A,delta=D.",
        )
    if floor is not None:
        return SuccessFloor(floor)
    if certify is not None:
        return certified(certify)
    return LoadedCps(_failure(fail_cost, config)) if loaded else None


def _failure(fail_cost: str | None, config: str | None) -> "Decimal":
    from decimal import Decimal, InvalidOperation

    from agentsys.errors import UserError
    from agentsys.settings import Settings

    if fail_cost is None:
        return Settings.load(config).usd_per_failure
    try:
        amount = Decimal(fail_cost)
    except InvalidOperation:
        amount = Decimal(-1)
    if not amount.is_finite() or amount < 0:
        raise UserError(f"--fail-cost: {fail_cost!r} is no amount.", hint="Give dollars: 0.05.")
    return amount
