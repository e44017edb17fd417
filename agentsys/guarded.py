"""The attempts of a guarded composite: run, check, object, run again, escalate."""

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from agentsys.checks import UNCERTAIN, first_objection
from agentsys.context import Context, Conversations
from agentsys.errors import (
    NO_ANSWER,
    Abstain,
    AgentSysError,
    BudgetExceeded,
    ModelError,
    StepLimit,
)
from agentsys.node import Guarded

Work = Callable[[Any, Context], Coroutine[Any, Any, Any]]

REPAIRS = 1
"""How often a node is run again on the same tier after a failed check."""


def guard(node: Guarded[Any, Any], work: Work) -> Work:
    """`work`, accepted only if the node's checks pass; else again, then on the next tiers."""

    async def guarded(value: Any, context: Context) -> Any:
        return await _Guarding(node, work, value, context, Conversations(context.said)).output()

    return guarded


@dataclass
class _Guarding:
    """The attempts on one input."""

    node: Guarded[Any, Any]
    work: Work
    value: Any
    context: Context
    said: Conversations
    failure: AgentSysError | None = None
    """Why the last attempt gave nothing."""
    best: tuple[Context, Any] | None = None
    """The last attempt that passed its checks and was only doubtful."""
    tried: int = 0

    async def output(self) -> Any:
        for tier in (self.node.first, *self.node.escalation):
            try:
                if await self._on(tier):
                    break
            except BudgetExceeded as error:
                self._short(error)
                if not error.degrade:
                    break
        if self.best is None:
            self.context.said.take_over(self.said)
            raise self.failure or Abstain("nothing was tried.")
        self.context.adopt(self.best[0])
        return self.best[1]

    async def _on(self, tier: str | None) -> bool:
        """Whether a tier gave an answer that nothing speaks against."""
        for _ in range(1 + REPAIRS if self.node.checks else 1):
            attempt = self.context.attempt(self.tried, tier=tier, said=self.said)
            self.tried += 1
            try:
                output = await self._checked(attempt)
            except NO_ANSWER as error:
                self.failure = error
                if isinstance(error, ModelError):
                    return False  # nothing was said that one could object to
                self.said.objection(error.message)
                if isinstance(error, StepLimit):
                    return False
                continue
            self.best = (attempt, output)
            if attempt.findings.settled:
                return True
            self.said.objection(UNCERTAIN)
            return False
        return False

    async def _checked(self, attempt: Context) -> Any:
        output = await self.work(self.value, attempt)
        reason = first_objection(self.node.checks, self.value, output)
        if reason:
            raise Abstain(reason)
        return output

    def _short(self, error: BudgetExceeded) -> None:
        """A budget stands in the way: the best there is must do, and says why."""
        self.failure = error
        if self.best is not None:
            self.best[0].findings.shorten(error)
