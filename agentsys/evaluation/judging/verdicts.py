"""Judges on a gold set, so that no verdict is ever paid twice.

A verdict is a run of its own, whose id says who judged (`Identity`), what, and with which seed. One
that the ledger has is taken from there; one that was cut off goes on; one that failed is tried
again. So a command that is stopped and given again does only what is left, and a leaderboard takes
what a calibration has paid for.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any, cast
from zlib import crc32

from agentsys.errors import UserError
from agentsys.evaluation.judging.gold import Gold
from agentsys.evaluation.judging.judge import Given, Judge, Shown, fitted, require_judge
from agentsys.events import RunFinished, RunStarted
from agentsys.leases import leased
from agentsys.ledger import Ledger
from agentsys.node import Node
from agentsys.patterns.judging import Preference
from agentsys.run import Run
from agentsys.running import FINAL
from agentsys.system import System
from agentsys.verdict import Verdict


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a judge is."""

    judge: str
    finished: int
    items: int
    right: int


OnProgress = Callable[[Progress], None]


@dataclass(frozen=True)
class Judging:
    """Judges on the items of a gold set."""

    gold: Gold
    judges: Sequence[Judge]
    seed: int = 0

    async def run(
        self, system: System, *, concurrency: int = 8, on_progress: OnProgress | None = None
    ) -> "Verdicts":
        """Every verdict of every judge. Cancel it when you like: what is finished is kept.

        Raises:
            UserError: a graph is no judge of the items, a tier is missing, the system has no
                store, or somebody has one of the judges judge already (`Busy`).
            StoreError: the ledger cannot be read or written.
        """
        if system.store is None or system.ledger is None:
            raise UserError("Judging needs a ledger.", hint="Give it a store: System(…, store=…).")
        if concurrency < 1:
            raise UserError(f"A concurrency of {concurrency} runs nothing.", hint="Give 1 or more.")
        for judge in self.judges:
            require_judge(judge, self.gold)
            for tier in judge.node.tiers:
                system.models[tier]  # raises where it is not configured
            judge.node.graph()  # compiled now, so that no verdict's time has it in
        async with AsyncExitStack() as stack:
            for judge in self.judges:
                lease = f"judge:{judge.identity.digest}"
                held = leased(system.store, lease, f"The judge {judge.name!r}")
                await stack.enter_async_context(held)
            work = _Work(self, system, system.ledger, on_progress)
            await work.run(concurrency)
        return Verdicts(self.gold, work.given, work.known)

    def run_id(self, judge: Judge, shown: Shown) -> str:
        """Of the run that gives the verdict."""
        return f"judge-{judge.identity.digest}-{shown.digest}-{self.seed}"


@dataclass(frozen=True)
class Verdicts:
    """What judges made of a gold set."""

    gold: Gold
    given: Mapping[str, Mapping[str, Given]]
    """By judge, then by the digest of what was judged."""
    known: int
    """How many were there before."""

    def of(self, judge: str, shown: Sequence[Shown] | None = None) -> list[Given]:
        """A judge's, in the order of the items, or of what else it was shown."""
        given = self.given[judge]
        return [given[each.digest] for each in (self.gold.items if shown is None else shown)]


class _Work:
    """Judging under way."""

    def __init__(
        self, judging: Judging, system: System, ledger: Ledger, on_progress: OnProgress | None
    ) -> None:
        self._judging, self._system = judging, system
        self._on_progress = on_progress
        self._shown = {judge.name: judge.shown(judging.gold) for judge in judging.judges}
        self.given: dict[str, dict[str, Given]] = {judge.name: {} for judge in judging.judges}
        self._right = Counter[str]()
        places = {judging.run_id(judge, shown): (judge, shown) for judge, shown in self._every()}
        self._begun: set[str] = set()
        for recorded in ledger.events(RunStarted, RunFinished, run_ids=[*places]):
            event = recorded.event
            if isinstance(event, RunStarted):
                self._begun.add(event.run_id)
            elif isinstance(event, RunFinished) and event.status in FINAL:
                judge, shown = places[event.run_id]
                self._keep(judge, shown, _recorded(event, judge))
        self.known = sum(len(given) for given in self.given.values())

    def _every(self) -> Iterator[tuple[Judge, Shown]]:
        """Each item goes to every judge before the next one does."""
        for row in zip_longest(*self._shown.values()):
            for judge, shown in zip(self._judging.judges, row, strict=True):
                if shown is not None:
                    yield judge, shown

    async def run(self, concurrency: int) -> None:
        for judge in self._judging.judges:
            self._tell(judge)
        todo = ((j, shown) for j, shown in self._every() if shown.digest not in self.given[j.name])
        workers = [asyncio.ensure_future(self._worker(todo)) for _ in range(concurrency)]
        try:
            await asyncio.gather(*workers)
        finally:
            for worker in workers:
                worker.cancel()
            await asyncio.gather(*workers, return_exceptions=True)

    async def _worker(self, todo: Iterator[tuple[Judge, Shown]]) -> None:
        for judge, shown in todo:
            self._keep(judge, shown, _given(await self._run(judge, shown)))
            self._tell(judge)

    async def _run(self, judge: Judge, shown: Shown) -> Run[Any]:
        run_id, node = self._judging.run_id(judge, shown), cast("Node[Any, Any]", judge.node)
        if run_id in self._begun:
            return await self._system.run(node, resume=run_id)
        return await self._system.run(
            node,
            fitted(shown, node, self._judging.gold),
            seed=crc32(f"{self._judging.seed} {shown.digest}".encode()),
            name=judge.name,
            run_id=run_id,
        )

    def _keep(self, judge: Judge, shown: Shown, given: Given) -> None:
        self.given[judge.name][shown.digest] = given
        self._right[judge.name] += given.right(shown)

    def _tell(self, judge: Judge) -> None:
        if self._on_progress is not None:
            finished, items = len(self.given[judge.name]), len(self._shown[judge.name])
            self._on_progress(Progress(judge.name, finished, items, self._right[judge.name]))


def _given(run: Run[Any]) -> Given:
    said = run.output if run.has_output else None
    if run.status == "abstained":
        said = Verdict(label="unknown", reason=run.error)
    cost = run.cost
    return Given(said, cost.nano_usd, cost.tokens_in + cost.tokens_out, cost.seconds, run.error)


def _recorded(end: RunFinished, judge: Judge) -> Given:
    said: Verdict | Preference = Verdict(label="unknown", reason=end.error)
    if end.status != "abstained":
        kind = Preference if judge.of_pairs else Verdict
        said = kind.model_validate(end.output)
    return Given(said, end.nano_usd, end.tokens_in + end.tokens_out, end.seconds, end.error)
