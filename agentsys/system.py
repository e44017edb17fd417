"""A system: models, and a store with ledger, budgets and shared memory. It runs nodes."""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import AsyncExitStack
from os import PathLike
from types import TracebackType
from typing import Any, TypeVar, cast, overload
from uuid import uuid4

from agentsys.blocking import BlockingLoop
from agentsys.budgets import Budgets
from agentsys.context import Context
from agentsys.errors import UnknownName, UserError
from agentsys.events import Event, RunStarted
from agentsys.leases import leased, process
from agentsys.ledger import Ledger
from agentsys.limits import Budget
from agentsys.memory import Memory, SharedMemory
from agentsys.models.base import Model
from agentsys.models.by_tier import ByTier
from agentsys.models.embedding import embedder
from agentsys.models.recorded.recorder import Recorder
from agentsys.models.recorded.replay import Replay
from agentsys.models.tiers import Tiers
from agentsys.node import Node
from agentsys.prompt import input_text
from agentsys.resume import Resuming
from agentsys.routing import Router, Routers
from agentsys.run import Run
from agentsys.running import Parts
from agentsys.settings import Settings
from agentsys.stores import Store, open_store
from agentsys.task import as_json, fitting, own_id, require_names, require_new
from agentsys.thresholds import InForce, Thresholds
from agentsys.unenforced import Unenforced
from agentsys.writer import OnEvent

X = TypeVar("X")
Y = TypeVar("Y")

_SHORT_S = 1.0
"""A run without an id of its own is leased only if it lasts longer: two writes that most save."""

_NOTHING: Any = object()
"""No answer: `None` is one."""


