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
from typing import Any
from zlib import crc32

from agentsys.errors import InvalidTask, UserError
from agentsys.evaluation.judging.gold import Gold, Item
from agentsys.evaluation.judging.identity import Identity
from agentsys.events import RunFinished, RunStarted
from agentsys.leases import leased
from agentsys.ledger import Ledger
from agentsys.node import Node
from agentsys.run import Run
from agentsys.running import FINAL
from agentsys.schema import name_of
from agentsys.system import System
from agentsys.verdict import Candidate, Label, Verdict


@dataclass(frozen=True)
class Judge:
    """A judge that is to be measured."""

    node: Node[Candidate[Any, Any], Verdict]
    identity: Identity

    @property
    def name(self) -> str:
        """Of its graph."""
        return self.identity.graph


@dataclass(frozen=True, slots=True)
class Given:
    """What came of showing an item to a judge."""

    verdict: Verdict | None
    """`None` where the run failed: that is not right, and will be tried again."""
    nano_usd: int
    """What all its calls cost, with or without a verdict."""
    tokens: int
    seconds: float
    error: str = ""
    """Why there is no verdict."""

    @property
    def decided(self) -> bool:
        """Whether it says correct or incorrect."""
        return self.says("correct") or self.says("incorrect")

    def says(self, label: Label) -> bool:
        """Whether there is a verdict of this label."""
        return self.verdict is not None and self.verdict.label == label

    def right(self, item: Item) -> bool:
        """Whether it decided, and as the label has it."""
        return self.says("correct" if item.correct else "incorrect")


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a judge is."""

    judge: str
    finished: int
    items: int
    right: int


OnProgress = Callable[[Progress], None]


def judges(node: Node[Any, Any]) -> bool:
    """Whether a node takes an answer and gives a verdict."""
    return _is(node.takes, Candidate) and _is(node.gives, Verdict)


def require_judge(name: str, node: Node[Any, Any], gold: Gold) -> None:
    """Make sure that a graph judges these items.

    Raises:
        UserError: it does not.
    """
    if not judges(node):
        raise UserError(
            f"The graph {name!r} is no judge: it takes {name_of(node.takes)} and gives "
            f"{name_of(node.gives)}.",
            hint="A judge takes a Candidate[Task, Answer] and gives a Verdict.",
        )
    for item in gold.items:
        try:
            item.fitted(node.takes)
        except InvalidTask as error:
            raise InvalidTask(f"{gold.name}: {error.message}", hint=error.hint) from error


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
            require_judge(judge.name, judge.node, self.gold)
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

    def run_id(self, judge: Judge, item: Item) -> str:
        """Of the run that gives the verdict."""
        return f"judge-{judge.identity.digest}-{item.digest}-{self.seed}"


@dataclass(frozen=True)
class Verdicts:
    """What judges made of a gold set."""

    gold: Gold
    given: Mapping[str, Mapping[str, Given]]
    """By judge, then by the digest of the item."""
    known: int
    """How many were there before."""

    def of(self, judge: str, gold: Gold | None = None) -> list[Given]:
        """A judge's, in the order of the items, or of a part of them."""
        given = self.given[judge]
        return [given[item.digest] for item in (gold or self.gold).items]


class _Work:
    """Judging under way."""

    def __init__(
        self, judging: Judging, system: System, ledger: Ledger, on_progress: OnProgress | None
    ) -> None:
        self._judging, self._system = judging, system
        self._on_progress = on_progress
        self.given: dict[str, dict[str, Given]] = {judge.name: {} for judge in judging.judges}
        self._right = Counter[str]()
        places = {judging.run_id(j, item): (j, item) for j, item in self._every()}
        self._begun: set[str] = set()
        for recorded in ledger.events(RunStarted, RunFinished, run_ids=[*places]):
            event = recorded.event
            if isinstance(event, RunStarted):
                self._begun.add(event.run_id)
            elif isinstance(event, RunFinished) and event.status in FINAL:
                self._keep(*places[event.run_id], _recorded(event))
        self.known = sum(len(given) for given in self.given.values())

    def _every(self) -> Iterator[tuple[Judge, Item]]:
        """Each item goes to every judge before the next one does."""
        for item in self._judging.gold.items:
            for judge in self._judging.judges:
                yield judge, item

    async def run(self, concurrency: int) -> None:
        for judge in self._judging.judges:
            self._tell(judge)
        todo = ((j, item) for j, item in self._every() if item.digest not in self.given[j.name])
        workers = [asyncio.ensure_future(self._worker(todo)) for _ in range(concurrency)]
        try:
            await asyncio.gather(*workers)
        finally:
            for worker in workers:
                worker.cancel()
            await asyncio.gather(*workers, return_exceptions=True)

    async def _worker(self, todo: Iterator[tuple[Judge, Item]]) -> None:
        for judge, item in todo:
            self._keep(judge, item, _given(await self._run(judge, item)))
            self._tell(judge)

    async def _run(self, judge: Judge, item: Item) -> Run[Verdict]:
        run_id = self._judging.run_id(judge, item)
        if run_id in self._begun:
            return await self._system.run(judge.node, resume=run_id)
        return await self._system.run(
            judge.node,
            item.fitted(judge.node.takes),
            seed=crc32(f"{self._judging.seed} {item.digest}".encode()),
            name=judge.name,
            run_id=run_id,
        )

    def _keep(self, judge: Judge, item: Item, given: Given) -> None:
        self.given[judge.name][item.digest] = given
        self._right[judge.name] += given.right(item)

    def _tell(self, judge: Judge) -> None:
        if self._on_progress is not None:
            finished, items = len(self.given[judge.name]), len(self._judging.gold.items)
            self._on_progress(Progress(judge.name, finished, items, self._right[judge.name]))


def _given(run: Run[Verdict]) -> Given:
    verdict = run.output if run.has_output else None
    if run.status == "abstained":
        verdict = Verdict(label="unknown", reason=run.error)
    cost = run.cost
    return Given(verdict, cost.nano_usd, cost.tokens_in + cost.tokens_out, cost.seconds, run.error)


def _recorded(end: RunFinished) -> Given:
    verdict = Verdict(label="unknown", reason=end.error)
    if end.status != "abstained":
        verdict = Verdict.model_validate(end.output)
    return Given(verdict, end.nano_usd, end.tokens_in + end.tokens_out, end.seconds, end.error)


def _is(kind: Any, wanted: type) -> bool:
    return isinstance(kind, type) and issubclass(kind, wanted)
