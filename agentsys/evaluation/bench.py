"""Run graphs over a suite, so that nothing finished is ever lost.

Each task's outcome is in the ledger right after its run. Tasks are taken in order, and each is
given to every graph, as often as is asked for, before the next one, so that what an interruption
leaves can be compared.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import uuid4

from agentsys.errors import UserError
from agentsys.evaluation.in_force import InForce, again, now
from agentsys.evaluation.solving import OnProgress, Progress, Solving
from agentsys.evaluation.suites import Source, Suite
from agentsys.evaluation.unknown import unknown_bench
from agentsys.events import BenchStarted, Event
from agentsys.leases import leased
from agentsys.ledger import Ledger
from agentsys.node import Node
from agentsys.stores import Store
from agentsys.system import System
from agentsys.thresholds import Thresholds

__all__ = ["Bench", "OnProgress", "Progress", "find_bench", "new_id"]


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
        raise unknown_bench(name, every)
    return every[name]


@dataclass(frozen=True)
class Bench:
    """Graphs, by name, on a suite. A bench of an id that is in the ledger goes on where it was."""

    id: str
    suite: Suite
    graphs: Mapping[str, Node[Any, Any]]
    thresholds: Mapping[str, Thresholds] = field(default_factory=dict[str, Thresholds])
    """By graph; default: those in use for its name when the bench begins, and the router so."""
    repeat: int = 1
    """How often each graph solves each task, each time with another seed."""

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
        self._prepare(system)
        async with leased(system.store, f"bench:{self.id}", f"The bench {self.id!r}"):
            in_force = await self._begin(system, system.ledger, system.store)
            work = Solving(
                self._started,
                self.suite,
                self.graphs,
                in_force,
                system,
                system.ledger,
                on_progress,
            )
            await work.run(concurrency)
            return work.skipped

    def begun(self, ledger: Ledger) -> bool:
        """Whether the ledger knows it."""
        return next(ledger.events(BenchStarted, bench=self.id), None) is not None

    def _prepare(self, system: System) -> None:
        """Make what can go wrong go wrong before any call."""
        if self.repeat < 1:
            raise UserError(f"{self.repeat} repeats run nothing.", hint="Give 1 or more.")
        for name, graph in self.graphs.items():
            self.suite.require(name, graph)
        for graph in (*self.graphs.values(), *self.suite.scorer.graphs):
            for tier in graph.tiers:
                system.models[tier]  # raises where it is not configured
            graph.graph()  # compiled now, so that no task's time has it in

    @property
    def _started(self) -> BenchStarted:
        suite = self.suite
        return BenchStarted(
            bench=self.id,
            suite=suite.name,
            graphs=tuple(self.graphs),
            limit=suite.limit,
            seed=suite.seed,
            tasks=len(suite.tasks),
            source=suite.source.to_json(),
            repeat=self.repeat,
        )

    async def _begin(self, system: System, ledger: Ledger, store: Store) -> dict[str, InForce]:
        """Write down how it begins, or go on as it was begun; gives what all runs take."""
        recorded = next(ledger.events(BenchStarted, bench=self.id), None)
        begun = None if recorded is None else recorded.event
        if begun is not None and _comparable(begun) != _comparable(self._started):
            raise UserError(
                f"The bench {self.id!r} was begun with other graphs or tasks.",
                hint="Leave the suite and all that chooses its tasks out to go on with it.",
            )
        if isinstance(begun, BenchStarted) and begun.in_force is not None:
            return await again(begun.in_force, self.graphs, self.thresholds, store)
        in_force = await now(self.graphs, self.thresholds, system)
        if begun is None:
            names = {graph: takes.names for graph, takes in in_force.items()}
            await ledger.write(replace(self._started, in_force=names))
        return in_force


def _comparable(event: Event) -> Event:
    """Suite, tasks and graphs, as benches are begun now; before there were sources, they had none.

    What was in force is no part of it: a bench that goes on takes it from there.
    """
    if isinstance(event, BenchStarted):
        return replace(event, source=Source.from_json(event.source).to_json(), in_force=None)
    return event
