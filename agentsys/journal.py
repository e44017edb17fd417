"""What a run has done: written as it happens, and read again when the run goes on.

A run that was cut off is run again from where LangGraph last kept its state, or from its start. In
the parts that run again, every call, tool and step that had finished answers from here: it is not
executed, asked or paid a second time.
"""

from collections import Counter, deque
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from agentsys.events import (
    Call,
    Event,
    RunInterrupted,
    RunResumed,
    StepFinished,
    ToolCall,
    ToolStarted,
)

R = TypeVar("R", Call, StepFinished)

_Unclaimed = dict[tuple[str, str], deque[str]]
"""Ids by place and digest, in the order of their recording."""

Write = Callable[[Event], Awaitable[None]]


@dataclass(frozen=True)
class Journal:
    """A run's finished calls, tools and steps, and the way to add to them."""

    write: Write
    """Keeps an event and tells who watches the run."""
    calls: dict[str, Call] = field(default_factory=dict[str, Call])
    tools: dict[str, ToolCall] = field(default_factory=dict[str, ToolCall])
    begun: Counter[str] = field(default_factory=Counter[str])
    """How often each use of a tool was begun."""
    cut_off: set[str] = field(default_factory=set[str])
    """The uses of tools that were begun and did not come to an end."""
    steps: dict[str, StepFinished] = field(default_factory=dict[str, StepFinished])
    answers: dict[str, Any] = field(default_factory=dict[str, Any])
    """What humans have answered."""
    keeps: bool = False
    """Whether what is written can be read again."""
    _spent: set[str] = field(default_factory=set[str])
    """The ids of calls that do not count, and may not be used again."""
    _unclaimed: dict[str, _Unclaimed] = field(default_factory=dict[str, "_Unclaimed"])
    _numbers: Counter[str] = field(default_factory=Counter[str])

    def load(self, events: Iterable[Event], *, again: frozenset[str] = frozenset()) -> None:
        """Take over what happened before the run was cut off.

        Args:
            events: Of the run, in their order.
            again: The calls that are to be made again.
        """
        for event in events:
            match event:
                case Call():
                    if _is_open(event) or event.call_id in again:
                        self._spent.add(event.call_id)
                    else:
                        self.calls[event.call_id] = event
                case ToolStarted():
                    self.begun[event.call_id] += 1
                    self.cut_off.add(event.call_id)
                case ToolCall():
                    self.tools[event.call_id] = event
                    self.cut_off.discard(event.call_id)
                case RunInterrupted():  # a tool that asks has stopped by itself
                    self.cut_off.discard(event.ask_id.rpartition("?")[0])
                case RunResumed() if event.ask_id:
                    self.answers[event.ask_id] = event.answer
                case StepFinished():
                    self.steps[event.step_id] = event
                case _:
                    pass

    def next_id(self, place: str) -> str:
        """An id for what happens at a place of the run, numbered there: `7f…/0.solve#2`."""
        number = self._numbers[place]
        self._numbers[place] += 1
        return f"{place}#{number}"

    def next_call(self, place: str, digest: str) -> tuple[str, Call | None]:
        """The id of the next call at a place, and its record where it was made and answered.

        What was asked decides, not the order, which may be another one where a graph written by
        hand asks several things at one place. A new call gets an id that no other has.
        """
        return self._next(self.calls, place, digest)

    def next_step(self, place: str, digest: str) -> tuple[str, StepFinished | None]:
        """The id of the next step at a place, and its record where it finished on that input."""
        return self._next(self.steps, place, digest)

    def _next(self, known: Mapping[str, R], place: str, digest: str) -> tuple[str, R | None]:
        before = self._before(known).get((place, digest))
        if before:
            found = before.popleft()
            return found, known[found]
        while (fresh := self.next_id(place)) in known or fresh in self._spent:
            pass
        return fresh, None

    def _before(self, known: Mapping[str, Call | StepFinished]) -> _Unclaimed:
        """What was recorded and has not been asked for again, by place and digest."""
        key = "calls" if known is self.calls else "steps"
        if key not in self._unclaimed:
            found: _Unclaimed = {}
            for made, event in known.items():
                place = made.rpartition("#")[0]
                found.setdefault((place, event.digest), deque()).append(made)
            self._unclaimed[key] = found
        return self._unclaimed[key]


def _is_open(call: Call) -> bool:
    """Whether a call got no answer for a reason that may not hold any more."""
    return call.decision == "cancel" or call.error == "BudgetExceeded"
