"""A system: models and ledger. It runs nodes."""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Mapping
from types import TracebackType
from typing import Any, TypeVar, cast
from uuid import uuid4

from agentsys.blocking import BlockingLoop
from agentsys.context import Context
from agentsys.errors import (
    Abstain,
    AgentSysError,
    InvalidOutput,
    InvalidTask,
    StoreError,
    UnknownName,
    UserError,
)
from agentsys.events import Call, Event, RunFinished, RunStarted, Status, ToolCall
from agentsys.ledger import Ledger
from agentsys.models.base import Model
from agentsys.models.tiers import Tiers
from agentsys.node import Node
from agentsys.run import Cost, Run
from agentsys.schema import dump, name_of, validate
from agentsys.settings import Settings

X = TypeVar("X")
Y = TypeVar("Y")


class System:
    """Runs nodes on models, and records every call and outcome in a ledger.

    Safe to share between tasks. Close it, or use it with `async with` or `with`.
    """

    def __init__(self, models: Mapping[str, Model], *, ledger: Ledger | None = None) -> None:
        """Put a system together.

        Args:
            models: The model of each tier.
            ledger: Where events are kept; without one they are only returned.
        """
        self.models = models
        self.ledger = ledger
        self._sync = BlockingLoop()

    @classmethod
    def load(cls, path: str | None = None) -> "System":
        """The system that `agentsys.toml` describes, or the embedded default.

        Raises:
            SettingsError: the configuration cannot be used.
            StoreError: the ledger cannot be opened.
        """
        from agentsys.stores import open_store

        settings = Settings.load(path)
        return cls(Tiers(settings), ledger=Ledger(open_store(settings.store_url)))

    async def run(
        self,
        node: Node[X, Y],
        task: X,
        *,
        seed: int = 0,
        name: str | None = None,
        on_event: Callable[[Event], None] | None = None,
    ) -> Run[Y]:
        """Run a node on one task. A run that fails is returned, not raised.

        Args:
            node: What to run.
            task: Its input.
            seed: Of every sampled reply.
            name: How the ledger calls the graph; default: the node's name.
            on_event: Called with every event as it happens.

        Raises:
            UserError: the task does not fit, a tier is not configured, or the wiring is wrong.
            StoreError: the ledger cannot be written.
        """
        task = _fitting(node, task)
        for tier in node.tiers:
            # Made now, so that what cannot be used is named before any call.
            if tier not in self.models and not isinstance(self.models, Tiers):
                raise UnknownName("tier", tier, self.models)
            self.models[tier]
        node.graph()  # compiled now, so that no run's time has it in
        running = _Running(self, node, task, name or node.name, seed, on_event)
        return cast("Run[Y]", await running.run())

    def run_sync(
        self, node: Node[X, Y], task: X, *, seed: int = 0, name: str | None = None
    ) -> Run[Y]:
        """`run`, for code that is not async; threads take turns.

        Raises:
            UserError: as `run` does, and inside an event loop, which must `await run` instead.
        """
        return self._sync.run(self.run(node, task, seed=seed, name=name))

    async def stream(
        self, node: Node[X, Y], task: X, *, seed: int = 0, name: str | None = None
    ) -> AsyncGenerator[Event | Run[Y], None]:
        """Events as they happen, then the `Run`. Leaving the loop early cancels the run."""
        events: asyncio.Queue[Event | None] = asyncio.Queue()
        running = asyncio.ensure_future(
            self.run(node, task, seed=seed, name=name, on_event=events.put_nowait)
        )
        running.add_done_callback(lambda _: events.put_nowait(None))
        try:
            while (event := await events.get()) is not None:
                yield event
            yield await running
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)

    def context(self, *, seed: int = 0, name: str = "langgraph") -> Context:
        """What `node.graph()` needs when LangGraph invokes it: `context=system.context()`.

        Make one for each run. Its calls are in the ledger under `name`; the run's end is not, since
        LangGraph does not say when that is.
        """
        emit = self.ledger.write if self.ledger is not None else _ignore
        run_id = uuid4().hex
        emit(RunStarted(run_id, name, None))
        return Context(run_id, self.models, emit, seed)

    async def close(self) -> None:
        """Give back models and ledger."""
        try:
            await self._close_models()
        finally:
            if self.ledger is not None:
                self.ledger.close()

    async def _close_models(self) -> None:
        if isinstance(self.models, Tiers):
            await self.models.close()
            return
        for model in self.models.values():
            await model.close()

    def __enter__(self) -> "System":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._sync.run(self.close())
        self._sync.close()

    async def __aenter__(self) -> "System":
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()


