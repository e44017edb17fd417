"""Thresholds for a graph, from its tasks to the store.

On one half of the tasks the graph runs as far as each tier in turn: a threshold that takes every
answer of that tier, and none of those before. So each tier answers what it would be asked in a run
that escalates, failed attempts included, and any threshold between can be told from the two without
another call. The other half is solved with the thresholds in force, beside the definitions' own and
each tier alone. Both are benches in the ledger, whose finished tasks are never run again.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from agentsys.errors import UserError
from agentsys.evaluation.bench import Bench, OnProgress
from agentsys.evaluation.reports.scoring import scoring
from agentsys.evaluation.scorers import Scorer
from agentsys.evaluation.suites import Suite
from agentsys.evaluation.thresholds import plan as plans
from agentsys.evaluation.thresholds.answers import read
from agentsys.evaluation.thresholds.choice import Choice, choose, require_certifiable
from agentsys.evaluation.thresholds.fitting import described, gates
from agentsys.evaluation.thresholds.measuring import (
    Against,
    Row,
    Solved,
    accepted,
    against,
    row,
    solved,
    why_no_gain,
)
from agentsys.evaluation.thresholds.objective import Certified, LoadedCps, SuccessFloor
from agentsys.evaluation.thresholds.plan import Plan
from agentsys.evaluation.thresholds.result import Calibrated, Tested
from agentsys.evaluation.thresholds.route import Route, route_of
from agentsys.ledger import Ledger
from agentsys.money import NANO_PER_USD
from agentsys.node import Node
from agentsys.stores import Store
from agentsys.system import System
from agentsys.thresholds import DEFINED, Kept, Thresholds, keep, kept_in, versions
from agentsys.versions import digest_of

LEVEL = 0.95
"""How sure the bound on errors among accepted answers is, where no other is promised."""

OnBench = Callable[[Bench], OnProgress]
"""Told of a bench before it begins; gives what is told of its progress."""


@dataclass(frozen=True)
class Calibration:
    """A plan, with the graph and the tasks that it names."""

    plan: Plan
    graph: Node[Any, Any]
    route: Route
    suites: tuple[Suite, Suite]

    @classmethod
    def of(cls, plan: Plan, graph: Node[Any, Any], *, judge: Scorer | None = None) -> "Calibration":
        """Look whether it can be done, before anything is run.

        Args:
            plan: What is to be done.
            graph: The graph that it names.
            judge: The scorer that it names, where that has been made already.

        Raises:
            UserError: it cannot.
        """
        shape = digest_of(graph.shape)
        if plan.shape not in ("", shape):
            raise UserError(
                f"The definition of {plan.graph!r} has changed since the calibration was begun.",
                hint="Put it back as it was, or begin another one.",
            )
        route, suites = route_of(plan.graph, graph), plan.suites(judge)
        if isinstance(plan.objective, Certified):
            require_certifiable(route, plan.objective, len(suites[0].tasks))
        plan = replace(plan, digest=suites[0].source.digest, shape=shape)
        return cls(plan, graph, route, suites)

    async def run(self, system: System, on_bench: OnBench, *, concurrency: int = 8) -> Calibrated:
        """Fit, measure and keep thresholds, which are in use from then on.

        But not where they are clearly worse than the definitions' own, or dearer for nothing. What
        has come to its end is only told again; `calibrate off` and `use` since then hold.

        Cancel it when you like: what is finished is kept, and the same plan goes on.

        Raises:
            UserError: nothing can be fitted, or as `Bench.run` does.
            StoreError: the store cannot be used.
        """
        store, ledger = system.store, system.ledger
        if store is None or ledger is None:
            raise UserError("A calibration needs a store.", hint="System(…, store=…).")
        if (before := await self._kept(store)) is not None:
            await self._use(store, before)  # it may have been killed before it could
            return before
        await plans.write(store, self.plan)
        fit = self._fit_bench()
        await fit.run(system, concurrency=concurrency, on_progress=on_bench(fit))
        choice = self._choice(ledger)
        if choice.chosen is None:
            return self._result(ledger, choice, None)
        thresholds = Thresholds(self.plan.id, gates(choice.fits, choice.chosen.threshold))
        bench = self._held_out_bench(thresholds)
        await bench.run(system, concurrency=concurrency, on_progress=on_bench(bench))
        found = self._result(ledger, choice, solved(ledger, bench.id, self._names))
        await self._keep(store, thresholds, found)
        return found

    def begun(self, ledger: Ledger) -> bool:
        """Whether the ledger knows of it."""
        return self._fit_bench().begun(ledger)

    def _fit_bench(self) -> Bench:
        names = self._ways
        return Bench(
            self.plan.fit_bench,
            self.suites[0],
            dict.fromkeys(names, self.graph),
            {name: self.route.up_to(place) for place, name in enumerate(names)},
        )

    def _held_out_bench(self, thresholds: Thresholds) -> Bench:
        calibrated, defined, *alone = self._names
        graphs = {name: self.graph.at(t) for name, t in zip(alone, self.route.tiers, strict=True)}
        return Bench(
            self.plan.held_out_bench,
            self.suites[1],
            {calibrated: self.graph, defined: self.graph, **graphs},
            {calibrated: thresholds, defined: DEFINED, **dict.fromkeys(alone, DEFINED)},
        )

    @property
    def _ways(self) -> tuple[str, ...]:
        """How the first bench calls the graph as far as each tier."""
        return tuple(f"{self.plan.graph} up to {tier}" for tier in self.route.tiers)

    @property
    def _names(self) -> tuple[str, ...]:
        """How the second one calls it: with the thresholds, as defined, on each tier alone."""
        name = self.plan.graph
        alone = (f"{name} at {tier}" for tier in self.route.tiers)
        return (f"{name} calibrated", f"{name} as defined", *alone)

    def _choice(self, ledger: Ledger) -> Choice:
        plan = self.plan
        tasks = read(ledger, self._fit_bench().id, self._ways, self.route)
        return choose(tasks, self.route, plan.objective, plan.failure_nano, plan.seed)

    def _result(self, ledger: Ledger, choice: Choice, tasks: Solved | None) -> Calibrated:
        plan, route = self.plan, self.route
        fit = solved(ledger, self._fit_bench().id, self._ways)
        chosen, passed = choice.chosen, choice.certificate
        threshold = 1.0 if chosen is None else chosen.threshold
        rows = () if tasks is None else self._rows(tasks)
        beside = None if tasks is None else self._beside(tasks)
        tested = passed and Tested(
            accepted=passed.accepted, errors=passed.errors, bound=passed.bound
        )
        return Calibrated(
            version=plan.id,
            graph=plan.graph,
            plan=plans.shown(plan),
            objective=str(plan.objective),
            tiers=route.tiers,
            own=route.own,
            threshold=None if chosen is None else threshold,
            why_not=choice.why_not,
            fits=described(choice.fitted_on, route, choice.fits, threshold),
            curve=tuple(choice.points),
            expected=chosen,
            certificate=tested,
            rows=rows,
            against=beside,
            accepted=None if tasks is None else accepted(tasks, self._names[0], self._level),
            worse=beside is not None and self._is_worse(beside),
            dearer=beside is not None and self._is_dearer(beside, rows),
            no_delta_ibc=why_no_gain(rows[2], rows[-1]) if rows else "",
            tasks=len(next(iter(fit.values()))),
            usd_per_failure=plan.failure_nano / NANO_PER_USD,
            fit_nano_usd=sum(account.nano_usd for each in fit.values() for account in each),
            scoring=(
                *(f"First half: {line}" for line in scoring(ledger, plan.fit_bench)),
                *(f"Other half: {line}" for line in scoring(ledger, plan.held_out_bench)),
            ),
        )

    def _rows(self, tasks: Solved) -> tuple[Row, ...]:
        failure, (calibrated, defined, *alone) = self.plan.failure_nano, self._names
        ends = (alone[0], alone[-1])
        return (
            row(tasks, calibrated, failure, ends),
            row(tasks, defined, failure, ends),
            *(row(tasks, name, failure) for name in alone),
        )

    def _beside(self, tasks: Solved) -> Against:
        calibrated, defined, *_ = self._names
        return against(tasks, calibrated, defined, self.plan.failure_nano)

    def _is_worse(self, beside: Against) -> bool:
        ends = beside.loaded_cps_ci
        return isinstance(self.plan.objective, LoadedCps) and ends is not None and ends[0] > 0

    def _is_dearer(self, beside: Against, rows: Sequence[Row]) -> bool:
        """A success costs clearly more, and nothing that was asked for makes up for it.

        That is fewer failures, or a floor of success that the definitions' own do not reach. What
        is certified is a promise, which they do not make.
        """
        match self.plan.objective:
            case LoadedCps():
                gains = beside.loaded_cps_ci is not None and beside.loaded_cps_ci[1] < 0
            case SuccessFloor(least):
                gains = rows[1].success_rate < least
            case _:
                return False
        return not gains and beside.cps_ci is not None and beside.cps_ci[0] > 0

    @property
    def _level(self) -> float:
        objective = self.plan.objective
        return 1 - objective.delta if isinstance(objective, Certified) else LEVEL

    async def _kept(self, store: Store) -> Calibrated | None:
        for kept in await versions(store, self.plan.graph):
            if kept.thresholds.version == self.plan.id:
                return Calibrated.model_validate(kept.about)
        return None

    async def _keep(self, store: Store, thresholds: Thresholds, found: Calibrated) -> None:
        name = self.plan.graph
        kept = Kept(thresholds, name, digest_of(self.graph.shape), found.to_json())
        await keep(store, kept)
        await self._use(store, found)

    async def _use(self, store: Store, found: Calibrated) -> None:
        """Put it in use, unless that was done or decided otherwise since it was kept."""
        every = kept_in(store)
        if found.worse or found.dearer:
            return
        if not await every.decided_since(found.graph, found.version):
            await every.use(found.graph, found.version)
