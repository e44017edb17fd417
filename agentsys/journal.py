"""What a run has done: written as it happens, and read again when the run goes on.

A run that was cut off is run again from where LangGraph last kept its state, or from its start. In
the parts that run again, every call, tool and step that had finished answers from here: it is not
executed, asked or paid a second time.
"""

from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from agentsys.events import Call, Event, RunResumed, StepFinished, ToolCall, ToolStarted

Write = Callable[[Event], Awaitable[None]]


@dataclass(frozen=True)
class Journal:
    """A run's finished calls, tools and steps, and the way to add to them."""

    write: Write
    """Keeps an event and tells who watches the run."""
    calls: dict[str, Call] = field(default_factory=dict[str, Call])
    tools: dict[str, ToolCall] = field(default_factory=dict[str, ToolCall])
    tools_begun: set[str] = field(default_factory=set[str])
    steps: dict[str, Any] = field(default_factory=dict[str, Any])
    """Outputs as JSON."""
    answers: dict[str, Any] = field(default_factory=dict[str, Any])
    """What humans have answered."""
    keeps: bool = False
    """Whether what is written can be read again."""
    _numbers: Counter[str] = field(default_factory=Counter[str])

    def load(self, events: list[Event]) -> None:
        """Take over what happened before the run was cut off."""
        for event in events:
            match event:
                case Call() if event.call_id:
                    self.calls[event.call_id] = event
                case ToolStarted():
                    self.tools_begun.add(event.call_id)
                case ToolCall() if event.call_id:
                    self.tools[event.call_id] = event
                case RunResumed() if event.ask_id:
                    self.answers[event.ask_id] = event.answer
                case StepFinished():
                    self.steps[event.step_id] = event.output
                case _:
                    pass

    def next_id(self, place: str) -> str:
        """An id for what happens at a place of the run, numbered there: `7f…/0.solve#2`."""
        number = self._numbers[place]
        self._numbers[place] += 1
        return f"{place}#{number}"

    def next_call(self, place: str, digest: str) -> tuple[str, Call | None]:
        """The id of the next call at a place, and its record where it was made and answered.

        One that was cancelled, or in which something else was asked, keeps its id; a new call
        needs another.
        """
        while True:
            call_id = self.next_id(place)
            call = self.calls.get(call_id)
            if call is None or (call.decision != "cancel" and call.digest == digest):
                return call_id, call
