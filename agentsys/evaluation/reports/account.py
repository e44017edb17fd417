"""What a task took and how it ended."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date

from agentsys.events import Decision, Status

Reply = tuple[str, str, str, Decision, int, bool | None, bool]
"""Of a call: node, tier, deployment, decision, attempt, whether its reply fitted its schema, and
whether its energy was measured."""


@dataclass(frozen=True, slots=True)
class Replies:
    """What the replies of a run show, or of a part of it, in the order of its calls."""

    places: frozenset[tuple[str, str]] = frozenset()
    """Each node that was asked, on each tier."""
    escalated: bool = False
    """A reply was handed to the next tier, or a node was asked on two tiers."""
    structured: int = 0
    """First replies that should fit a schema: to an agent's first request, and to the first at
    each further tier."""
    valid: int = 0
    """Those that did."""
    reached: int = 0
    """Calls that a model answered."""
    measured: bool = True
    """The energy of all those is known."""
    deployments: tuple[str, ...] = ()
    nodes: tuple[str, ...] = ()

    @classmethod
    def of(cls, replies: Iterable[Reply]) -> Replies:
        """What these replies show."""
        every = tuple(replies)
        places, first = dict[tuple[str, str], None](), list[bool]()
        for node, tier, _, _, attempt, fits, _ in every:
            if fits is not None and (attempt == 0 or (node, tier) not in places):
                first.append(fits)
            places[node, tier] = None
        return cls(
            frozenset(places),
            went_on((node, tier, decision) for node, tier, _, decision, *_ in every),
            len(first),
            sum(first),
            sum(reply[2] != "" for reply in every),
            all(reply[6] for reply in every if reply[2]),
            tuple(dict.fromkeys(reply[2] for reply in every)),
            tuple(dict.fromkeys(node for node, _ in places)),
        )

    def __add__(self, other: Replies) -> Replies:
        """Of the same task, a further run."""
        places = self.places | other.places
        return Replies(
            places,
            self.escalated or other.escalated or _on_two_tiers(places),
            self.structured + other.structured,
            self.valid + other.valid,
            self.reached + other.reached,
            self.measured and other.measured,
            tuple(dict.fromkeys(self.deployments + other.deployments)),
            tuple(dict.fromkeys(self.nodes + other.nodes)),
        )


def went_on(replies: Iterable[tuple[str, str, Decision]]) -> bool:
    """Whether of these (node, tier, decision) one was handed on, or a node was on two tiers."""
    every = tuple(replies)
    handed_on = any(decision == "escalate" for *_, decision in every)
    return handed_on or _on_two_tiers((node, tier) for node, tier, _ in every)


def _on_two_tiers(places: Iterable[tuple[str, str]]) -> bool:
    every = set(places)
    return len(every) > len({node for node, _ in every})


NO_REPLIES = Replies()


@dataclass(slots=True)
class Calls:
    """All calls of a run, or of a part of it, added up: failed and cancelled ones too."""

    nano_usd: int = 0
    tokens: int = 0
    """Of prompts and replies."""
    seconds: float = 0.0
    """That models worked; side by side counts twice."""
    energy_j: float | None = 0.0
    """`None` where a call that a model answered has none: not measured."""
    replies: Replies = NO_REPLIES
    tool_calls: int = 0
    executable: int = 0
    """Of these, the tool was known, its arguments fitted and it ran."""
    unpaid: int = 0
    """Of `nano_usd`, what records answered in place of models."""

    def add(self, other: Calls) -> None:
        """Take in the calls of a further run of the same task."""
        self.nano_usd += other.nano_usd
        self.tokens += other.tokens
        self.seconds += other.seconds
        if self.energy_j is None or other.energy_j is None:
            self.energy_j = None
        else:
            self.energy_j += other.energy_j
        self.replies += other.replies
        self.tool_calls += other.tool_calls
        self.executable += other.executable
        self.unpaid += other.unpaid


@dataclass(slots=True)
class Account:
    """One task of one graph: a run, or, in a bench, all runs that were needed for the task.

    What was said in them is read with `ledger.events(Call, ToolCall, run_ids=[…])`.
    """

    graph: str
    day: date
    """UTC, of its first event."""
    bench: str = ""
    task_id: str = ""
    """Empty outside a bench."""
    repeat: int = 0
    """The how manyth time the task was given to the graph, from 0."""
    run_id: str = ""
    """Of the run that was begun last."""
    tenant: str = ""
    thresholds: str = ""
    """The version that was in force; empty: the definitions' own."""
    calls: Calls = field(default_factory=Calls)
    seconds: float | None = None
    """Of the run that ended last, wall clock; `None` if none did."""
    status: Status | None = None
    """How that run ended."""
    error: str = ""
    """Why that run was not `ok`."""
    outcome: bool | None = None
    """The scorer's verdict; `None` if there is none."""
    scorer: str = ""
    """Which scorer that was; empty if there is no verdict."""

    @property
    def finished(self) -> bool:
        """In a bench: it has its outcome. Else: its run ended. What was spent counts either way."""
        return self.outcome is not None or (not self.bench and self.status is not None)

    @property
    def success(self) -> bool:
        """The scorer's verdict; where there is none, whether the graph's own checks accepted."""
        return self.status == "ok" if self.outcome is None else self.outcome

    @property
    def end(self) -> str:
        """Its status, `failed` where it was scored without an end, or `unfinished`."""
        return self.status or "failed" if self.finished else "unfinished"

    @property
    def nano_usd(self) -> int:
        """What all calls cost: failed, repaired, escalated and cancelled ones too."""
        return self.calls.nano_usd

    @property
    def tokens(self) -> int:
        """Prompt and generated tokens of all calls."""
        return self.calls.tokens

    @property
    def energy_j(self) -> float | None:
        """Of all calls; `None`: not measured."""
        return self.calls.energy_j

    @property
    def escalated(self) -> bool:
        """A reply was handed to the next tier, or a node was asked on two tiers."""
        return self.calls.replies.escalated