def _ignore(event: Event) -> None:
    """Without a ledger, events of a graph that LangGraph runs go nowhere."""


def _fitting(node: Node[X, Any], task: X) -> X:
    try:
        return validate(task, node.takes)
    except InvalidOutput as error:
        raise InvalidTask(f"{node.name!r} takes {name_of(node.takes)}: {error.message}") from error


class _Running:
    """One run under way."""

    def __init__(
        self,
        system: System,
        node: Node[Any, Any],
        task: Any,
        graph: str,
        seed: int,
        on_event: Callable[[Event], None] | None,
    ) -> None:
        self._ledger = system.ledger
        self._node, self._task, self._graph = node, task, graph
        self._on_event = on_event
        self._started = time.perf_counter()
        self._calls: list[Call] = []
        self._tool_calls: list[ToolCall] = []
        self._context = Context(uuid4().hex, system.models, self._emit, seed)

    async def run(self) -> Run[Any]:
        from agentsys.graph import invoke

        run_id = self._context.run_id
        self._emit(RunStarted(run_id, self._graph, dump(self._task, self._node.takes)))
        try:
            output = await invoke(self._node, self._task, self._context)
        except StoreError:
            raise  # what happened cannot be recorded, so it must not pass for a finished run
        except UserError as error:
            self._finish("failed", error)
            raise
        except asyncio.CancelledError:
            self._finish("failed", AgentSysError("the run was cancelled."))
            raise
        except Abstain as error:
            return self._finish("abstained", error)
        except AgentSysError as error:
            return self._finish("failed", error)
        except Exception as error:  # a step's own exception ends the run, typed
            plain = AgentSysError(f"{type(error).__name__}: {error}")
            plain.__cause__ = error
            return self._finish("failed", plain)
        doubts = self._context.doubts
        if doubts:
            return self._finish("low_confidence", AgentSysError(doubts[0]), output)
        return self._finish("ok", None, output)

    def _emit(self, event: Event) -> None:
        if isinstance(event, Call):
            self._calls.append(event)
        elif isinstance(event, ToolCall):
            self._tool_calls.append(event)
        if self._ledger is not None:
            self._ledger.write(event)
        if self._on_event is not None:
            self._on_event(event)

    def _finish(self, status: Status, error: AgentSysError | None, output: Any = None) -> Run[Any]:
        run: Run[Any] = Run(
            run_id=self._context.run_id,
            graph=self._graph,
            status=status,
            cost=self._cost(),
            path=_path(self._calls),
            attempts=tuple(self._calls),
            tool_calls=tuple(self._tool_calls),
            confidence=min(self._context.confidences, default=None),
            error=str(error) if error else "",
            cause=(error.__cause__ or error) if error else None,
            value=output,
            gives=self._node.gives,
        )
        self._emit(_finished(run))
        return run

    def _cost(self) -> Cost:
        return Cost(
            nano_usd=sum(call.nano_usd for call in self._calls),
            calls=len(self._calls),
            tokens_in=sum(call.tokens_in for call in self._calls),
            tokens_out=sum(call.tokens_out for call in self._calls),
            seconds=time.perf_counter() - self._started,
        )


def _path(calls: list[Call]) -> tuple[str, ...]:
    """Each agent and tier once in a row."""
    path: list[str] = []
    for call in calls:
        place = f"{call.node}@{call.tier}"
        if not path or path[-1] != place:
            path.append(place)
    return tuple(path)


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
    )
