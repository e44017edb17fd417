"""What a run carries with it through every node."""

import re
from collections import Counter
from collections.abc import Callable, Generator, Hashable, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any
from zlib import crc32

from agentsys.budgets import Purse
from agentsys.errors import AgentSysError, BudgetExceeded, UserError
from agentsys.journal import Journal
from agentsys.limits import Budget
from agentsys.memory import SharedMemory, using
from agentsys.models.base import Model
from agentsys.plain import digest
from agentsys.prompt import Objection, Turn
from agentsys.routing import FIRST, Begin
from agentsys.schema import dump
from agentsys.singleflight import SingleFlight
from agentsys.thresholds import DEFINED, Thresholds

_NUMBERS = re.compile(r"~\d+|/\d+(?=[/~]|$)")
"""In a place: which attempt, item or sample it is."""
_AGAIN = re.compile(r"~0*[1-9]\d*")
"""In a place: an attempt that came after an objection."""


class Conversations:
    """What each agent said in an attempt, so that an objection can be put to it."""

    def __init__(self, outer: "Conversations | None" = None) -> None:
        self._outer = outer
        self._turns: dict[Hashable, tuple[Turn, ...]] = {}
        self._open: set[Hashable] = set()

    def turns(self, key: Hashable) -> tuple[Turn, ...]:
        """The conversation that ends in an objection to what the agent said; else none."""
        turns = self._turns.get(key)
        if turns is None:
            return self._outer.turns(key) if self._outer is not None else ()
        return turns if turns and isinstance(turns[-1], Objection) else ()

    def keep(self, key: Hashable, turns: tuple[Turn, ...]) -> None:
        """Remember the conversation that led to what an agent last said."""
        self._turns[key] = turns
        self._open.add(key)

    def objection(self, reason: str) -> None:
        """Object to everything that was said since the last objection."""
        for key in self._open:
            self._turns[key] += (Objection(reason),)
        self._open.clear()

    def take_over(self, inner: "Conversations") -> None:
        """Answer for what was said in an inner attempt: an objection reaches it, too."""
        for key, turns in inner._turns.items():
            self.keep(key, turns)


@dataclass
class Findings:
    """What a part of a run leaves behind besides its output; JSON data, kept in checkpoints."""

    doubts: list[str] = field(default_factory=list[str])
    """Reasons why an accepted answer is of low confidence."""
    confidences: list[float] = field(default_factory=list[float])
    """Confidence of every accepted answer."""
    shortfalls: list[str] = field(default_factory=list[str])
    """What was left out because a budget had no room for it."""

    @property
    def settled(self) -> bool:
        """Whether nothing speaks against the output."""
        return not (self.doubts or self.shortfalls)

    def shorten(self, error: BudgetExceeded) -> None:
        """Something better was not affordable: a doubt, if the budget says to go on without."""
        (self.doubts if error.degrade else self.shortfalls).append(error.message)

    def add(self, other: "Findings") -> None:
        """Take over what another part has found."""
        self.doubts.extend(other.doubts)
        self.confidences.extend(other.confidences)
        self.shortfalls.extend(other.shortfalls)


def _cannot_stop(question: Any) -> Any:
    raise AgentSysError(
        f"A human must decide, and nobody can be asked here: {question}",
        hint="Run the graph with system.run.",
    )


