"""The decomposition as a node: the gate, and what becomes of attempt and result."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar, Union

from agentsys.errors import NO_ANSWER, AgentSysError, BudgetExceeded
from agentsys.node import Node
from agentsys.pattern import Inside, Pattern, Tried
from agentsys.patterns.decomposing.sub_tasks import Attempted
from agentsys.patterns.decomposing.ways import Led, Way

X = TypeVar("X")
Y = TypeVar("Y")


class Decompose(Pattern[X, Y]):
    """A problem answered by way of sub-questions. Made by `decompose`."""

    def __init__(
        self,
        way: Way,
        attempt: Node[X, Y] | None,
        worth: Callable[[Attempted[X, Y]], bool] | None,
        takes: Any,
    ) -> None:
        self.way, self.attempt, self.worth = way, attempt, worth
        self.name = f"decompose-{way.split.name}"
        self.takes, self.gives = takes, way.join.gives
        if attempt is not None and attempt.gives != self.gives:
            self.gives = Union[attempt.gives, self.gives]  # noqa: UP007  (known at run time only)

    @property
    def parts(self) -> tuple[Node[Any, Any], ...]:
        """The attempt, where there is one, and what decomposes."""
        return self.way.parts if self.attempt is None else (self.attempt, *self.way.parts)

    @property
    def uses(self) -> tuple[int | None, ...]:
        """The attempt once, and what the way needs."""
        return self.way.uses if self.attempt is None else (1, *self.way.uses)

    @property
    def shape(self) -> str:
        """With the way it goes, and its bound."""
        return f"{type(self.way).__name__} of {self.way.most}: {super().shape}"

    async def conduct(self, value: X, inside: Inside) -> Y:
        """The attempt where nothing speaks against it, or else what its decomposition gives."""
        attempt: Tried[Y] | None = None
        told: Attempted[X, Y] | None = None
        if self.attempt is not None:
            attempt = await inside.run(self.attempt, value, "attempt")
            told = _told(value, attempt)
            if attempt.settled or not (self.worth is None or self.worth(told)):
                output = attempt.output
                inside.accept(attempt)
                return output
        led = Led(value)
        try:
            result, made_of = await self._decomposed(led, told, inside)
        except (*NO_ANSWER, BudgetExceeded) as failure:
            if isinstance(failure, BudgetExceeded):
                failure.finished = led.finished
            if attempt is None or not attempt.ok:
                raise
            return _kept(attempt, failure, inside)
        if attempt is not None and attempt.ok:
            if attempt.output == result:  # two ways lead to it
                inside.vouch(attempt)
                return attempt.output
            if not all(tried.settled for tried in made_of):
                return _kept(attempt, None, inside)
        for tried in made_of:
            inside.accept(tried)
        return result

    async def _decomposed(
        self, led: Led, told: Attempted[X, Y] | None, inside: Inside
    ) -> tuple[Y, Sequence[Tried[Any]]]:
        """The result, and what it is made of."""
        await self.way.lead(led, told, inside)
        # A sub-question that was asked twice has one answer.
        made_of = list({id(t): t for t in (*led.splits, *led.answers.values())}.values())
        if led.implied is not None:
            return led.implied, made_of
        joined = await self.way.joined(led, inside)
        return joined.output, [*made_of, joined]


def _told(problem: X, attempt: Tried[Y]) -> Attempted[X, Y]:
    """The attempt, as others see it."""
    if attempt.failure is not None:
        return Attempted(problem=problem, attempt=None, objection=attempt.failure.message)
    findings = attempt.context.findings
    objection = next(iter((*findings.doubts, *findings.shortfalls)), "")
    return Attempted(problem=problem, attempt=attempt.output, objection=objection)


def _kept(attempt: Tried[Y], failure: AgentSysError | None, inside: Inside) -> Y:
    """The attempt, which is doubtful, because the decomposition gave nothing better."""
    inside.accept(attempt)
    if isinstance(failure, BudgetExceeded):
        inside.shorten(failure)
    elif failure is not None:
        inside.doubt(f"the decomposition failed: {failure.message}")
    return attempt.output
