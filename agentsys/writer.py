"""Where the events of a run go: to the ledger, the budgets, and who watches."""

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from agentsys.budgets import Purse, surely
from agentsys.events import BudgetCrossed, Call, Event, RunStarted, ToolCall
from agentsys.ledger import Ledger
from agentsys.run import Cost

OnEvent = Callable[[Event], Awaitable[None] | None]
"""Who watches a run; awaited before the run goes on, where it is async."""


@dataclass
class Writer:
    """Keeps the events of a run, and counts."""

    ledger: Ledger | None
    purse: Purse | None
    on_event: OnEvent | None
    calls: list[Call] = field(default_factory=list[Call])
    tool_calls: list[ToolCall] = field(default_factory=list[ToolCall])
    started: float = field(default_factory=time.perf_counter)

    first: RunStarted | None = None
    """Written before anything else, once something is."""

    async def write(self, event: Event) -> None:
        """Keep an event, also where the run is being cancelled meanwhile."""
        if self.first is not None:
            first, self.first = self.first, None
            await self.write(first)
        crossed: list[BudgetCrossed] = []
        if isinstance(event, Call):
            self.calls.append(event)
            if self.purse is not None:
                crossed = [*await self.purse.settle(event)]
            elif self.ledger is not None:
                await surely(self.ledger.write(event, key=event.call_id))
        else:
            if isinstance(event, ToolCall):
                self.tool_calls.append(event)
            if self.ledger is not None:
                await surely(self.ledger.write(event))
        if self.on_event is not None:
            seen = self.on_event(event)
            if seen is not None:
                await seen
        for crossing in crossed:
            await self.write(crossing)

    def cost(self) -> Cost:
        """What the run has spent so far."""
        return Cost(
            nano_usd=sum(call.nano_usd for call in self.calls),
            calls=len(self.calls),
            tokens_in=sum(call.tokens_in for call in self.calls),
            tokens_out=sum(call.tokens_out for call in self.calls),
            seconds=time.perf_counter() - self.started,
        )
