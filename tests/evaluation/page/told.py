"""Ledgers written by hand, and the pages made of them."""

import asyncio
from dataclasses import replace
from decimal import Decimal
from itertools import count
from pathlib import Path
from typing import Any

from agentsys.evaluation.bench import find_bench
from agentsys.evaluation.page import Content, gathered, rendered
from agentsys.evaluation.reports.accounts import accounts
from agentsys.evaluation.reports.report import report
from agentsys.events import (
    Assigned,
    BenchStarted,
    Call,
    Event,
    Outcome,
    RunFinished,
    RunStarted,
    ToolCall,
)
from agentsys.ledger import Ledger


def call(
    node: str = "solve",
    *,
    tier: str = "slm",
    deployment: str = "small",
    nano_usd: int = 1_000,
    confidence: float | None = 0.9,
    decision: str = "accept",
    reason: str = "",
    text: str = "{}",
) -> Call:
    """A call that was made."""
    return Call(
        "", node, tier, deployment, 0, "outlines", 10, 5, nano_usd, 0.1, True, confidence,
        decision, reason, text,  # pyright: ignore[reportArgumentType]
    )  # fmt: skip


class Told:
    """A bench that is told instead of run."""

    def __init__(
        self,
        folder: Path,
        suite: str = "told",
        graphs: tuple[str, ...] = ("g",),
        source: dict[str, Any] | None = None,
    ) -> None:
        self.folder = folder
        self.ledger = Ledger.open(f"sqlite:///{folder}/told.db")
        self._runs = count(1)
        self._suite = suite
        self.write(BenchStarted("b", suite, graphs, None, 0, 1, source))

    def write(self, *events: Event) -> None:
        async def all_of_them() -> None:
            for event in events:
                await self.ledger.write(event)

        asyncio.run(all_of_them())

    def task(
        self,
        graph: str,
        task: str,
        success: bool,
        *calls: Call | ToolCall,
        seconds: float = 0.5,
        error: str = "",
        thresholds: str = "",
        scorer: str = "numeric",
    ) -> None:
        """A task that was solved, or not."""
        run = f"r{next(self._runs)}"
        cost = sum(each.nano_usd for each in calls if isinstance(each, Call))
        own = [_of(each, run) for each in calls]
        self.write(
            RunStarted(run, graph, {"text": f"the task {task}"}, thresholds=thresholds),
            Assigned(run, graph, self._suite, "b", task),
            *own,
            RunFinished(
                run, graph, "ok" if success else "failed", {"value": task}, error, (), seconds,
                cost, len(calls), 10, 5,
            ),
            Outcome(run, graph, self._suite, "b", task, success, scorer),
        )  # fmt: skip

    def content(self, *, usd_per_failure: str = "0.01") -> Content:
        """What its page shows."""
        computed = report(self.ledger, bench="b", usd_per_failure=Decimal(usd_per_failure))
        return gathered(
            self.ledger,
            computed,
            accounts(self.ledger, bench="b"),
            bench=find_bench(self.ledger, "b"),
            columns=["tasks", "energy"],
            table={row.graph: [str(row.tasks), "-"] for row in computed.rows},
            prices=["small per token"],
        )

    def page(self) -> Path:
        """Its page, in a file."""
        file = self.folder / "page.html"
        file.write_text(rendered(self.content()), encoding="utf-8")
        return file


def _of(event: Call | ToolCall, run: str) -> Call | ToolCall:
    return replace(event, run_id=run)
