"""One run under way: from its start, or from where it was cut off."""

import asyncio
import re
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from agentsys.budgets import Budgets, Purse, surely
from agentsys.context import Context
from agentsys.errors import (
    Abstain,
    AgentSysError,
    BudgetExceeded,
    ModelError,
    StoreError,
    UserError,
)
from agentsys.events import Call, RunFinished, RunInterrupted, RunResumed, RunStarted, Status
from agentsys.journal import Journal
from agentsys.leases import is_taken_over
from agentsys.ledger import Ledger
from agentsys.limits import Budget
from agentsys.memory import SharedMemory
from agentsys.models.base import Model
from agentsys.node import Node
from agentsys.routing import Begin, Routers
from agentsys.run import Question, Run
from agentsys.stores import Store
from agentsys.thresholds import DEFINED, InForce, Thresholds
from agentsys.writer import OnEvent, Writer

if TYPE_CHECKING:
    from agentsys.graph import Thread

FINAL: tuple[Status, ...] = ("ok", "low_confidence", "abstained")
"""A run that ended so has its result; any other is tried again from where it stopped."""

CANCELLED = "the run was cancelled."
"""How a run ends that is stopped from outside; it can be resumed."""


@dataclass
class Running:
    """A run under way."""

    node: Node[Any, Any]
    task: Any
    graph: str
    writer: Writer
    context: Context
    checkpoints: str | None = None
    """URL of where LangGraph keeps the run's state; `None`: it keeps none."""
    anew: bool = False
    """Whether that state is of no use: everything is run again, and the journal answers."""
    without: Callable[[str], Context] | None = None
    """The surroundings of a resumed run in which one more recorded call does not count."""
    over: bool = False

    async def run(self, begin: RunStarted | RunResumed) -> Run[Any]:
        """Execute it to its end, and record that.

        Args:
            begin: What it begins with.
        """
        async with self._thread() as thread:
            if self.anew and thread is not None:
                await thread.clear()
            await self.writer.write(begin)
            run = await self._to_its_end(thread)
            if thread is not None and run.status in FINAL:
                with suppress(StoreError):  # nobody needs the state any more
                    await thread.clear()
            return run

    async def _to_its_end(self, thread: "Thread | None") -> Run[Any]:
        try:
            return await self._advanced(thread)
        except StoreError:
            raise  # what happened cannot be recorded, so it must not pass for a finished run
        except UserError as error:
            await self._finish("failed", error)
            raise
        except asyncio.CancelledError:
            if not self.over:
                await surely(self._finish("failed", AgentSysError(CANCELLED)))
            raise
        except BudgetExceeded as error:
            return await self._finish("budget_exceeded", error, finished=error.finished)
        except AgentSysError as error:
            return await self._finish(
                "abstained" if isinstance(error, Abstain) else "failed", error
            )
        except Exception as error:  # a step's own exception ends the run, typed
            plain = AgentSysError(f"{type(error).__name__}: {error}")
            plain.__cause__ = error
            return await self._finish("failed", plain)

    async def _advanced(self, thread: "Thread | None") -> Run[Any]:
        """The run, in which a call that had failed is made again where it would end the run."""
        while True:
            try:
                return await self._advance(thread)
            except ModelError as error:
                if not error.call_id or self.without is None:
                    raise
                self.context = self.without(error.call_id)
                if thread is not None:
                    await thread.clear()

    async def _advance(self, thread: "Thread | None") -> Run[Any]:
        from agentsys.graph import advance

        output, questions = await advance(self.node, self.task, self.context, thread)
        if questions:
            return await self._wait(questions)
        found = self.context.findings
        if found.shortfalls:
            error = AgentSysError(found.shortfalls[0])
            return await self._finish("budget_exceeded", error, output)
        if found.doubts:
            return await self._finish("low_confidence", AgentSysError(found.doubts[0]), output)
        return await self._finish("ok", None, output)

    @asynccontextmanager
    async def _thread(self) -> "AsyncGenerator[Thread | None]":
        if self.checkpoints is None:
            yield None
            return
        from agentsys.checkpoints import checkpointer
        from agentsys.graph import Thread

        async with checkpointer(self.checkpoints) as saver:
            yield Thread(saver, f"agentsys-{self.context.run_id}")

    async def _wait(self, asked: list[Any]) -> Run[Any]:
        found = [Question(one["ask_id"], one["question"]) for one in map(_ours, asked)]
        questions = tuple(sorted(found, key=_place))
        for one in questions:
            await self.writer.write(
                RunInterrupted(self.context.run_id, self.graph, one.ask_id, one.question)
            )
        error = AgentSysError("it waits for an answer.")
        return self._ended("interrupted", error, questions=questions)

    async def _finish(
        self, status: Status, error: AgentSysError | None, output: Any = None, **more: Any
    ) -> Run[Any]:
        run = self._ended(status, error, output, **more)
        end = _finished(run)
        self.over = True
        if not is_taken_over():  # else the journal is another process's
            await self.writer.write(end)
        return run

    def _ended(
        self, status: Status, error: AgentSysError | None, output: Any = None, **more: Any
    ) -> Run[Any]:
        calls = self.writer.calls
        return Run(
            run_id=self.context.run_id,
            graph=self.graph,
            status=status,
            cost=self.writer.cost(),
            path=path_of(calls),
            attempts=tuple(calls),
            tool_calls=tuple(self.writer.tool_calls),
            confidence=min(self.context.findings.confidences, default=None),
            error=str(error) if error else "",
            cause=_cause(error),
            value=output,
            gives=self.node.gives,
            thresholds=self.context.thresholds.version,
            begin=self.context.begin,
            **more,
        )