class System:
    """Runs nodes on models; everything that happens is kept in a store.

    Safe to share between tasks. Close it, or use it with `async with` or `with`.
    """

    def __init__(
        self,
        models: Mapping[str, Model],
        *,
        store: Store | None = None,
        budgets: tuple[Budget, ...] = (),
        memory: SharedMemory | None = None,
        checkpoints: str | None = None,
    ) -> None:
        """Put a system together.

        Args:
            models: The model of each tier.
            store: Where ledger, budgets and shared memory are kept; it is closed with the system.
                Without one, events are only returned, and budgets hold within this object.
            budgets: Limits in force besides those that are set in the store.
            memory: The shared memory; default: one in the store, searched by words.
            checkpoints: URL of where LangGraph keeps the state of runs with a `run_id`.
        """
        self.models = models
        self.store = store
        self.ledger = None if store is None else Ledger(store)
        books = store or open_store("sqlite:///:memory:")
        self.budgets = Budgets(books, tuple(budgets), keeps=store is not None)
        """What may be spent, and what was."""
        if memory is None and store is not None:
            memory = SharedMemory(store)
        routers = Routers(store, None if memory is None else memory.embedder)
        self._parts = Parts(
            models, store, self.budgets, memory, checkpoints, InForce(store), routers
        )
        self._sync = BlockingLoop()
        self._unenforced: Unenforced | None = None

    @classmethod
    def load(
        cls,
        path: str | None = None,
        *,
        models: Mapping[str, Model] | None = None,
        record: str | PathLike[str] | None = None,
        replay: str | PathLike[str] | None = None,
    ) -> "System":
        """The system that `agentsys.toml` describes, or the embedded default.

        Args:
            path: Of the configuration.
            models: In place of those that are configured.
            record: A folder in which every call of a model is put on record.
            replay: Such a folder, in place of all models: nothing is loaded, asked or paid.

        Raises:
            SettingsError: the configuration or the recording cannot be used.
            StoreError: the store cannot be opened, or the recording cannot be written.
        """
        settings = Settings.load(path)
        given = Replay(replay) if replay is not None else models
        store = open_store(settings.store_url)
        behind = Tiers(settings, store) if given is None else given
        system = cls(
            behind if record is None else Recorder(behind, record),
            store=store,
            budgets=settings.budgets,
            memory=SharedMemory(store, embedder(settings)),
            checkpoints=settings.checkpoints_url,
        )
        if given is None:
            system._unenforced = Unenforced(settings)
        return system

    def memory(self, tenant: str = "", team: str = "") -> Memory:
        """The shared memory of a tenant, or of one of its teams.

        Raises:
            UserError: the system has no store.
        """
        if self._parts.memory is None:
            raise UserError(
                "This system has no shared memory.", hint="Give it a store: System(…, store=…)."
            )
        return self._parts.memory.of(tenant, team)

    @overload
    async def run(
        self,
        node: Node[X, Y],
        task: X,
        *,
        seed: int = 0,
        name: str | None = None,
        tenant: str = "",
        team: str = "",
        budget: Budget | None = None,
        thresholds: Thresholds | None = None,
        router: Router | None = None,
        run_id: str | None = None,
        on_event: OnEvent | None = None,
    ) -> Run[Y]: ...
    @overload
    async def run(
        self,
        node: Node[X, Y],
        task: X | None = None,
        *,
        resume: str,
        answer: Any = ...,
        tenant: str = "",
        budget: Budget | None = None,
        thresholds: Thresholds | None = None,
        on_event: OnEvent | None = None,
    ) -> Run[Y]: ...
    async def run(
        self,
        node: Node[X, Y],
        task: X | None = None,
        *,
        seed: int = 0,
        name: str | None = None,
        tenant: str = "",
        team: str = "",
        budget: Budget | None = None,
        thresholds: Thresholds | None = None,
        router: Router | None = None,
        run_id: str | None = None,
        resume: str | None = None,
        answer: Any = _NOTHING,
        on_event: OnEvent | None = None,
    ) -> Run[Y]:
        """Run a node on one task. A run that fails is returned, not raised.

        Args:
            node: What to run.
            task: Its input; a run that is resumed has its own.
            seed: Of every sampled reply.
            name: How the ledger calls the graph; default: the node's name.
            tenant: On whose account, and in whose shared memory; empty: nobody's in particular.
                With `resume`: whose run it must be; empty: anybody's.
            team: Whose part of the tenant's shared memory; empty: the tenant's own.
            budget: What this run may spend; on resuming: in place of what it was begun with.
            thresholds: From which confidence on answers are taken; default: those that the store
                has in use for the name of the graph, else the definitions' own (`DEFINED`). A run
                that is resumed keeps its version; give it where the store does not have it.
            router: What says at which tier the run begins; default: the one that the store has in
                use for the name of the graph, and none beside `thresholds` that are given.
            run_id: An id of your own; LangGraph then keeps checkpoints of the run, too, where the
                system has a place for them.
            resume: The id of a run that was cut off, has failed or waits for an answer. Nothing
                that has finished in it is executed or paid again. One that has its result gives it.
            answer: To the question of an `interrupted` run.
            on_event: Called with every event as it happens.

        Raises:
            UserError: the task does not fit, a tier is not configured, the wiring is wrong, or the
                run cannot be begun or resumed.
            StoreError: the store cannot be used.
        """
        require_names(tenant, team)
        self._prepare(node)
        if resume is not None:
            if seed or name or team or router or run_id:
                raise UserError(
                    "A run that is resumed has its own seed, name, team, router and id.",
                    hint="Leave them out.",
                )
            given = () if answer is _NOTHING else (answer,)
            await self._tell_unenforced(node)
            whose = tenant or None
            going = Resuming(self._parts, node, resume, budget, given, on_event, whose, thresholds)
            return cast("Run[Y]", await going.run())
        task = fitting(node, task)
        await self._tell_unenforced(node)
        graph = name or node.name
        if thresholds is None:
            thresholds, in_use = await self.in_force(graph, node)
            router = router or in_use
        begin = await self._parts.routers.said(router, graph, lambda: input_text(task, node.takes))
        start = RunStarted(
            run_id=own_id(run_id) if run_id is not None else uuid4().hex,
            graph=graph,
            task=as_json(task, node),
            tenant=tenant,
            seed=seed,
            budget=None if budget is None else budget.model_dump(mode="json"),
            team=team,
            process=process(),
            durable=run_id is not None,
            thresholds=thresholds.version,
            router=begin.version,
            p_first=begin.p,
            begin=begin.tier,
        )
        async with AsyncExitStack() as stack:
            if self.store is not None:
                what, after_s = f"The run {start.run_id!r}", 0.0 if start.durable else _SHORT_S
                work = leased(self.store, f"run:{start.run_id}", what, after_s=after_s)
                await stack.enter_async_context(work)
            if run_id is not None:
                require_new(self.ledger, run_id)
            running = self._parts.running(node, task, start, budget, on_event, thresholds)
            return cast("Run[Y]", await running.run(start))

    @overload
    def run_sync(
        self,
        node: Node[X, Y],
        task: X,
        *,
        seed: int = 0,
        name: str | None = None,
        tenant: str = "",
        team: str = "",
        budget: Budget | None = None,
        thresholds: Thresholds | None = None,
        router: Router | None = None,
        run_id: str | None = None,
    ) -> Run[Y]: ...
    @overload
    def run_sync(
        self,
        node: Node[X, Y],
        task: X | None = None,
        *,
        resume: str,
        answer: Any = ...,
        tenant: str = "",
        budget: Budget | None = None,
        thresholds: Thresholds | None = None,
    ) -> Run[Y]: ...
    def run_sync(self, node: Node[X, Y], task: X | None = None, **how: Any) -> Run[Y]:
        """`run`, for code that is not async; threads take turns.

        Raises:
            UserError: as `run` does, and inside an event loop, which must `await run` instead.
        """
        return self._sync.run(self.run(node, task, **how))  # pyright: ignore[reportCallIssue, reportArgumentType]  (the overloads are the same)

    async def stream(
        self,
        node: Node[X, Y],
        task: X,
        *,
        seed: int = 0,
        name: str | None = None,
        tenant: str = "",
        budget: Budget | None = None,
        run_id: str | None = None,
    ) -> AsyncGenerator[Event | Run[Y], None]:
        """Events as they happen, then the `Run`. Leaving the loop early cancels the run."""
        events: asyncio.Queue[Event | None] = asyncio.Queue()
        running = asyncio.ensure_future(
            self.run(
                node,
                task,
                seed=seed,
                name=name,
                tenant=tenant,
                budget=budget,
                run_id=run_id,
                on_event=events.put_nowait,
            )
        )
        running.add_done_callback(lambda _: events.put_nowait(None))
        try:
            while (event := await events.get()) is not None:
                yield event
            yield await running
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)

    async def in_force(self, graph: str, node: Node[Any, Any]) -> tuple[Thresholds, Router | None]:
        """The thresholds and the router that a run takes which begins now and is given neither.

        Args:
            graph: How the ledger calls the graph.
            node: The graph; what was fitted for another one of that name is not for it.

        Raises:
            StoreError: the store cannot be used.
        """
        router = await self._parts.routers.of(graph, lambda: node.shape)
        return await self._parts.in_force.of(graph, node), router

    def context(
        self, *, seed: int = 0, name: str = "langgraph", tenant: str = "", team: str = ""
    ) -> Context:
        """What `node.graph()` needs when LangGraph invokes it: `context=system.context()`.

        Make one for each run. Its calls are in the ledger under `name`; the run's end is not, since
        LangGraph does not say when that is.
        """
        start = RunStarted(
            uuid4().hex, name, None, tenant=tenant, seed=seed, team=team, process=process()
        )
        writer = self._parts.writer(start)
        writer.first = start
        return self._parts.context(start, writer)

    def _prepare(self, node: Node[Any, Any]) -> None:
        """Make what can go wrong go wrong before any call."""
        for tier in node.tiers:
            if tier not in self.models and not isinstance(self.models, ByTier):
                raise UnknownName("tier", tier, self.models)
            self.models[tier]
        node.graph()  # compiled now, so that no run's time has it in

    async def _tell_unenforced(self, node: Node[Any, Any]) -> None:
        if self._unenforced is not None:
            await self._unenforced.tell(node)

    async def close(self) -> None:
        """Give back models and store."""
        try:
            await self._close_models()
        finally:
            if self._parts.memory is not None:
                await self._parts.memory.close()
            if self.store is not None:
                await self.store.close()

    async def _close_models(self) -> None:
        if isinstance(self.models, ByTier):
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
