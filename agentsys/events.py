"""Records of what happened in a run: streamed while it goes on, kept in the ledger."""

from dataclasses import dataclass, fields
from typing import Any, Literal, get_args

Decision = Literal["accept", "repair", "escalate", "tool", "give-up", "cancel"]
"""What followed a reply: taken; asked again; the next tier asked; a tool run; nothing left to try;
the run was cancelled while the call was under way."""

Status = Literal["ok", "low_confidence", "abstained", "budget_exceeded", "failed"]
"""How a run ended.

`ok`: checked and, where there is a threshold, confident enough; `low_confidence`: checked,
but the last tier was not confident; `abstained`: no answer that passes the checks, or none
on purpose; `budget_exceeded`: stopped by a limit (there are none yet); `failed`: a model, a tool
or a step broke.
"""


@dataclass(frozen=True, slots=True)
class RunStarted:
    """A graph got a task."""

    run_id: str
    graph: str
    task: Any
    """The input as JSON."""


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


@dataclass(frozen=True, slots=True)
class Assigned:
    """A suite's task is about to be given to a graph, as the run `run_id`."""

    run_id: str
    graph: str
    suite: str
    bench: str
    task_id: str


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


Event = RunStarted | Call | ToolCall | RunFinished | BenchStarted | Assigned | Outcome

_KINDS: dict[str, type[Event]] = {kind.__name__: kind for kind in get_args(Event)}
_NAMES = {kind: tuple(f.name for f in fields(kind)) for kind in _KINDS.values()}
_TUPLES = {RunFinished: "path", BenchStarted: "graphs"}
"""Fields that JSON turns into lists."""


def to_record(event: Event) -> dict[str, Any]:
    """The event as JSON, with its class name under `kind`."""
    kind = type(event)
    return {"kind": kind.__name__, **{name: getattr(event, name) for name in _NAMES[kind]}}


def from_record(record: dict[str, Any]) -> Event:
    """The event that `to_record` wrote.

    Raises:
        KeyError, TypeError: the record is of another kind or version.
    """
    content = dict(record)
    kind = _KINDS[content.pop("kind")]
    if kind in _TUPLES:
        content[_TUPLES[kind]] = tuple(content[_TUPLES[kind]])
    return kind(**content)
