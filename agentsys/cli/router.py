"""`agentsys router`: at which tier runs of a graph begin, by the text of the task."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from agentsys.cli.options import AsJson, Config
from agentsys.cli.routed import Here, listed, refuse_that_of_another, require_graph, with_store
from agentsys.errors import UserError

if TYPE_CHECKING:
    from agentsys.evaluation.routing.fitted import Judged
    from agentsys.evaluation.routing.measures import Worth
    from agentsys.ledger import Ledger

Graph = Annotated[str, typer.Option("--graph", help="The graph whose runs it is for.")]
Version = Annotated[str, typer.Argument(metavar="VERSION", help="'router list' has them.")]
Bench = Annotated[
    list[str] | None,
    typer.Option("--bench", help="Only outcomes of this bench; repeat for several; 'last'."),
]

AsObject = Annotated[bool, typer.Option("--json", help="Print a JSON object.")]

router = typer.Typer(rich_markup_mode=None)


@router.callback(invoke_without_command=True)
def overview(context: typer.Context) -> None:
    """Predicts before the answer whether the first tier will succeed; else a run begins later."""
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


@router.command()
def fit(
    graph: Graph,
    bench: Bench = None,
    below: Annotated[
        float,
        typer.Option(
            "--below", metavar="P", help="A run begins at the next tier where P is not reached."
        ),
    ] = 0.5,
    min_labels: Annotated[
        int, typer.Option("--min-labels", help="Tasks with an outcome that are needed.")
    ] = 50,
    seed: Annotated[int, typer.Option("--seed", help="Of the folds that measure it.")] = 0,
    as_json: AsObject = False,
    config: Config = None,
) -> None:
    """Fit a router on the outcomes of benches of a graph, or of one of its tiers alone.

    It is stored, and asked by no run before 'router use'. What it is worth is measured by
    cross-validation: on tasks that the router that is measured was not fitted on.
    """
    from agentsys.cli.output import print_json, say
    from agentsys.evaluation.routing.fitted import fitted_router
    from agentsys.evaluation.routing.labels import labelled
    from agentsys.project import find_graph
    from agentsys.routing import keep

    if not 0 < below < 1:
        raise UserError(f"--below {below} is no probability.", hint="Give more than 0, below 1.")
    if min_labels < 1:
        raise UserError(f"--min-labels {min_labels} is no number of tasks.", hint="Give 1 or more.")
    node = find_graph(graph)

    async def work(here: Here) -> "tuple[str, Judged]":
        ledger = here.ledger
        tasks = labelled(ledger, graph, node, _named(ledger, bench))
        kept, judged = await fitted_router(
            graph,
            node,
            tasks,
            below=below,
            least=min_labels,
            seed=seed,
            embedder=here.embedder,
        )
        await keep(here.store, graph, kept)
        return kept.router.version, judged

    version, judged = with_store(config, work)
    if as_json:
        print_json({"graph": graph, "version": version, **asdict(judged)})
        return
    _print(judged)
    say(f"Router {version}. Ask it: agentsys router use {version} --graph {graph}")


@router.command()
def evaluate(
    graph: Graph,
    version: Annotated[
        str | None, typer.Argument(metavar="[VERSION]", help="Default: the one in use.")
    ] = None,
    bench: Bench = None,
    as_json: AsObject = False,
    config: Config = None,
) -> None:
    """What a stored router is worth on outcomes that it was not fitted on."""
    from agentsys.cli.output import print_json, say
    from agentsys.evaluation.routing.fitted import judged_router
    from agentsys.evaluation.routing.labels import labelled
    from agentsys.project import find_graph
    from agentsys.routing.kept import find, kept_in

    node = find_graph(graph)

    async def work(here: Here) -> "tuple[str, Judged | None, int]":
        name = version or await kept_in(here.store).in_use(graph)
        if not name:
            raise UserError(
                f"No router of {graph!r} is in use.", hint="Name one; 'router list' has them."
            )
        kept = await find(here.store, graph, name)
        tasks = labelled(here.ledger, graph, node, _named(here.ledger, bench))
        return name, *await judged_router(kept, tasks, here.embedder)

    name, judged, left_out = with_store(config, work)
    if judged is None:
        raise UserError(
            f"The router {name!r} was fitted on all {left_out} tasks with an outcome.",
            hint="Run a bench on others, with another --seed.",
        )
    if as_json:
        print_json({"graph": graph, "version": name, **asdict(judged)})
        return
    _print(judged)
    say(f"Router {name}; {left_out} tasks that it was fitted on are left out.")


@router.command("list")
def list_(
    graph: Annotated[str | None, typer.Option("--graph", help="Of this graph alone.")] = None,
    as_json: AsJson = False,
    config: Config = None,
) -> None:
    """List the routers of graphs, and which one their runs ask."""
    from agentsys.cli.output import print_blocks, print_json, say
    from agentsys.routing.kept import kept_in

    async def work(here: Here) -> list[dict[str, Any]]:
        known = await kept_in(here.store).graphs()
        if graph is not None:
            require_graph(graph, known)
        names = known if graph is None else [graph]
        return [row for name in names for row in await listed(here.store, name)]

    rows = with_store(config, work)
    if as_json:
        print_json(rows)
    elif not rows:
        of = "" if graph is None else f" of {graph!r}"
        say(f"There is no router{of}. Fit one: agentsys router fit --graph {graph or 'GRAPH'}")
    else:
        columns = ["version", "graph", "in use", "begins at", "below", "labels"]
        lines = [[row["version"], row["graph"], "yes" if row["in_use"] else ""] for row in rows]
        more = [[row["begin"], f"{row['below']:g}", f"{row['labels']}"] for row in rows]
        print_blocks(columns, [[*a, *b] for a, b in zip(lines, more, strict=True)])


@router.command("use")
def use_(version: Version, graph: Graph, config: Config = None) -> None:
    """Have runs of a graph ask a router from now on."""
    from agentsys.cli.output import say
    from agentsys.project import find_graph
    from agentsys.routing.kept import find, kept_in
    from agentsys.versions import digest_of

    node = find_graph(graph)

    async def work(here: Here) -> None:
        await refuse_that_of_another(here.store, version, graph)
        if (await find(here.store, graph, version)).shape != digest_of(node.shape):
            raise UserError(
                f"The graph {graph!r} has changed since the router {version!r} was fitted.",
                hint=f"Fit a new one: agentsys router fit --graph {graph}",
            )
        await kept_in(here.store).use(graph, version)

    with_store(config, work)
    say(f"Runs of {graph} ask the router {version}. Stop it: agentsys router off --graph {graph}")


@router.command()
def off(graph: Graph, config: Config = None) -> None:
    """Have runs of a graph ask no router any more."""
    from agentsys.cli.output import say
    from agentsys.routing.kept import kept_in

    async def work(here: Here) -> None:
        kept = kept_in(here.store)
        require_graph(graph, await kept.graphs())
        await kept.use(graph, "")

    with_store(config, work)
    say(f"Runs of {graph} begin at the first tier.")


def _named(ledger: "Ledger", benches: list[str] | None) -> list[str]:
    from agentsys.evaluation.bench import find_bench

    return [find_bench(ledger, bench).bench for bench in benches or []]


def _print(judged: "Judged") -> None:
    from agentsys.cli.output import print_table, say

    share = judged.succeeded / judged.tasks
    say(
        f"{judged.tasks} tasks; the first tier succeeds on {share:.1%}. Mean squared error of its"
        f" chance {judged.brier:.4f}, of the mean alone {judged.brier_of_mean:.4f}."
    )
    say(
        f"Begun at the next tier: {judged.passed_over}, of which the first would have failed"
        f" {judged.passed_over_right}."
    )
    if judged.router is None or judged.length is None:
        say("APGR and CPT need tasks on which both tiers were asked alone, and a lead of the next.")
        return
    rows = [_row("router", judged.router), _row("prompt length", judged.length)]
    print_table([f"{judged.both_known} tasks", "APGR", "CPT(50 %)", "CPT(80 %)"], rows)
    say("Chance has an APGR of 0.5.")


def _row(name: str, found: "Worth") -> list[str]:
    return [name, f"{found.apgr:.3f}", f"{found.cpt_50:.1%}", f"{found.cpt_80:.1%}"]
