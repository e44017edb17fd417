"""Where the events of a run go: to the ledger, the budgets, and who watches."""

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from agentsys.budgets import Purse, surely
from agentsys.events import Call, Event, RunStarted, ToolCall
from agentsys.ledger import Ledger
from agentsys.run import Cost

OnEvent = Callable[[Event], Awaitable[None] | None]
"""Who watches a run; awaited before the run goes on, where it is async."""


@dataclass
class Writer:
    """Keeps the events of a run, and counts."""

    ledger: Ledger | None
    purse: Purse
    on_event: OnEvent | None
    calls: list[Call] = field(default_factory=list[Call])
    tool_calls: list[ToolCall] = field(default_factory=list[ToolCall])
    started: float = field(default_factory=time.perf_counter)

    first: RunStarted | None = None
    """Written before anything else, once something is."""

    async def write(self, event: Event) -> None:
        """Keep an event, also where the run is being cancelled meanwhile; then tell of it."""
        for kept in await surely(self._keep(event)):
            if self.on_event is not None:
                seen = self.on_event(kept)
                if seen is not None:
                    await seen

    async def _keep(self, event: Event) -> list[Event]:
        """Everything that was written, in order."""
        first, self.first = self.first, None
        events = [event] if first is None else [*await self._keep(first), event]
        match event:
            case Call():  # the purse puts it into the ledger, too, in one transaction
                self.calls.append(event)
                for crossed in await self.purse.settle(event):
                    events += await self._keep(crossed)
                return events
            case ToolCall():
                self.tool_calls.append(event)
            case _:
                pass
        if self.ledger is not None:
            await self.ledger.write(event)
        return events

    def cost(self) -> Cost:
        """What the run has spent so far."""
        return Cost(
            nano_usd=sum(call.nano_usd for call in self.calls),
            calls=len(self.calls),
            tokens_in=sum(call.tokens_in for call in self.calls),
            tokens_out=sum(call.tokens_out for call in self.calls),
            seconds=time.perf_counter() - self.started,
        )
