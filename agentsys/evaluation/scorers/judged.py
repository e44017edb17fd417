"""Judges, of a project's graphs, in place of a reference."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from zlib import crc32

from agentsys.errors import InvalidOutput, UserError
from agentsys.evaluation.scorers.base import Score, part
from agentsys.evaluation.task import Task, fitted
from agentsys.node import Node
from agentsys.schema import compact, name_of
from agentsys.verdict import Candidate, Verdict

if TYPE_CHECKING:
    from agentsys.system import System

PREFIX = "judge:"


@dataclass(frozen=True)
class Judged:
    """Right is what a judge, or a panel, calls correct; it sees no reference.

    Its runs are in the ledger under its own name: they cost, and are no cost of what is judged.
    """

    graph: str
    judge: Node[Any, Any]
    field: str | None = None
    """`None`: the whole output is judged."""

    @property
    def name(self) -> str:
        """With its graph's: `judge:judge_panel`."""
        return f"{PREFIX}{self.graph}"

    @property
    def graphs(self) -> Sequence[Node[Any, Any]]:
        """The judge."""
        return (self.judge,)

    def require(self, tasks: Sequence[Task]) -> None:
        """Make sure that it is a judge of such tasks.

        Raises:
            UserError: it is none.
        """
        takes, gives = self.judge.takes, self.judge.gives
        if not (_is(takes, Candidate) and _is(gives, Verdict)):
            raise UserError(
                f"The graph {self.graph!r} is no judge: it takes {name_of(takes)} and gives "
                f"{name_of(gives)}.",
                hint="A judge takes a Candidate[Task, Answer] and gives a Verdict.",
            )
        for task in tasks:
            task.fitted(takes.model_fields["task"].annotation)

    async def score(self, output: Any, task: Task, system: "System") -> Score:
        """What the judge says; no verdict, `unknown` or a run that fails is no success."""
        try:
            candidate = self._candidate(part(output, self.field), task)
        except InvalidOutput as error:
            return Score(False, 0, f"the judge takes other answers: {error.message}"[:200])
        seed = crc32(f"{task.id} {compact(output)}".encode("utf-8", "surrogatepass"))
        run = await system.run(self.judge, candidate, seed=seed, name=self.graph)
        if not run.has_output:
            return Score(False, run.cost.nano_usd, f"the judge is {run.status}: {run.error}"[:200])
        label = run.output.label
        return Score(label == "correct", run.cost.nano_usd, "unknown" * (label == "unknown"))

    def _candidate(self, answer: Any, task: Task) -> Any:
        takes = self.judge.takes
        kinds = {name: takes.model_fields[name].annotation for name in ("task", "answer")}
        return takes(task=task.fitted(kinds["task"]), answer=fitted(answer, kinds["answer"]))


def _is(kind: Any, wanted: type) -> bool:
    return isinstance(kind, type) and issubclass(kind, wanted)
