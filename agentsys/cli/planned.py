"""The bench that a command line asks for: a new one, or one to go on with."""

import asyncio
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agentsys.cli.recording import NOTHING_RECORDED, Recordings, options

if TYPE_CHECKING:
    from collections.abc import Iterable

    from agentsys.evaluation.bench import Bench
    from agentsys.evaluation.scorers import Scorer
    from agentsys.evaluation.suites import Source, Split, Suite
    from agentsys.events import BenchStarted
    from agentsys.ledger import Ledger
    from agentsys.node import Node


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is on the command line; `None`: it is not."""

    suite: str | None = None
    graphs: tuple[str, ...] = ()
    file: str | None = None
    split: "Split | None" = None
    scorer: str | None = None
    field: str | None = None
    limit: int | None = None
    seed: int | None = None
    repeat: int | None = None
    recordings: Recordings = NOTHING_RECORDED


def planned(wanted: Wanted) -> "Bench":
    """A new bench.

    Raises:
        UserError: something is missing, or there is no such thing.
    """
    from agentsys.errors import UserError
    from agentsys.evaluation.bench import Bench, new_id
    from agentsys.evaluation.suites import CHOICES, load_suite
    from agentsys.project import find_graph

    if wanted.suite is None and wanted.recordings.recorded is None:
        raise UserError("There is no suite.", hint=CHOICES)
    if not wanted.graphs:
        raise UserError("There is no graph.", hint="Give --graph NAME, once or more often.")
    judge = judging_scorer(wanted.scorer, wanted.field)
    name, file = wanted.recordings.suite(wanted.suite, wanted.file)
    suite = load_suite(
        name,
        file=file,
        limit=wanted.limit,
        seed=wanted.seed or 0,
        split=wanted.split or "all",
        scorer=judge or wanted.scorer,
        field=None if judge else wanted.field,
    )
    graphs = {name: find_graph(name) for name in wanted.graphs}
    graphs, instead = wanted.recordings.graphs(graphs)
    suite = replace(suite, source=replace(suite.source, instead=instead))
    return Bench(new_id(), suite, graphs, repeat=1 if wanted.repeat is None else wanted.repeat)


def resumed(ledger: "Ledger", bench: str, wanted: Wanted) -> "Bench":
    """A bench as it was begun.

    Raises:
        UserError: there is none, the command line says something else, its file has changed, or a
            calibration has begun it.
    """
    from agentsys.errors import UserError
    from agentsys.evaluation.bench import Bench, find_bench
    from agentsys.evaluation.suites import Source

    begun = find_bench(ledger, bench)
    _refuse_calibrations(ledger, begun.bench)
    source = Source.from_json(begun.source)
    if not _agree(wanted, begun, source):
        raise UserError(
            f"The bench {begun.bench!r} is {_described(begun, source)}.",
            hint="Leave the suite and all that chooses its tasks out to go on with it.",
        )
    suite, graphs = suite_of(begun), graphs_of(begun, begun.graphs)
    return Bench(begun.bench, suite, graphs, repeat=begun.repeat)


def suite_of(begun: "BenchStarted") -> "Suite":
    """The suite that a bench was begun with.

    Raises:
        UserError: its file has changed, or its judge is not there.
    """
    from agentsys.evaluation.suites import Source, load_again

    source = Source.from_json(begun.source)
    return load_again(
        begun.suite,
        source,
        limit=begun.limit,
        seed=begun.seed,
        scorer=judging_scorer(source.scorer, source.field or None),
    )


def graphs_of(begun: "BenchStarted", names: "Iterable[str]") -> "dict[str, Node[Any, Any]]":
    """Graphs as they run in a bench, whether they were in it or not.

    Raises:
        UserError: there is none of that name, or it cannot run on what stood in for the models.
    """
    from agentsys.evaluation.suites import Source
    from agentsys.project import find_graph

    instead = Source.from_json(begun.source).instead
    found, _ = Recordings.begun(instead).graphs({name: find_graph(name) for name in names})
    return found


def _refuse_calibrations(ledger: "Ledger", bench: str) -> None:
    from agentsys.errors import UserError
    from agentsys.evaluation.thresholds.plan import of_bench

    version = asyncio.run(of_bench(ledger.store, bench))
    if version:
        raise UserError(
            f"The bench {bench!r} is a part of the calibration {version!r}.",
            hint=f"Go on with that: agentsys calibrate --resume {version}.",
        )


def judging_scorer(scorer: str | None, field: str | None) -> "Scorer | None":
    """The scorer `judge:GRAPH`; `None` where another one is asked for."""
    from agentsys.evaluation.scorers.judged import PREFIX, Judged
    from agentsys.project import find_graph

    if scorer is None or not scorer.startswith(PREFIX):
        return None
    name = scorer.removeprefix(PREFIX)
    return Judged(name, find_graph(name), field)


def _agree(wanted: Wanted, begun: "BenchStarted", source: "Source") -> bool:
    said = (
        (wanted.file and str(Path(wanted.file).absolute()), source.file),
        (wanted.split, source.split),
        (wanted.scorer, source.scorer),
        (wanted.field, source.field),
        (wanted.limit, begun.limit),
        (wanted.seed, begun.seed),
        (wanted.repeat, begun.repeat),
    )
    names = (None, begun.suite, source.file)
    return (
        (wanted.suite in names or str(Path(wanted.suite or "").absolute()) in names)
        and set(wanted.graphs) <= set(begun.graphs)
        and wanted.recordings.agree(source.instead)
        and all(given is None or given == had for given, had in said)
    )


def _described(begun: "BenchStarted", source: "Source") -> str:
    parts = [
        f"{begun.suite!r} with {', '.join(begun.graphs)}",
        *options(source.instead),
        *([f"--file {source.file}"] if source.file else []),
        *([f"--split {source.split}"] if source.split != "all" else []),
        *([f"--scorer {source.scorer}"] if source.scorer else []),
        *([f"--field {source.field}"] if source.field else []),
        *([f"--repeat {begun.repeat}"] if begun.repeat > 1 else []),
        "all tasks" if begun.limit is None else f"--limit {begun.limit}",
    ]
    return f"{', '.join(parts)} and --seed {begun.seed}"
