"""The work of a bench: every task to every graph, scored, and recorded at once."""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from agentsys.errors import (
    DefinitionError,
    SchemaError,
    SettingsError,
    StoreError,
    UnknownName,
)
from agentsys.evaluation.in_force import InForce
from agentsys.evaluation.scorers import Score, scored
from agentsys.evaluation.suites import Suite, Task
from agentsys.evaluation.task import seed_of
from agentsys.events import Assigned, BenchStarted, Event, Outcome, RunFinished, RunStarted
from agentsys.ledger import Ledger
from agentsys.node import Node
from agentsys.system import System

_log = logging.getLogger(__name__)

_NOT_THE_TASK = (DefinitionError, SchemaError, SettingsError, StoreError, UnknownName)
"""What every other task would end with, too: it ends the bench, and no task has failed by it."""

_ENDED = ("ok", "low_confidence", "abstained", "budget_exceeded")
"""A run that ended so is not made again, where the bench was stopped before it was scored."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a graph is."""

    graph: str
    finished: int
    tasks: int
    """Times the repeats."""
    successes: int


OnProgress = Callable[[Progress], None]


@dataclass(frozen=True, slots=True)
class _Place:
    """A task for a graph, and the how manyth time."""

    graph: str
    task_id: str
    repeat: int


class Solving:
    """A bench under way. Outputs are not kept: however many tasks there are, they fit."""

    def __init__(
        self,
        bench: BenchStarted,
        suite: Suite,
        graphs: Mapping[str, Node[Any, Any]],
        in_force: Mapping[str, InForce],
        system: System,
        ledger: Ledger,
        on_progress: OnProgress | None,
    ) -> None:
        self._bench, self._suite = bench, suite
        self._graphs, self._in_force = graphs, in_force
        self._system, self._ledger, self._on_progress = system, ledger, on_progress
        self._won, self._finished = Counter[str](), Counter[str]()
        self._done = set[_Place]()
        for recorded in ledger.events(Outcome, bench=bench.bench):
            if isinstance(event := recorded.event, Outcome):
                self._done.add(_Place(event.graph, event.task_id, event.repeat))
                self._count(event)
        self._unscored = self._runs_to_score()
        self.skipped = len(self._done)

    async def run(self, concurrency: int) -> None:
        """Solve what has no outcome yet."""
        for graph in self._graphs:
            self._tell(graph)
        todo = self._todo()
        workers = [asyncio.ensure_future(self._worker(todo)) for _ in range(concurrency)]
        try:
            await asyncio.gather(*workers)
        finally:
            for worker in workers:
                worker.cancel()
            await asyncio.gather(*workers, return_exceptions=True)

    def _runs_to_score(self) -> dict[_Place, str]:
        """Runs that had ended when the bench was stopped, and have no outcome."""
        places: dict[str, _Place] = {}
        for recorded in self._ledger.events(Assigned, bench=self._bench.bench):
            if isinstance(event := recorded.event, Assigned):
                place = _Place(event.graph, event.task_id, event.repeat)
                if place not in self._done:
                    places[event.run_id] = place
        ends = self._ledger.events(RunFinished, run_ids=[*places]) if places else ()
        return {
            places[recorded.event.run_id]: recorded.event.run_id
            for recorded in ends
            if isinstance(recorded.event, RunFinished) and recorded.event.status in _ENDED
        }

    def _todo(self) -> Iterator[tuple[_Place, Task]]:
        for task in self._suite.tasks:
            for repeat in range(self._bench.repeat):
                for graph in self._graphs:
                    place = _Place(graph, task.id, repeat)
                    if place not in self._done:
                        yield place, task

    async def _worker(self, todo: Iterator[tuple[_Place, Task]]) -> None:
        for place, task in todo:
            run_id, score = await self._solved(place, task)
            outcome = Outcome(
                run_id,
                place.graph,
                self._suite.name,
                self._bench.bench,
                task.id,
                score.success,
                self._suite.scorer.name,
                place.repeat,
                score.nano_usd,
                score.error,
            )
            await self._ledger.write(outcome)
            self._count(outcome)
            self._tell(place.graph)

    async def _solved(self, place: _Place, task: Task) -> tuple[str, Score]:
        """The run's id, and the score of what it gave."""
        if place in self._unscored:
            run_id = self._unscored[place]
            outputs = self._given(run_id)
        else:
            run_id, outputs = await self._run(place, task)
        if not outputs:
            return run_id, Score(False)
        return run_id, await scored(self._suite.scorer, outputs[0], task, self._system)

    def _given(self, run_id: str) -> tuple[Any, ...]:
        """The output of a run that has ended, from the ledger; empty where it has none."""
        for recorded in self._ledger.events(RunFinished, run_ids=[run_id]):
            event = recorded.event
            if isinstance(event, RunFinished) and event.status in _ENDED:
                best = event.status == "budget_exceeded" and event.output is not None
                return (event.output,) if best or event.status in ("ok", "low_confidence") else ()
        return ()

    async def _run(self, place: _Place, task: Task) -> tuple[str, tuple[Any, ...]]:
        """Give a task to a graph; gives the run's id, and the output if there is one."""
        run_ids = list[str]()

        async def assign(run_id: str) -> None:
            run_ids.append(run_id)
            await self._ledger.write(
                Assigned(
                    run_id,
                    place.graph,
                    self._suite.name,
                    self._bench.bench,
                    task.id,
                    place.repeat,
                )
            )

        async def watch(event: Event) -> None:
            if isinstance(event, RunStarted):
                await assign(event.run_id)

        node, takes, outputs = self._graphs[place.graph], self._in_force[place.graph], ()
        try:
            run = await self._system.run(
                node,
                task.fitted(node.takes),
                seed=seed_of(self._suite.seed, place.task_id, place.repeat),
                name=place.graph,
                thresholds=takes.thresholds,
                router=takes.router,
                on_event=watch,
            )
            outputs = (run.output_json(),) if run.has_output else ()
        except _NOT_THE_TASK:
            raise
        except Exception:  # whatever a task raises, it has failed
            _log.debug("Task %s of %s raised.", task.id, place.graph, exc_info=True)
        if not run_ids:
            await assign(uuid4().hex)  # it raised before its run began
        return run_ids[-1], outputs

    def _count(self, outcome: Outcome) -> None:
        self._finished[outcome.graph] += 1
        self._won[outcome.graph] += outcome.success

    def _tell(self, graph: str) -> None:
        if self._on_progress is not None:
            tasks = len(self._suite.tasks) * self._bench.repeat
            self._on_progress(Progress(graph, self._finished[graph], tasks, self._won[graph]))
