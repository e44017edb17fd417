"""Records of what happened in a run: streamed while it goes on, kept in the ledger."""

from dataclasses import dataclass, fields
from typing import Any, Literal, get_args

from agentsys.money import Spend

Decision = Literal["accept", "repair", "escalate", "tool", "give-up", "cancel"]
"""What followed a reply: taken; asked again; the next tier asked; a tool run; nothing left to try;
the run was cancelled while the call was under way."""

Status = Literal["ok", "low_confidence", "abstained", "budget_exceeded", "interrupted", "failed"]
"""How a run ended.

`ok`: checked and, where there is a threshold, confident enough; `low_confidence`: checked,
but the last tier was not confident; `abstained`: no answer that passes the checks, or none
on purpose; `budget_exceeded`: a budget had no room for a call; `interrupted`: it waits for an
answer of a human and can be resumed; `failed`: a model, a tool or a step broke.
"""


@dataclass(frozen=True, slots=True)
class RunStarted:
    """A graph got a task."""

    run_id: str
    graph: str
    task: Any
    """The input as JSON."""
    tenant: str = ""
    """On whose account; empty: nobody's in particular."""
    seed: int = 0
    budget: dict[str, Any] | None = None
    """The run's own, as JSON."""
    team: str = ""
    process: str = ""
    """Which one works on it."""
    durable: bool = False
    """Whether LangGraph keeps checkpoints of it."""
    thresholds: str = ""
    """The version of the fitted thresholds that are in force; empty: the definitions' own."""
    router: str = ""
    """The version of the router that was asked; empty: none."""
    p_first: float | None = None
    """The probability that it gave the first tier."""
    begin: str = ""
    """The tier that the run began at because of it; empty: the first."""


@dataclass(frozen=True, slots=True)
class RunResumed:
    """A run goes on that was cut off, or that waited for an answer."""

    run_id: str
    ask_id: str = ""
    """The question that `answer` answers; empty where there is no answer."""
    answer: Any = None
    """As JSON."""
    process: str = ""
    """Which one works on it from now on."""


@dataclass(frozen=True, slots=True)
class Call:
    """One request to a model, what it cost, and what was decided on its reply."""

    run_id: str
    node: str
    tier: str
    deployment: str
    attempt: int
    """0 for an agent's first request in a run, then counted on."""
    guided: str
    tokens_in: int
    tokens_out: int
    nano_usd: int
    seconds: float
    schema_valid: bool | None
    """Whether the reply fitted its schema; `None` where there was no reply or no schema."""
    confidence: float | None
    """Probability of the least certain value token; `None` without log-probabilities."""
    decision: Decision
    reason: str
    """Why it was not accepted; empty where it was."""
    text: str
    """The reply as it came."""
    call_id: str = ""
    """Where in the run it was made, and the how manyth there: the same when the run is resumed."""
    digest: str = ""
    """Of what was asked: a call is not asked again only if nothing about it has changed."""
    accounts: tuple[str, ...] = ()
    """The accounts it was booked on."""
    error: str = ""
    """The class of the error that came in place of a reply."""
    energy_j: float | None = None
    """Joules that this machine's accelerators took for it; `None`: not measured."""
    stand_in: bool = False
    """Whether a record answered in place of a model: what it cost was not paid."""

    @property
    def spend(self) -> Spend:
        """What it is booked as."""
        tokens = self.tokens_in + self.tokens_out
        return Spend(self.nano_usd, tokens, 1, round(self.seconds * 1_000_000))


@dataclass(frozen=True, slots=True)
class ToolStarted:
    """A tool that is not idempotent is about to be used."""

    run_id: str
    node: str
    tool: str
    args: Any
    call_id: str


@dataclass(frozen=True, slots=True)
class ToolCall:
    """One use of a tool that a model asked for."""

    run_id: str
    node: str
    tool: str
    args: Any
    executable: bool
    """The tool is known, its arguments fit, and it ran without an exception."""
    observation: str
    seconds: float
    call_id: str = ""
    """Of the request in which the model asked for it."""


