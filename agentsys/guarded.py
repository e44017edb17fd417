"""The attempts of a guarded composite: run, check, object, run again, escalate."""

from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import Any, cast

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
from agentsys.node import Guarded, Node
from agentsys.verdict import Verdict

Work = Callable[[Any, Context], Coroutine[Any, Any, Any]]

Judge = Node[Any, Verdict]

REPAIRS = 1
"""How often a node is run again on the same tier after a failed check."""


def guard(node: Guarded[Any, Any], work: Work, work_of: Callable[[Node[Any, Any]], Work]) -> Work:
    """`work`, accepted only if the node's checks pass; else again, then on the next tiers."""
    judging = {id(judge): work_of(judge) for judge in node.judges}

    async def guarded(value: Any, context: Context) -> Any:
        said = Conversations(context.said)
        return await _Guarding(node, work, judging, value, context, said).output()

    return guarded


@dataclass
class _Guarding:
    """The attempts on one input."""

    node: Guarded[Any, Any]
    work: Work
    judging: Mapping[int, Work]
    value: Any
    context: Context
    said: Conversations
    failure: AgentSysError | None = None
    """Why the last attempt gave nothing."""
    best: tuple[Context, Any] | None = None
    """The last attempt that passed its checks and was only doubtful."""
    tried: int = 0

    async def output(self) -> Any:
        for tier in self._tiers():
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

    def _tiers(self) -> tuple[str | None, ...]:
        """Where an outer node says which tier is asked, there is no escalation from it."""
        if self.context.tier is not None and self.node.first is None:
            return (None,)
        tiers = (self.node.first, *self.node.escalation)
        begin = self.context.begin.tier
        passed_over = begin in tiers and self.node.first is None
        return tiers[tiers.index(begin) :] if passed_over else tiers

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
        for number, check in enumerate(self.node.checks):
            if isinstance(check, Node):
                reason = await self._judged(
                    cast(Judge, check), output, attempt.at("judge").at(number)
                )
            else:
                reason = first_objection((check,), self.value, output)
            if reason:
                raise Abstain(reason)
        return output

    async def _judged(self, judge: Judge, output: Any, attempt: Context) -> str:
        """A judge's objection; where it cannot tell, the attempt is doubtful.

        The answer is paid for: where a budget has no room to judge it, or not as it should be
        judged, it is kept, and the attempt says so.
        """
        # The tier of the attempt is not the judge's, and its sureness is not the answer's.
        authors = (attempt.tier,) if attempt.tier else self.node.inner.tiers
        surroundings = attempt.judging(authors, self.context.tier)
        try:
            candidate = judge.takes(task=self.value, answer=output)
            verdict = await self.judging[id(judge)](candidate, surroundings)
        except NO_ANSWER as error:
            verdict = Verdict(label="unknown", reason=error.message)
        except BudgetExceeded as error:
            attempt.findings.shorten(error)
            return ""
        attempt.findings.shortfalls.extend(surroundings.findings.shortfalls)
        if verdict.label == "unknown":
            attempt.findings.doubts.append(verdict.reason or f"{judge.name} could not tell.")
        return verdict.objection

    def _short(self, error: BudgetExceeded) -> None:
        """A budget stands in the way: the best there is must do, and says why."""
        self.failure = error
        if self.best is not None:
            self.best[0].findings.shorten(error)