@dataclass(frozen=True)
class Context:
    """The surroundings of one run: its models and journal, and what is in force now."""

    run_id: str
    models: Mapping[str, Model]
    journal: Journal
    purse: Purse
    """What may be spent here."""
    seed: int = 0
    tenant: str = ""
    place: str = ""
    """Where in the graph this is: the same in every run of it, and after a resumption."""
    graph: str = ""
    """How the ledger calls it."""
    team: str = ""
    """Whose part of the tenant's shared memory is used; empty: the tenant's own."""
    memory: SharedMemory | None = None
    thresholds: Thresholds = DEFINED
    """From which confidence on answers are taken."""
    stop: Callable[[Any], Any] = _cannot_stop
    """LangGraph's `interrupt`: stops the run with a question."""
    passing: tuple[type[BaseException], ...] = ()
    """Exceptions by which LangGraph steers a run; they are nobody else's business."""
    tier: str | None = None
    """Overrides every agent's own tier; set while an outer node escalates."""
    begin: Begin = FIRST
    """Where those begin that may go on to another tier."""
    authors: tuple[str, ...] = ()
    """The tiers that may have given the answer under judgement; empty: none, or not known."""
    sampling: bool = False
    """Whether replies are drawn at a temperature: all samples of a vote after the first."""
    votes: int = 0
    """How many votes this is inside of."""
    said: Conversations = field(default_factory=Conversations)
    findings: Findings = field(default_factory=Findings)
    asked: Counter[Hashable] = field(default_factory=Counter[Hashable])
    """Requests so far in the run, by agent, input and seed."""
    drawn: dict[str, "Context"] = field(default_factory=dict[str, "Context"])
    """The surroundings of the samples that a vote is drawing, by their place."""

    failures: dict[str, AgentSysError] = field(default_factory=dict[str, AgentSysError])
    """Why samples that a vote is drawing have no output, by their place."""
    flights: SingleFlight = field(default_factory=SingleFlight)
    """What is asked for in several places of the run, and done once."""

    def ask(self, question: Any) -> Any:
        """Ask a human: the run stops here; when it is resumed with an answer, this gives it."""
        data = _as_json(question, "A question")
        # An answer is to its question alone: where that has changed, it is asked anew.
        ask_id = f"{self.journal.next_id(f'{self.place}?')}:{digest(data, Any)}"
        if ask_id in self.journal.answers:
            return self.journal.answers[ask_id]
        return self.stop({"ask_id": ask_id, "question": data})

    def at(self, part: str | int) -> "Context":
        """The surroundings of a part."""
        return self._with(place=f"{self.place}/{part}")

    def fresh(self) -> "Context":
        """The same, with findings of its own."""
        return self._with(findings=Findings())

    def parted(self, said: Conversations, tier: str | None = None) -> "Context":
        """The same, with findings of its own, and what is said in it, perhaps on another tier."""
        return self._with(findings=Findings(), said=said, tier=tier)

    def within(self, budget: Budget, name: str) -> "Context":
        """The same, with a further budget on what the node of a name spends here."""
        # The same account in every attempt and for every item: the node is one.
        _, slash, part = self.place.partition("/")
        part = _NUMBERS.sub("", slash + part) or f"/{name}"
        return self._with(purse=self.purse.within(part, budget))

    @property
    def again(self) -> bool:
        """Whether an outer node does this again, because of an objection."""
        return _AGAIN.search(self.place.partition("/")[2]) is not None

    def common(self) -> "Context":
        """The same, at the place that all items and samples have in common.

        What is done again because of an objection has a place of its own.
        """
        run_id, slash, part = self.place.partition("/")
        part = slash + part
        last = max((found.end() for found in _AGAIN.finditer(part)), default=0)
        return self._with(place=run_id + part[:last] + _NUMBERS.sub("", part[last:]))

    def judging(self, authors: tuple[str, ...], tier: str | None) -> "Context":
        """The surroundings of a judge: its own findings, and nothing of what was said before."""
        return self.parted(Conversations(), tier)._with(authors=authors, begin=FIRST)

    def attempt(self, number: int, *, tier: str | None, said: Conversations) -> "Context":
        """The surroundings of one attempt, whose findings count only if it is accepted."""
        place = f"{self.place}~{number}"
        return self._with(place=place, tier=tier or self.tier, said=said, findings=Findings())

    def sampled(self, index: int) -> "Context":
        """The surroundings of one sample of a vote; the first is what there would be without."""
        inner = self.at(index)._with(
            said=Conversations(self.said),
            findings=Findings(),
            votes=self.votes + 1,
        )
        if index == 0:
            return inner
        seed = crc32(f"{self.seed} {self.votes} {index}".encode())
        return inner._with(sampling=True, seed=seed)

    def adopt(self, attempt: "Context") -> None:
        """Take over what an accepted attempt left behind."""
        self.findings.add(attempt.findings)
        if attempt.said is not self.said:
            self.said.take_over(attempt.said)

    def _with(self, **changes: Any) -> "Context":
        """A copy with changes; `dataclasses.replace` takes ten times as long, in every node."""
        changed = object.__new__(Context)
        changed.__dict__.update(self.__dict__, **changes)
        return changed

    def number(self, key: Hashable) -> int:
        """The number of a request among those with its key, from 0."""
        self.asked[key] += 1
        return self.asked[key] - 1


def _as_json(value: Any, what: str) -> Any:
    try:
        return dump(value, Any)
    except ValueError as error:
        raise UserError(f"{what} must be JSON data: {error}.") from error


_here: ContextVar[Context] = ContextVar("agentsys_here")


@contextmanager
def here(context: Context, node: str) -> Generator[None]:
    """Tell the code inside this block, a step's or a tool's, where in a run it is."""
    shared = context.memory
    memory = shared and shared.of(context.tenant, context.team, node=node, run_id=context.run_id)
    token = _here.set(context)
    try:
        with using(memory):
            yield
    finally:
        _here.reset(token)


def interrupt(question: Any) -> Any:
    """Ask a human, from inside a step or a tool: gives the answer.

    The run ends as `interrupted`, with the question in `run.questions`. `System.run(…, resume=id,
    answer=…)` and `agentsys resume` go on with it, also after a restart: the step is run again from
    its beginning, and here it gets the answer. So do nothing before that must not be done twice.

    Args:
        question: JSON data.

    Raises:
        UserError: it is not called from a step or a tool, or the question is not JSON data.
    """
    context = _here.get(None)
    if context is None:
        raise UserError("interrupt() was called outside of a run.", hint="Call it in a step.")
    return context.ask(question)