@dataclass(frozen=True)
class Parts:
    """What a system lends to its runs."""

    models: Mapping[str, Model]
    store: Store | None
    budgets: Budgets
    memory: SharedMemory | None
    checkpoints: str | None
    """URL of where LangGraph keeps the state of durable runs."""
    in_force: InForce
    """The thresholds that runs take which are given none."""
    routers: Routers
    """What says at which tier a run begins."""

    @property
    def ledger(self) -> Ledger | None:
        """The events of all runs."""
        return None if self.store is None else Ledger(self.store)

    def running(
        self,
        node: Node[Any, Any],
        task: Any,
        start: RunStarted,
        budget: Budget | None,
        on_event: OnEvent | None,
        thresholds: Thresholds,
    ) -> Running:
        """A run that is about to begin or to go on."""
        writer = self.writer(start, budget, on_event)
        checkpoints = self.checkpoints if start.durable else None
        context = self.context(start, writer, thresholds)
        return Running(node, task, start.graph, writer, context, checkpoints)

    def writer(
        self, start: RunStarted, budget: Budget | None = None, on_event: OnEvent | None = None
    ) -> Writer:
        """Where the events of a run go."""
        purse = Purse(self.budgets, start.run_id, start.tenant)
        if budget is not None:
            purse = purse.within("", _for_a_run(budget))
        return Writer(self.ledger, purse, on_event)

    def context(
        self, start: RunStarted, writer: Writer, thresholds: Thresholds = DEFINED
    ) -> Context:
        """The surroundings of a run."""
        return Context(
            run_id=start.run_id,
            models=self.models,
            journal=Journal(writer.write, keeps=self.store is not None),
            seed=start.seed,
            tenant=start.tenant,
            team=start.team,
            place=quote(start.run_id, safe=""),
            graph=start.graph,
            memory=self.memory,
            thresholds=thresholds,
            begin=Begin(start.router, start.p_first, start.begin),
            purse=writer.purse,
        )


def _cause(error: AgentSysError | None) -> BaseException | None:
    """The error itself, or the exception of somebody's step that it was made of."""
    if type(error) is AgentSysError and error.__cause__ is not None:
        return error.__cause__
    return error


def _for_a_run(budget: Budget) -> Budget:
    if budget.per != "run":
        raise UserError(
            f"A run's own budget is for the run, not per={budget.per!r}.",
            hint="Give other budgets to the System, or set them with 'agentsys budget set'.",
        )
    return budget


def path_of(calls: list[Call]) -> tuple[str, ...]:
    """Each agent and tier once in a row."""
    path: list[str] = []
    for call in calls:
        place = f"{call.node}@{call.tier}"
        if not path or path[-1] != place:
            path.append(place)
    return tuple(path)


def _place(question: Question) -> list[int | str]:
    """Sorts the tenth item behind the second; the words of these places alternate with numbers."""
    return [int(w) if w.isdecimal() else w for w in re.split(r"(\d+)", question.ask_id)]


def _ours(asked: Any) -> Any:
    """A question of `agentsys.interrupt`, or one of LangGraph's own."""
    if isinstance(asked, dict) and "ask_id" in asked:
        return asked  # pyright: ignore[reportUnknownVariableType]
    raise UserError(
        "A node called LangGraph's interrupt.", hint="Use agentsys.interrupt, which can be resumed."
    )


def _finished(run: Run[Any]) -> RunFinished:
    return RunFinished(
        run_id=run.run_id,
        graph=run.graph,
        status=run.status,
        output=run.output_json(),
        error=run.error,
        path=run.path,
        seconds=run.cost.seconds,
        nano_usd=run.cost.nano_usd,
        calls=run.cost.calls,
        tokens_in=run.cost.tokens_in,
        tokens_out=run.cost.tokens_out,
        confidence=run.confidence,
    )
