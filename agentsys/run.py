"""What a run gives back."""

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Generic, TypeVar, cast

from agentsys.errors import NoOutput
from agentsys.events import Call, Status, ToolCall
from agentsys.money import usd
from agentsys.routing import FIRST, Begin
from agentsys.schema import dump

O = TypeVar("O", covariant=True)  # noqa: E741  (the field's letter for an output)


@dataclass(frozen=True, slots=True)
class Cost:
    """What a run spent; failed, repeated and escalated calls count."""

    nano_usd: int = 0
    calls: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    seconds: float = 0.0
    """Wall-clock time of the run."""

    @property
    def usd(self) -> Decimal:
        """The cost in US dollars, exact."""
        return usd(self.nano_usd)


@dataclass(frozen=True, slots=True)
class Question:
    """What a human is asked by a run that waits for the answer."""

    ask_id: str
    question: Any
    """JSON data."""


@dataclass(frozen=True)
class Run(Generic[O]):
    """One execution of a node on one task."""

    run_id: str
    graph: str
    status: Status
    cost: Cost
    path: tuple[str, ...]
    """The agents asked, in order, each as `node@tier`."""
    attempts: tuple[Call, ...]
    """Every request to a model."""
    tool_calls: tuple[ToolCall, ...] = ()
    confidence: float | None = None
    """The lowest confidence of the answers that were taken; `None` without log-probabilities."""
    error: str = ""
    """Why the run is not `ok`."""
    cause: BaseException | None = field(default=None, repr=False, compare=False)
    """The exception behind `error`, where there is one."""
    value: O | None = None
    gives: Any = None
    questions: tuple[Question, ...] = ()
    """What an `interrupted` run asks; `run(…, resume=run_id, answer=…)` answers the first."""
    finished: tuple[tuple[int, Any], ...] = ()
    """Of a fan-out that a budget cut short: the outputs that there are, with their places."""
    thresholds: str = ""
    """The version of the fitted thresholds that were in force; empty: the definitions' own."""
    begin: Begin = FIRST
    """What a router said before it."""

    @property
    def ok(self) -> bool:
        """Whether the output passed every check and was confident enough."""
        return self.status == "ok"

    @property
    def has_output(self) -> bool:
        """Whether there is an output: always when `ok` or `low_confidence`.

        A run that is `budget_exceeded` has one where only something better was not affordable.
        """
        best = self.status == "budget_exceeded" and self.value is not None
        return best or self.status in ("ok", "low_confidence")

    @property
    def output(self) -> O:
        """The answer.

        Raises:
            NoOutput: the run ended without one; `error` says why.
        """
        if not self.has_output:
            raise NoOutput(
                f"The run is {self.status}: {self.error}", hint="Look at run.status first."
            )
        return cast(O, self.value)

    def output_json(self) -> Any:
        """The output as JSON data; `None` where there is none."""
        return dump(self.value, self.gives) if self.has_output else None

    def to_json(self) -> dict[str, Any]:
        """The run as stable JSON data."""
        return {
            "run_id": self.run_id,
            "graph": self.graph,
            "status": self.status,
            "output": self.output_json(),
            "confidence": self.confidence,
            "cost": {
                "usd": f"{self.cost.usd:f}",
                "calls": self.cost.calls,
                "tokens_in": self.cost.tokens_in,
                "tokens_out": self.cost.tokens_out,
                "seconds": round(self.cost.seconds, 6),
            },
            "path": list(self.path),
            "error": self.error or None,
            "questions": [question.question for question in self.questions],
            "finished": [[place, dump(part, Any)] for place, part in self.finished],
            "thresholds": self.thresholds or None,
        }
