"""A run that a command carries out: in one event loop, watched, to its end or to Ctrl-C."""

import asyncio
import traceback
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import typer

from agentsys.cli.notices import notices
from agentsys.cli.readable import readable
from agentsys.cli.receipt import print_event, print_run, say_how_to_go_on
from agentsys.cli.recording import NOTHING_RECORDED, Recordings
from agentsys.errors import StoreError
from agentsys.events import Event, RunResumed, RunStarted

if TYPE_CHECKING:
    from agentsys.limits import Budget
    from agentsys.run import Run
    from agentsys.system import System

Work = Callable[["System", Callable[[Event], None]], Awaitable["Run[Any]"]]
"""Begins a run, or goes on with it, and tells of its events."""


@dataclass
class Carried:
    """How a run is shown, and which one it is."""

    config: str | None
    as_json: bool
    stream: bool
    run_id: str = ""
    tenant: str = ""
    recordings: Recordings = NOTHING_RECORDED

    def out(self, work: Work, budget: "Budget | None", *, debug: bool) -> None:
        """Carry it out and print it; exits with 1 where it is not ok."""
        try:
            with notices():
                finished, scarce = asyncio.run(self._run(work, budget))
        except (KeyboardInterrupt, StoreError):
            if self.run_id:
                say_how_to_go_on(self.run_id, self.config)
            raise
        print_run(finished, scarce, self.config, as_json=self.as_json, one_line=self.stream)
        if debug and finished.cause is not None:
            trace = "".join(traceback.format_exception(finished.cause))
            typer.echo(readable(trace), nl=False, err=True)
        if not finished.ok:
            raise typer.Exit(1)

    async def _run(self, work: Work, budget: "Budget | None") -> "tuple[Run[Any], list[str]]":
        """The run, and which limits it has left nearly used up."""
        from agentsys.budgets import Purse
        from agentsys.cli.amounts import scarce

        async with self.recordings.system(self.config) as system:
            finished = await work(system, self._watch)
            purse = Purse(system.budgets, finished.run_id, self.tenant)
            if budget is not None:
                purse = purse.within("", budget)
            return finished, scarce(await purse.standing())

    def _watch(self, event: Event) -> None:
        if isinstance(event, RunStarted | RunResumed):
            self.run_id = event.run_id
        if isinstance(event, RunStarted):
            self.tenant = event.tenant
        if self.stream:
            print_event(event, as_json=self.as_json)
