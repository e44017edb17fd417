"""What a run has done that was cut off, read from the ledger so that it can go on."""

from dataclasses import dataclass
from typing import Any

from agentsys.errors import InvalidOutput, InvalidTask, UnknownName, UserError
from agentsys.events import (
    Call,
    Event,
    RunFinished,
    RunInterrupted,
    RunResumed,
    RunStarted,
    ToolCall,
)
from agentsys.journal import Journal
from agentsys.leases import is_alive, leased
from agentsys.ledger import Ledger
from agentsys.limits import Budget
from agentsys.node import Node
from agentsys.run import Cost, Run
from agentsys.running import Parts, path_of
from agentsys.schema import validate_json
from agentsys.writer import OnEvent

FINAL = ("ok", "low_confidence", "abstained")
"""A run that ended so has its result; any other is tried again from where it stopped."""


@dataclass(frozen=True)
class Past:
    """A run as the ledger has it."""

    start: RunStarted
    events: list[Event]

    @classmethod
    def read(cls, ledger: Ledger, run_id: str) -> "Past":
        """The events of a run.

        Raises:
            UnknownName: there is no such run.
        """
        events = [recorded.event for recorded in ledger.events(run_ids=[run_id])]
        start = next((event for event in events if isinstance(event, RunStarted)), None)
        if start is None:
            raise UnknownName("run", run_id, (), hint="'agentsys runs' lists them.")
        return cls(start, events)

    @property
    def end(self) -> RunFinished | None:
        """How the run ended the last time it was worked on; `None` where it was cut off."""
        for event in reversed(self.events):
            match event:
                case RunFinished():
                    return event
                case RunResumed() | RunInterrupted():
                    return None
                case _:
                    pass
        return None

    @property
    def result(self) -> RunFinished | None:
        """The end of a run that has its result."""
        return self.end if self.end is not None and self.end.status in FINAL else None

    @property
    def question(self) -> RunInterrupted | None:
        """The first question that has no answer."""
        answered = {event.ask_id for event in self.events if isinstance(event, RunResumed)}
        asked = (event for event in self.events if isinstance(event, RunInterrupted))
        return next((event for event in asked if event.ask_id not in answered), None)

    def require_dead(self) -> None:
        """Make sure that the process that began it does not work on it any more.

        Raises:
            UserError: it does, as far as this machine can tell.
        """
        ended = any(isinstance(event, RunFinished | RunInterrupted) for event in self.events)
        if not ended and is_alive(self.start.process):
            raise UserError(
                f"The run {self.start.run_id!r} is still being worked on, by "
                f"process {self.start.process.split(':')[1]}.",
                hint="Wait for it to end, or end that process.",
            )

    def load(self, journal: Journal, resumed: RunResumed) -> None:
        """Take over what had finished; calls that failed are made again where the run failed."""
        failed = self.end is not None
        kept = [e for e in self.events if not (failed and isinstance(e, Call) and e.error)]
        journal.load([*kept, resumed])

    def calls(self) -> list[Call]:
        """All calls so far."""
        return [event for event in self.events if isinstance(event, Call)]

    def tool_calls(self) -> list[ToolCall]:
        """All uses of tools so far."""
        return [event for event in self.events if isinstance(event, ToolCall)]

    def answer(self, answer: Any) -> RunResumed:
        """The event that answers the question of an interrupted run.

        Raises:
            UserError: nothing was asked.
        """
        question = self.question
        if question is None:
            raise UserError(
                f"The run {self.start.run_id!r} waits for no answer.", hint="Leave the answer out."
            )
        return RunResumed(self.start.run_id, question.ask_id, answer)


@dataclass(frozen=True)
class Resuming:
    """A run that is to go on."""

    parts: Parts
    node: Node[Any, Any]
    run_id: str
    budget: Budget | None
    given: tuple[Any, ...]
    """The answer, where there is one."""
    on_event: OnEvent | None

    async def run(self) -> Run[Any]:
        """The result that it has, or that it comes to.

        Raises:
            UserError: there is no such run, somebody works on it, or it cannot be resumed so.
        """
        parts = self.parts
        if parts.store is None or parts.ledger is None:
            raise UserError("Runs can be resumed only with a store: System(…, store=…).")
        async with leased(parts.store, f"run:{self.run_id}", f"The run {self.run_id!r}"):
            past = Past.read(parts.ledger, self.run_id)
            if past.result is not None and not self.given:
                return self._recorded(past)
            past.require_dead()
            resumed = past.answer(self.given[0]) if self.given else RunResumed(self.run_id)
            running = parts.running(
                self.node, self._task(past), past.start, self._limit(past), self.on_event
            )
            past.load(running.context.journal, resumed)
            running.writer.calls.extend(past.calls())
            running.writer.tool_calls.extend(past.tool_calls())
            await running.writer.write(resumed)
            return await running.run(None)

    def _limit(self, past: Past) -> Budget | None:
        began = past.start.budget
        return self.budget or (None if began is None else Budget.model_validate(began))

    def _task(self, past: Past) -> Any:
        try:
            return validate_json(past.start.task, self.node.takes)
        except InvalidOutput as error:
            raise InvalidTask(
                f"The task of the run {self.run_id!r} does not fit {self.node.name!r}: "
                f"{error.message}",
                hint="Was it a run of another graph?",
            ) from error

    def _recorded(self, past: Past) -> Run[Any]:
        """The result that the run has already."""
        end = past.result
        assert end is not None
        calls = past.calls()
        has_output = end.status != "abstained"
        return Run(
            run_id=self.run_id,
            graph=end.graph,
            status=end.status,
            cost=Cost(end.nano_usd, end.calls, end.tokens_in, end.tokens_out, end.seconds),
            path=path_of(calls),
            attempts=tuple(calls),
            tool_calls=tuple(past.tool_calls()),
            confidence=end.confidence,
            error=end.error,
            value=validate_json(end.output, self.node.gives) if has_output else None,
            gives=self.node.gives,
        )
