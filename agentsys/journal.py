"""What a run has done: written as it happens, and read again when the run goes on.

A run that was cut off is run again from where LangGraph last kept its state, or from its start. In
the parts that run again, every call, tool and step that had finished answers from here: it is not
executed, asked or paid a second time.
"""

from collections import Counter
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from agentsys.events import (
    Call,
    Event,
    RunInterrupted,
    RunResumed,
    StepFinished,
    ToolCall,
    ToolStarted,
)

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

        One that got no answer, or in which something else was asked, keeps its id; a new call
        needs another.
        """
        while True:
            call_id = self.next_id(place)
            call = self.calls.get(call_id)
            if call is not None and call.digest == digest:
                return call_id, call
            if call is None and call_id not in self._spent:
                return call_id, None

    def next_step(self, place: str, digest: str) -> tuple[str, StepFinished | None]:
        """The id of the next step at a place, and its record where it finished on that input."""
        while True:
            step_id = self.next_id(place)
            step = self.steps.get(step_id)
            if step is None or step.digest == digest:
                return step_id, step


def _is_open(call: Call) -> bool:
    """Whether a call got no answer for a reason that may not hold any more."""
    return call.decision == "cancel" or call.error == "BudgetExceeded"
