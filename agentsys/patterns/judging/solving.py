"""A judge that solves the task anew and compares: any solver, a decomposition too, as a judge."""

from collections.abc import Callable
from typing import Any, Generic, TypeVar, cast

from agentsys.node import Node
from agentsys.pattern import Inside, Pattern
from agentsys.patterns.judging.kinship import tell_of_authors
from agentsys.verdict import Candidate, Verdict

X = TypeVar("X")
Y = TypeVar("Y")


def judge_by_solving(
    solver: Node[X, Y], same: Callable[[Y, Y], bool], *, name: str | None = None
) -> Node[Candidate[X, Y], Verdict]:
    """A judge that solves the task itself, and finds the answer correct where it gets the same.

    It never shows its solver the answer, so nothing in the answer can move it. Its own answer is no
    reference: where it is doubtful, or there is none, the verdict is `unknown`.

    Args:
        solver: Any node that solves such tasks.
        same: Whether two answers are the same: its own, and the one under judgement.
        name: How panels and paths call it; default: `by-` and the solver's name.
    """
    return _BySolving[X, Y](solver, same, name or f"by-{solver.name}")


class _BySolving(Pattern[Candidate[X, Y], Verdict], Generic[X, Y]):
    """Solves and compares. Made by `judge_by_solving`."""

    def __init__(self, solver: Node[X, Y], same: Callable[[Y, Y], bool], name: str) -> None:
        self._solver = solver
        self._same = same
        self.name = name
        self.takes: Any = cast(Any, Candidate)[solver.takes, solver.gives]
        self.gives = Verdict

    @property
    def parts(self) -> tuple[Node[Any, Any], ...]:
        """The solver."""
        return (self._solver,)

    @property
    def uses(self) -> tuple[int | None, ...]:
        """Once."""
        return (1,)

    def largest(self, given: float) -> tuple[float, ...]:
        """The task alone."""
        return (given,)

    async def conduct(self, value: Candidate[X, Y], inside: Inside) -> Verdict:
        """Whether the solver gets the same."""
        tell_of_authors(self.name, self.tiers, inside.context)
        tried = await inside.run(self._solver, value.task, "solve")
        if tried.short is not None:
            raise tried.short
        if not tried.settled:
            doubts = [tried.failure.message] if tried.failure else tried.context.findings.doubts
            reason = f"it could not solve the task: {(doubts or ['it ran short.'])[0]}"
            inside.doubt(reason)
            return Verdict(label="unknown", reason=reason, judge=self.name)
        inside.accept(tried)
        same = self._same(tried.output, value.answer)
        reason = "" if same else "solved anew, the task has another answer."
        return Verdict(label="correct" if same else "incorrect", reason=reason, judge=self.name)
