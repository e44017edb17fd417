"""Run graphs over a suite, so that nothing finished is ever lost.

Each task's outcome is in the ledger right after its run. Tasks are taken in order and given to
every graph before the next one, so that what an interruption leaves can be compared.
"""

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4
from zlib import crc32

from agentsys.errors import (
    DefinitionError,
    SchemaError,
    SettingsError,
    StoreError,
    UnknownName,
    UserError,
)
from agentsys.evaluation.scorers import scored
from agentsys.evaluation.suites import Suite, Task
from agentsys.events import Assigned, BenchStarted, Event, Outcome, RunStarted
from agentsys.leases import leased
from agentsys.ledger import Ledger
from agentsys.node import Node
from agentsys.system import System
from agentsys.thresholds import Thresholds
from agentsys.writer import OnEvent

_log = logging.getLogger(__name__)

_NOT_THE_TASK = (DefinitionError, SchemaError, SettingsError, StoreError, UnknownName)
"""What every other task would end with, too: it ends the bench, and no task has failed by it."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a graph is."""

    graph: str
    finished: int
    tasks: int
    successes: int


OnProgress = Callable[[Progress], None]


def new_id() -> str:
    """A fresh bench id, which sorts by time: `20261120-083012-3fa9`."""
    return f"{time.strftime('%Y%m%d-%H%M%S', time.gmtime())}-{uuid4().hex[:4]}"


def find_bench(ledger: Ledger, bench: str) -> BenchStarted:
    """How a bench was begun; `last` is the newest one.

    Raises:
        UnknownName: there is no such bench.
    """
    every = {
        recorded.event.bench: recorded.event
        for recorded in ledger.events(BenchStarted)
        if isinstance(recorded.event, BenchStarted)
    }
    name = next(reversed(every), bench) if bench == "last" else bench
    if name not in every:
        raise UnknownName("bench", name, every)
    return every[name]


@dataclass(frozen=True)
class Bench:
    """Graphs, by name, on a suite. A bench of an id that is in the ledger goes on where it was."""

    id: str
    suite: Suite
    graphs: Mapping[str, Node[Any, Any]]
    thresholds: Mapping[str, Thresholds] = field(default_factory=dict[str, Thresholds])
    """By graph; default: those in use for its name."""

    async def run(
        self, system: System, *, concurrency: int = 8, on_progress: OnProgress | None = None
    ) -> int:
        """Run every task that has no outcome yet; gives the number that had one.

        A task whose run raises has failed, unless the configuration or a definition is to blame.
        Cancel it when you like: what is finished is kept.

        Raises:
            UserError: a graph does not suit the suite, a tier is missing, the system has no
                ledger, the bench was begun with something else, or somebody works on it (`Busy`);
                under way: a deployment or a definition cannot be used.
            StoreError: the ledger cannot be written; what it has is kept.
        """
        if system.store is None or system.ledger is None:
            raise UserError("A bench needs a ledger.", hint="Give it a store: System(…, store=…).")
        if concurrency < 1:
            raise UserError(f"A concurrency of {concurrency} runs nothing.", hint="Give 1 or more.")
        for name, graph in self.graphs.items():
            self.suite.require(name, graph)
            for tier in graph.tiers:
                system.models[tier]  # raises where it is not configured
            graph.graph()  # compiled now, so that no task's time has it in
        async with leased(system.store, f"bench:{self.id}", f"The bench {self.id!r}"):
            await self._begin(system.ledger)
            work = _Work(self, system, system.ledger, on_progress)
            await work.run(concurrency)
            return work.skipped

    def begun(self, ledger: Ledger) -> bool:
        """Whether the ledger knows it."""
        return next(ledger.events(BenchStarted, bench=self.id), None) is not None

    async def _begin(self, ledger: Ledger) -> None:
        suite = self.suite
        started = BenchStarted(
            self.id, suite.name, tuple(self.graphs), suite.limit, suite.seed, len(suite.tasks)
        )
        before = next(ledger.events(BenchStarted, bench=self.id), None)
        if before is None:
            await ledger.write(started)
        elif before.event != started:
            raise UserError(
                f"The bench {self.id!r} was begun with other graphs or tasks.",
                hint="Leave the suite, the graphs, the limit and the seed out to go on with it.",
            )


class _Work:
    """A bench under way."""

    def __init__(
        self, bench: Bench, system: System, ledger: Ledger, on_progress: OnProgress | None
    ) -> None:
        self._bench, self._system, self._ledger = bench, system, ledger
        self._on_progress = on_progress
        self._done: dict[tuple[str, str], bool] = {}
        self._won = Counter[str]()
        self._finished = Counter[str]()
        for recorded in ledger.events(Outcome, bench=bench.id):
            if isinstance(event := recorded.event, Outcome):
                self._keep(event.graph, event.task_id, event.success)
        self.skipped = len(self._done)

    async def run(self, concurrency: int) -> None:
        for graph in self._bench.graphs:
            self._tell(graph)
        todo = self._todo()
        workers = [asyncio.ensure_future(self._worker(todo)) for _ in range(concurrency)]
        try:
            await asyncio.gather(*workers)
        finally:
            for worker in workers:
                worker.cancel()
            await asyncio.gather(*workers, return_exceptions=True)

    def _todo(self) -> Iterator[tuple[str, Task]]:
        for task in self._bench.suite.tasks:
            for graph in self._bench.graphs:
                if (graph, task.id) not in self._done:
                    yield graph, task

    async def _worker(self, todo: Iterator[tuple[str, Task]]) -> None:
        for graph, task in todo:
            success = await self._solve(graph, task)
            self._keep(graph, task.id, success)
            self._tell(graph)

    async def _solve(self, graph: str, task: Task) -> bool:
        """Run, score, record."""
        suite, run_ids = self._bench.suite, list[str]()

        async def assign(run_id: str) -> None:
            run_ids.append(run_id)
            await self._ledger.write(Assigned(run_id, graph, suite.name, self._bench.id, task.id))

        async def watch(event: Event) -> None:
            if isinstance(event, RunStarted):
                await assign(event.run_id)

        success = False
        try:
            success = await self._score(graph, task, watch)
        except _NOT_THE_TASK:
            raise
        except Exception:  # whatever a task raises, it has failed
            _log.debug("Task %s of %s raised.", task.id, graph, exc_info=True)
        if not run_ids:
            await assign(uuid4().hex)  # it raised before its run began
        await self._ledger.write(
            Outcome(
                run_ids[-1], graph, suite.name, self._bench.id, task.id, success, suite.scorer.name
            )
        )
        return success

    async def _score(self, graph: str, task: Task, watch: OnEvent) -> bool:
        node, suite = self._bench.graphs[graph], self._bench.suite
        run = await self._system.run(
            node,
            task.fitted(node.takes),
            seed=crc32(f"{suite.seed} {task.id}".encode()),
            name=graph,
            thresholds=self._bench.thresholds.get(graph),
            on_event=watch,
        )
        if not run.has_output:
            return False
        return (await scored(suite.scorer, run.output_json(), task, self._system)).success

    def _keep(self, graph: str, task_id: str, success: bool) -> None:
        self._done[graph, task_id] = success
        self._finished[graph] += 1
        self._won[graph] += success

    def _tell(self, graph: str) -> None:
        if self._on_progress is not None:
            tasks = len(self._bench.suite.tasks)
            self._on_progress(Progress(graph, self._finished[graph], tasks, self._won[graph]))
