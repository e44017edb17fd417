"""What a calibration is to do; the store has it, so that what was interrupted can go on."""

from dataclasses import dataclass, replace
from decimal import Decimal

from pydantic import TypeAdapter

from agentsys.errors import UnknownName, UserError
from agentsys.evaluation.scorers import Scorer
from agentsys.evaluation.suites import NoTasks, Split, Suite, load_suite
from agentsys.evaluation.thresholds.fitting import FEWEST
from agentsys.evaluation.thresholds.objective import LoadedCps, Objective
from agentsys.money import nano
from agentsys.schema import JsonObject, compact
from agentsys.stores import Store

_SPACE = "calibrations"
_FIT, _HELD_OUT = "-fit", "-held-out"


@dataclass(frozen=True, slots=True)
class Plan:
    """A calibration of thresholds. Its id is the name of the version that comes of it."""

    id: str
    graph: str
    suite: str
    objective: Objective
    usd_per_failure: Decimal
    """What a failed task costs, in the figures; the objective may say it, too."""
    file: str | None = None
    limit: int | None = None
    """Tasks, half of them to fit and half to measure."""
    seed: int = 0
    scorer: str | None = None
    field: str | None = None
    digest: str = ""
    """Of the suite's file."""
    shape: str = ""
    """Digest of what the graph is made of; empty: an older agentsys did not write it down."""

    @property
    def fit_bench(self) -> str:
        """The id of the bench that is fitted on."""
        return f"{self.id}{_FIT}"

    @property
    def held_out_bench(self) -> str:
        """The id of the bench that is measured on."""
        return f"{self.id}{_HELD_OUT}"

    @property
    def failure_nano(self) -> int:
        """What a failed task costs beyond its calls, in nano-dollars."""
        own = self.objective
        return nano(own.usd_per_failure if isinstance(own, LoadedCps) else self.usd_per_failure)

    def suites(self, judge: Scorer | None = None) -> tuple[Suite, Suite]:
        """The tasks to fit on, and those to measure on: none has the other's input.

        Args:
            judge: What `scorer` names, where it has been made already.

        Raises:
            UserError: there are too few, or the file is another one by now.
        """
        if self.limit is not None and self.limit < 2 * FEWEST:
            raise UserError(
                f"A limit of {self.limit} leaves too few tasks for both halves of a calibration.",
                hint=f"Give {2 * FEWEST} or more, better some hundreds.",
            )
        fit = self._suite("calibration", self.limit and -(-self.limit // 2), judge)
        if self.digest and fit.source.digest != self.digest:
            raise UserError(
                f"{self.file or self.suite} has changed since the calibration was begun.",
                hint="Put it back as it was, or begin another one.",
            )
        held_out = self._suite("held-out", self.limit and self.limit // 2, judge)
        seen = {compact(task.data) for task in fit.tasks}
        kept = tuple(task for task in held_out.tasks if compact(task.data) not in seen)
        for suite in (fit, replace(held_out, tasks=kept)):
            if len(suite.tasks) < FEWEST:
                raise UserError(
                    f"{len(suite.tasks)} tasks are too few for one half of a calibration.",
                    hint=f"Give {2 * FEWEST} or more, better some hundreds.",
                )
        return fit, replace(held_out, tasks=kept)

    def _suite(self, split: Split, limit: int | None, judge: Scorer | None) -> Suite:
        try:
            return load_suite(
                self.suite,
                file=self.file,
                limit=limit,
                seed=self.seed,
                split=split,
                scorer=judge or self.scorer,
                field=None if judge else self.field,
            )
        except NoTasks as error:
            raise UserError(
                f"The suite {self.suite!r} has too few tasks for the two halves of a calibration.",
                hint=f"Give {2 * FEWEST} or more, better some hundreds.",
            ) from error


_PLAN: TypeAdapter[Plan] = TypeAdapter(Plan)


async def write(store: Store, plan: Plan) -> None:
    """Keep a plan."""
    await store.put(_SPACE, plan.id, _PLAN.dump_python(plan, mode="json"))


async def find(store: Store, plan_id: str) -> Plan:
    """A plan by its id; `last` is the newest.

    Raises:
        UnknownName: there is none.
    """
    every = await store.values(_SPACE)
    name = max(every, default=plan_id) if plan_id == "last" else plan_id
    if name not in every:
        raise UnknownName("calibration", name, every)
    return _PLAN.validate_python(every[name].data)


async def of_bench(store: Store, bench: str) -> str:
    """The id of the plan that a bench is a part of; empty where it is of none."""
    plan_id = bench.removesuffix(_FIT).removesuffix(_HELD_OUT)
    return plan_id if plan_id != bench and plan_id in await store.values(_SPACE) else ""


def shown(plan: Plan) -> JsonObject:
    """The plan as JSON data."""
    return _PLAN.dump_python(plan, mode="json")
