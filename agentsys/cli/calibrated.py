"""Thresholds that a command has fitted, lists or puts in use: in one event loop, with progress."""

import asyncio
import shlex
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import typer

from agentsys.cli.bars import progress
from agentsys.cli.calibrate_tables import line, print_calibrated, print_lines, print_shown
from agentsys.cli.main import INTERRUPTED
from agentsys.cli.notices import notices
from agentsys.cli.output import print_json, say
from agentsys.cli.planned import judging_scorer
from agentsys.errors import Busy, StoreError, UnknownName, UserError
from agentsys.evaluation.bench import Bench, OnProgress, Progress, new_id
from agentsys.evaluation.thresholds.calibration import Calibration
from agentsys.evaluation.thresholds.drift import drift
from agentsys.evaluation.thresholds.objective import Objective
from agentsys.evaluation.thresholds.plan import Plan, find
from agentsys.evaluation.thresholds.result import Calibrated
from agentsys.ledger import Ledger
from agentsys.project import find_graph
from agentsys.settings import Settings
from agentsys.stores import Store
from agentsys.system import System
from agentsys.thresholds import Kept, kept_in, named, versions

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is on the command line, but for the objective; `None`: it is not."""

    graph: str | None = None
    suite: str | None = None
    file: str | None = None
    scorer: str | None = None
    field: str | None = None
    limit: int | None = None
    seed: int | None = None


def carried_out(
    wanted: Wanted,
    objective: Objective | None,
    resume: str | None,
    concurrency: int,
    config: str | None,
    *,
    as_json: bool,
) -> bool:
    """Fit, measure and print; whether there is a threshold."""
    ledger = _ledger(config)
    plan = (
        _planned(wanted, objective, config)
        if resume is None
        else _resumed(ledger.store, wanted, objective, resume)
    )
    calibration = _calibration(plan)
    try:
        found = _run(calibration, concurrency, config)
    except Busy:
        raise
    except (KeyboardInterrupt, StoreError, UserError) as error:
        if calibration.begun(ledger):
            _say_how_to_go_on(plan.id, config)
        if isinstance(error, KeyboardInterrupt):
            raise typer.Exit(INTERRUPTED) from None
        raise
    used = asyncio.run(kept_in(ledger.store).in_use(found.graph)) == found.version
    print_calibrated(found, in_use=used, as_json=as_json)
    return found.threshold is not None


def listed(graph: str | None, config: str | None, *, as_json: bool) -> None:
    """Print the versions, and which are in use."""

    async def rows(store: Store) -> list[dict[str, Any]]:
        names = [name for name in await kept_in(store).graphs() if graph in (None, name)]
        used = {name: await kept_in(store).in_use(name) for name in names}
        kept = [each for name in names for each in await versions(store, name)]
        return [line(each, in_use=used[each.graph] == each.thresholds.version) for each in kept]

    found = _with_store(config, rows)
    print_json(found) if as_json else print_lines(found)


def shown(version: str, config: str | None, *, as_json: bool) -> None:
    """Print one version, and how far confidences have moved since."""

    async def found(store: Store) -> tuple[Kept, str]:
        kept = await named(store, version)
        return kept, await kept_in(store).in_use(kept.graph)

    kept, used = _with_store(config, found)
    about = Calibrated.model_validate(kept.about)
    moved = drift(_ledger(config), about, kept.written)
    print_shown(about, moved, in_use=used == kept.thresholds.version, as_json=as_json)


def put_in_use(version: str, config: str | None) -> None:
    """Have the runs of a version's graph use it."""

    async def work(store: Store) -> Kept:
        kept = await named(store, version)
        await kept_in(store).use(kept.graph, kept.thresholds.version)
        return kept

    kept = _with_store(config, work)
    say(f"Runs of {kept.graph} use {kept.thresholds.version}.")


def put_out_of_use(graph: str, config: str | None) -> None:
    """Have a graph's definitions decide again."""

    async def work(store: Store) -> str:
        before, known = await kept_in(store).in_use(graph), await kept_in(store).graphs()
        if not before and graph not in known:
            raise UnknownName("graph with thresholds", graph, known)
        await kept_in(store).use(graph, "")
        return before

    before = _with_store(config, work)
    was = f"; {before} is kept: 'agentsys calibrate use {before}'" if before else ""
    say(f"Runs of {graph} use the thresholds of its definitions{was}.")


def _planned(wanted: Wanted, objective: Objective | None, config: str | None) -> Plan:

    if wanted.graph is None:
        raise UserError("There is no graph.", hint="Give --graph NAME.")
    if wanted.suite is None:
        raise UserError("There are no tasks.", hint="Give --suite NAME, or a file of tasks.")
    if objective is None:
        raise UserError(
            "There is no objective.",
            hint="Give --objective loaded-cps, --success-floor SHARE or --certify alpha=A,delta=D.",
        )
    return Plan(
        new_id(),
        wanted.graph,
        wanted.suite,
        objective,
        Settings.load(config).usd_per_failure,
        file=wanted.file,
        limit=wanted.limit,
        seed=wanted.seed or 0,
        scorer=wanted.scorer,
        field=wanted.field,
    )


def _resumed(store: Store, wanted: Wanted, objective: Objective | None, resume: str) -> Plan:

    if wanted != Wanted() or objective is not None:
        raise UserError(
            "A calibration that is resumed has its own graph, tasks and objective.",
            hint="Leave all but --resume, --concurrency and --json out.",
        )
    return asyncio.run(find(store, resume))


def _calibration(plan: Plan) -> Calibration:

    judge = judging_scorer(plan.scorer, plan.field)
    return Calibration.of(plan, find_graph(plan.graph), judge=judge)


def _run(calibration: Calibration, concurrency: int, config: str | None) -> Calibrated:

    with progress() as bars, notices():

        def on_bench(bench: Bench) -> OnProgress:
            total = len(bench.suite.tasks)
            ids = {name: bars.add_task(name, total=total, won=0) for name in bench.graphs}

            def show(step: Progress) -> None:
                bars.update(ids[step.graph], completed=step.finished, won=step.successes)

            return show

        async def work() -> Calibrated:

            async with System.load(config) as system:
                return await calibration.run(system, on_bench, concurrency=concurrency)

        return asyncio.run(work())


def _say_how_to_go_on(plan_id: str, config: str | None) -> None:
    option = f" --config {shlex.quote(config)}" if config else ""
    say(f"Finished tasks are kept. Go on: agentsys calibrate --resume {plan_id}{option}", err=True)


def _ledger(config: str | None) -> Ledger:
    return Ledger.open(Settings.load(config).store_url)


def _with_store(config: str | None, work: Callable[[Store], Awaitable[T]]) -> T:
    async def closed() -> T:
        store = _ledger(config).store
        try:
            return await work(store)
        finally:
            await store.close()

    return asyncio.run(closed())
