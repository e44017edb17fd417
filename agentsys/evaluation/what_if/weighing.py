"""Variants of a graph on the tasks of a bench, answered by the ledger and scored anew."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from agentsys.errors import UserError
from agentsys.evaluation.reports.account import went_on
from agentsys.evaluation.reports.accounts import Account, accounts
from agentsys.evaluation.scorers import Score, scored
from agentsys.evaluation.suites import Suite, Task
from agentsys.evaluation.task import seed_of
from agentsys.evaluation.what_if.answers import Answers, FromLedger, Missing
from agentsys.evaluation.what_if.variants import Variant
from agentsys.events import Call
from agentsys.ledger import Ledger
from agentsys.specs import specs_in
from agentsys.system import System
from agentsys.thresholds import DEFINED, Thresholds, find

Key = tuple[str, int]
"""A task, and the how manyth time."""


@dataclass(frozen=True, slots=True)
class Weighed:
    """What came of one task."""

    success: bool
    nano_usd: int
    escalated: bool


@dataclass(frozen=True)
class Found:
    """What a variant would have done."""

    variant: Variant
    known: Mapping[Key, Weighed]
    approximated: Mapping[Key, Weighed]
    """Tasks that are known only where a tier's own answer may stand in."""
    unknown: Mapping[Key, str]
    """Why nothing is known of the others, those approximated among them."""
    followed: int
    """Of these, the request that is missing has a conversation in it."""
    unscored: int
    """Of these, the scorer could not tell what the answer is worth."""


@dataclass(frozen=True)
class WhatIf:
    """The tasks of a bench, with every call that was made for them."""

    ledger: Ledger
    bench: str
    graph: str
    suite: Suite
    repeat: int
    families: Mapping[str, frozenset[str]]
    """Of each tier."""

    def was(self) -> dict[Key, Weighed]:
        """What came of the tasks in the bench."""
        return {
            (account.task_id, account.repeat): Weighed(
                account.success, account.nano_usd, account.escalated
            )
            for account in self._accounts()
            if account.graph == self.graph and account.outcome is not None
        }

    async def thresholds(self) -> Thresholds:
        """Those that were in force in the bench; the definitions' own where it was not one."""
        used = {a.thresholds for a in self._accounts() if a.graph == self.graph}
        if len(used) == 1 and (version := used.pop()):
            return await find(self.ledger.store, self.graph, version)
        return DEFINED

    async def of(
        self, found: Sequence[Variant], *, on_progress: Callable[[], None] = lambda: None
    ) -> list[Found]:
        """What these variants would have done. Nothing is written, and no model is asked.

        Steps are run again, and so are tools that may be used twice.

        Raises:
            UserError: a graph has a tool that may not, or does not suit the suite; or models decide
                there, which would have to be asked.
        """
        _refuse_judges(self.suite)
        for variant in found:
            _refuse_tools(variant)
            self.suite.require(self.graph, variant.node)
        told = [_Telling(variant) for variant in found]
        models = FromLedger(self.families)
        async with System(models) as system:
            for task, repeat, calls in self._tasks():
                for one in told:
                    await self._tell(one, task, repeat, calls, models, system)
                on_progress()
        return [one.found() for one in told]

    async def _tell(
        self,
        telling: "_Telling",
        task: Task,
        repeat: int,
        calls: Sequence[Call],
        models: FromLedger,
        system: System,
    ) -> None:
        key = task.id, repeat
        models.answers = Answers(calls)
        match await self._answered(telling.variant, task, repeat, system):
            case Weighed() as answered:
                telling.known[key] = answered
            case Score() as score:
                telling.unknown[key] = score.error
                telling.unscored += 1
            case Missing() as missing:
                telling.unknown[key] = missing.message
                if missing.follows:
                    telling.followed += 1
                    models.answers = Answers(calls, alone=True)
                    near = await self._answered(telling.variant, task, repeat, system)
                    if isinstance(near, Weighed):
                        telling.approximated[key] = near

    async def _answered(
        self, variant: Variant, task: Task, repeat: int, system: System
    ) -> Weighed | Missing | Score:
        """What comes of a task; or what is missing for it, or a score that is no verdict."""
        run = await system.run(
            variant.node,
            task.fitted(variant.node.takes),
            seed=seed_of(self.suite.seed, task.id, repeat),
            name=self.graph,
            thresholds=variant.thresholds,
        )
        if isinstance(run.cause, Missing):
            return run.cause
        score = Score(False)
        if run.has_output:
            score = await scored(self.suite.scorer, run.output_json(), task, system)
        if score.error:
            return score
        escalated = went_on((c.node, c.tier, c.decision) for c in run.attempts)
        return Weighed(score.success, run.cost.nano_usd, escalated)

    def _tasks(self) -> Iterator[tuple[Task, int, list[Call]]]:
        """Each task with its calls: those of the graph's own run first."""
        runs: dict[str, tuple[Key, bool]] = {}
        for account in self._accounts():
            runs[account.run_id] = (account.task_id, account.repeat), account.graph == self.graph
        own, others = defaultdict[Key, list[Call]](list), defaultdict[Key, list[Call]](list)
        for recorded in self.ledger.events(Call, run_ids=list(runs)):
            if isinstance(call := recorded.event, Call):
                key, itself = runs[call.run_id]
                (own if itself else others)[key].append(call)
        for task in self.suite.tasks:
            for repeat in range(self.repeat):
                key = task.id, repeat
                yield task, repeat, [*own[key], *others[key]]

    def _accounts(self) -> Iterable[Account]:
        return accounts(self.ledger, bench=self.bench)


@dataclass
class _Telling:
    """A variant under way."""

    variant: Variant
    followed: int = 0
    unscored: int = 0

    def __post_init__(self) -> None:
        self.known: dict[Key, Weighed] = {}
        self.approximated: dict[Key, Weighed] = {}
        self.unknown: dict[Key, str] = {}

    def found(self) -> Found:
        return Found(
            self.variant,
            self.known,
            self.approximated,
            self.unknown,
            self.followed,
            self.unscored,
        )


def _refuse_judges(suite: Suite) -> None:
    if suite.scorer.graphs:
        raise UserError(
            f"{suite.scorer.name} decides by models, and what they would say of other answers is"
            " not on record.",
            hint="Take a bench whose scorer asks none: agentsys bench SUITE --scorer NAME.",
        )


def _refuse_tools(variant: Variant) -> None:
    for spec in specs_in(variant.node):
        tool = next((tool for tool in spec.tools if not tool.idempotent), None)
        if tool is not None:
            raise UserError(
                f"{spec.name!r} has the tool {tool.name!r}, which would be used again.",
                hint="Where that does no harm, say so: @tool(idempotent=True).",
            )
