"""What a run has done that was cut off, read from the ledger so that it can go on."""

from dataclasses import dataclass
from typing import Any

from agentsys.budgets.accounts import run_scope
from agentsys.context import Context
from agentsys.errors import Busy, InvalidOutput, InvalidTask, UnknownName, UserError
from agentsys.events import (
    Call,
    Event,
    RunFinished,
    RunInterrupted,
    RunResumed,
    RunStarted,
    ToolCall,
)
from agentsys.leases import is_alive, leased, process
from agentsys.ledger import Ledger
from agentsys.limits import Budget
from agentsys.money import Spend
from agentsys.node import Node
from agentsys.routing import Begin
from agentsys.run import Cost, Run
from agentsys.running import FINAL, Parts, path_of
from agentsys.schema import dump, restored
from agentsys.thresholds import DEFINED, Thresholds, find
from agentsys.writer import OnEvent


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
            raise _unknown(run_id)
        return cls(start, events)

    def unknown(self) -> UnknownName:
        """What to raise for somebody whose run it is not."""
        return _unknown(self.start.run_id)

    @property
    def end(self) -> RunFinished | None:
        """How the run ended the last time it was worked on; `None` where it was cut off."""
        return next((e for e in reversed(self._lately) if isinstance(e, RunFinished)), None)

    @property
    def result(self) -> RunFinished | None:
        """The end of a run that has its result."""
        return self.end if self.end is not None and self.end.status in FINAL else None

    @property
    def question(self) -> RunInterrupted | None:
        """The first question that it asks since it was last worked on."""
        return next((e for e in self._lately if isinstance(e, RunInterrupted)), None)

    @property
    def _lately(self) -> list[Event]:
        """What happened since it was begun or last resumed, that included."""
        last = max(i for i, e in enumerate(self.events) if isinstance(e, RunStarted | RunResumed))
        return self.events[last:]

    def require_dead(self) -> None:
        """Make sure that who worked on it last does not do so any more.

        The lease says so already, unless a process was so busy that it ran out.

        Raises:
            Busy: they do, as far as this machine can tell.
        """
        begun = self._lately[0]
        assert isinstance(begun, RunStarted | RunResumed)
        ended = self.end is not None or self.question is not None
        if not ended and begun.process != process() and is_alive(begun.process):
            raise Busy(
                f"The run {self.start.run_id!r} is still being worked on, by "
                f"process {begun.process.split(':')[1]}.",
                hint="Wait for it to end, or end that process.",
            )

    def calls(self) -> list[Call]:
        """All calls so far."""
        return [event for event in self.events if isinstance(event, Call)]

    def tool_calls(self) -> list[ToolCall]:
        """All uses of tools so far."""
        return [event for event in self.events if isinstance(event, ToolCall)]

    def resumed(self, given: tuple[Any, ...]) -> RunResumed:
        """How the run goes on: with an answer to its first question, where one is given.

        Raises:
            UserError: nothing was asked, or the answer is not JSON data.
        """
        run_id = self.start.run_id
        if not given:
            return RunResumed(run_id, process=process())
        if self.question is None:
            raise UserError(
                f"The run {run_id!r} waits for no answer.",
                hint="Leave the answer out; where there is a question, that says so.",
            )
        try:
            answer = dump(given[0], Any)
        except ValueError as error:
            raise UserError(f"An answer must be JSON data: {error}.") from error
        return RunResumed(run_id, self.question.ask_id, answer, process())


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
    tenant: str | None = None
    """Whose run it must be; `None`: anybody's."""
    thresholds: Thresholds | None = None
    """Those that it was begun with, where the store does not have them."""

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
            if self.tenant not in (None, past.start.tenant):
                raise past.unknown()
            if past.result is not None and not self.given:
                return self._recorded(past, past.result)
            past.require_dead()
            return await self._going_on(parts.ledger, past, past.resumed(self.given))

    async def _going_on(self, ledger: Ledger, past: Past, resumed: RunResumed) -> Run[Any]:
        parts, start = self.parts, past.start
        thresholds = await self._begun_with(ledger, start)
        running = parts.running(
            self.node, self._task(past), start, self._limit(past), self.on_event, thresholds
        )
        running.context.journal.load([*past.events, resumed])
        running.writer.calls.extend(past.calls())
        running.writer.tool_calls.extend(past.tool_calls())
        not_counted: set[str] = set()

        def without(call_id: str) -> Context:
            not_counted.add(call_id)
            context = parts.context(start, running.writer, thresholds)
            events = Past.read(ledger, self.run_id).events
            context.journal.load(events, again=frozenset(not_counted))
            return context

        running.without = without
        # What made a run end is in LangGraph's state, too: it must not end again by that.
        running.anew = past.end is not None
        return await running.run(resumed)

    async def _begun_with(self, ledger: Ledger, start: RunStarted) -> Thresholds:
        """The thresholds that the run keeps."""
        version, given = start.thresholds, self.thresholds
        if given is not None and given.version == version:
            return given
        if given is not None:
            raise UserError(
                f"The run {self.run_id!r} was begun with the thresholds {version or 'as defined'},"
                f" not with {given.version or 'those as defined'}.",
                hint="Leave them out, or give those.",
            )
        if not version:
            return DEFINED
        try:
            return await find(ledger.store, start.graph, version)
        except UnknownName as error:
            raise UserError(
                f"The run {self.run_id!r} was begun with the thresholds {version!r}, which the "
                "store does not have.",
                hint="Give them: run(…, resume=…, thresholds=…).",
            ) from error

    def _limit(self, past: Past) -> Budget | None:
        """The run's own budget, less what was spent in it before it had one."""
        began = past.start.budget
        budget = self.budget or (None if began is None else Budget.model_validate(began))
        if budget is None:
            return None
        account, spent = run_scope(self.run_id), Spend()
        for call in past.calls():
            if account not in call.accounts:
                spent += call.spend
        return budget.less(spent)

    def _task(self, past: Past) -> Any:
        try:
            return restored(past.start.task, self.node.takes)
        except InvalidOutput as error:
            raise InvalidTask(
                f"The task of the run {self.run_id!r} does not fit {self.node.name!r}: "
                f"{error.message}",
                hint="Was it a run of another graph?",
            ) from error

    def _recorded(self, past: Past, end: RunFinished) -> Run[Any]:
        """The result that the run has already."""
        calls = past.calls()
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
            value=None if end.status == "abstained" else self._output(end),
            gives=self.node.gives,
            thresholds=past.start.thresholds,
            begin=Begin(past.start.router, past.start.p_first, past.start.begin),
        )

    def _output(self, end: RunFinished) -> Any:
        try:
            return restored(end.output, self.node.gives)
        except InvalidOutput as error:
            raise UserError(
                f"The result of the run {self.run_id!r} is not what {self.node.name!r} gives: "
                f"{error.message}",
                hint="Was it a run of another graph? The ledger has it as JSON.",
            ) from error


def _unknown(run_id: str) -> UnknownName:
    return UnknownName("run", run_id, (), hint="'agentsys runs' lists them.")