@dataclass(frozen=True, slots=True)
class StepFinished:
    """A step gave its output, which a resumed run takes instead of running the step again."""

    run_id: str
    node: str
    step_id: str
    """Where in the run it is, and the how manyth there."""
    output: Any
    """As JSON."""
    digest: str = ""
    """Of its input: what it gave for another one is not taken."""


@dataclass(frozen=True, slots=True)
class HoldExpired:
    """What was held for a call was given back: who made the call has not been heard of since."""

    run_id: str
    call_id: str
    nano_usd: int


@dataclass(frozen=True, slots=True)
class BudgetCrossed:
    """Spending on an account has passed a part of its limit, or all of it."""

    run_id: str
    account: str
    dimension: str
    spent: int
    limit: int


@dataclass(frozen=True, slots=True)
class RunInterrupted:
    """A node asked a human; the run waits for `resume`."""

    run_id: str
    graph: str
    ask_id: str
    question: Any
    """As JSON."""


@dataclass(frozen=True, slots=True)
class RunFinished:
    """A run ended."""

    run_id: str
    graph: str
    status: Status
    output: Any
    """The output as JSON; `None` where there is none."""
    error: str
    path: tuple[str, ...]
    seconds: float
    nano_usd: int
    calls: int
    tokens_in: int
    tokens_out: int
    confidence: float | None = None


@dataclass(frozen=True, slots=True)
class BenchStarted:
    """A suite was begun; what is needed to go on with it after an interruption."""

    bench: str
    suite: str
    graphs: tuple[str, ...]
    limit: int | None
    seed: int
    tasks: int
    """How many tasks each graph is to solve."""
    source: dict[str, Any] | None = None
    """What else the tasks and their scorer are made from, as JSON; `None`: the name alone."""
    repeat: int = 1
    """How often each task is solved."""
    in_force: dict[str, dict[str, str]] | None = None
    """By graph, the versions that all its runs take, of `thresholds` (empty: the definitions' own)
    and of the `router` (empty: none); `None`: what is in use when a run begins."""


@dataclass(frozen=True, slots=True)
class Assigned:
    """A suite's task is about to be given to a graph, as the run `run_id`."""

    run_id: str
    graph: str
    suite: str
    bench: str
    task_id: str
    repeat: int = 0
    """The how manyth time the task is given to the graph, from 0."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """The verdict on a run of a suite's task."""

    run_id: str
    graph: str
    suite: str
    bench: str
    """The bench this belongs to: runs of one bench are compared task by task."""
    task_id: str
    success: bool
    scorer: str
    repeat: int = 0
    """The how manyth time the task was given to the graph, from 0."""
    nano_usd: int = 0
    """What the verdict cost, where models gave it; it is no cost of the graph's."""
    error: str = ""
    """Why there is no verdict: a judge did not know, or a scorer could not tell."""


Event = (
    RunStarted
    | RunResumed
    | Call
    | ToolStarted
    | ToolCall
    | StepFinished
    | HoldExpired
    | BudgetCrossed
    | RunInterrupted
    | RunFinished
    | BenchStarted
    | Assigned
    | Outcome
)

_KINDS: dict[str, type[Event]] = {kind.__name__: kind for kind in get_args(Event)}
_NAMES = {kind: tuple(f.name for f in fields(kind)) for kind in _KINDS.values()}
_TUPLES = {Call: "accounts", RunFinished: "path", BenchStarted: "graphs"}
"""Fields that JSON turns into lists."""


def to_record(event: Event) -> dict[str, Any]:
    """The event as JSON, with its class name under `kind`."""
    kind = type(event)
    record = {"kind": kind.__name__, **{name: getattr(event, name) for name in _NAMES[kind]}}
    if isinstance(event, Call):
        record["microseconds"] = event.spend.microseconds
        if event.stand_in:
            record["unpaid"] = event.nano_usd
    return record


def from_record(record: dict[str, Any]) -> Event:
    """The event that `to_record` wrote.

    Raises:
        KeyError, TypeError: the record is of another kind or version.
    """
    content = dict(record)
    kind = _KINDS[content.pop("kind")]
    for computed in ("microseconds", "unpaid"):
        content.pop(computed, None)
    if kind in _TUPLES:
        content[_TUPLES[kind]] = tuple(content.get(_TUPLES[kind], ()))
    return kind(**content)
