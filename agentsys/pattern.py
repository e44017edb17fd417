"""Nodes that decide in code which of their parts run, how often and on what: the patterns' base."""

import asyncio
from abc import abstractmethod
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from math import inf
from typing import Any, Generic, TypeVar, cast

from agentsys.context import Context, Conversations
from agentsys.errors import NO_ANSWER, AgentSysError, BudgetExceeded
from agentsys.guarded import Work
from agentsys.node import Node

I = TypeVar("I", contravariant=True)  # noqa: E741  (the field's letter for an input)
O = TypeVar("O", covariant=True)  # noqa: E741
X = TypeVar("X")
Y = TypeVar("Y")


@dataclass(frozen=True)
class Tried(Generic[Y]):
    """What came of running a part once."""

    context: Context
    """The surroundings it ran in, with what it left behind."""
    value: Y | None
    """Its output; of no meaning where there is none."""
    failure: AgentSysError | None = None
    """Why there is no output: nothing passed, or a budget had no room."""

    @property
    def output(self) -> Y:
        """The output.

        Raises:
            AgentSysError: the failure.
        """
        if self.failure is not None:
            raise self.failure
        return cast(Y, self.value)

    @property
    def ok(self) -> bool:
        """Whether there is an output; it may be a doubtful one."""
        return self.failure is None

    @property
    def settled(self) -> bool:
        """Whether there is an output that nothing speaks against."""
        return self.ok and self.context.findings.settled

    @property
    def short(self) -> BudgetExceeded | None:
        """The budget that had no room for it."""
        return self.failure if isinstance(self.failure, BudgetExceeded) else None

    @property
    def confidence(self) -> float | None:
        """Of the least certain answer in it; `None` where nobody told."""
        return min(self.context.findings.confidences, default=None)


class Inside:
    """Runs the parts of one pattern, in one place of one run."""

    def __init__(self, context: Context, works: dict[int, Work]) -> None:
        self.context = context
        self._works = works

    async def run(
        self, part: Node[X, Y], value: X, *place: str | int, draw: int | None = None
    ) -> Tried[Y]:
        """What comes of a part on an input. Whatever it finds does not count before `accept`.

        Args:
            part: One of the pattern's `parts`.
            value: Its input.
            place: Where in the pattern this is: another one for every use. A resumed run finds
                what was done there.
            draw: The number of the sample, where the part is to be sampled; the first, 0, is what
                there is without.
        """
        context = self.context
        for word in place:
            context = context.at(word)
        if draw is None:
            context = context.parted(Conversations(self.context.said), self.context.tier)
        else:
            context = context.sampled(draw)
        return await self._tried(part, value, context)

    async def share(self, part: Node[X, Y], value: X, *place: str | int, digest: str) -> Tried[Y]:
        """`run`, once for all in this run of a system that ask the same of this part.

        They need not be in one run of the pattern: the items of a fan-out share, too. What is done
        again because of an objection is done anew, and so is every sample of a vote.

        Args:
            part: One of the pattern's `parts`.
            value: Its input.
            place: Where in the pattern this is.
            digest: Of the input, or of what counts of it: in hexadecimal digits.
        """
        context = self.context.common()
        for word in (*place, int(digest, 16)):
            context = context.at(word)
        context = context.parted(Conversations(self.context.said), self.context.tier)
        return await context.flights.do(
            (id(part), context.place, context.tier, context.sampling, context.seed),
            lambda: self._tried(part, value, context),
            keep=lambda tried: tried.ok,
        )

    async def _tried(self, part: Node[X, Y], value: X, context: Context) -> Tried[Y]:
        try:
            return Tried(context, await self._works[id(part)](value, context))
        except (*NO_ANSWER, BudgetExceeded) as error:
            return Tried(context, None, error)

    async def side_by_side(self, trials: Iterable[Awaitable[Tried[Y]]]) -> list[Tried[Y]]:
        """All of these at the same time, in their order; an exception waits for the others."""
        done = await asyncio.gather(*trials, return_exceptions=True)
        for each in done:
            if isinstance(each, BaseException):
                raise each
        return cast("list[Tried[Y]]", done)

    def accept(self, tried: Tried[Any]) -> None:
        """What a part has found counts for the pattern: its doubts, too."""
        self.context.adopt(tried.context)

    def vouch(self, tried: Tried[Any]) -> None:
        """The same without its doubts: something else has removed them."""
        tried.context.findings.doubts.clear()
        self.accept(tried)

    def doubt(self, reason: str) -> None:
        """The output is of low confidence."""
        self.context.findings.doubts.append(reason)

    def shorten(self, error: BudgetExceeded) -> None:
        """Something better was not affordable: the run ends as the budget says, with the output."""
        self.context.findings.shorten(error)


class Pattern(Node[I, O]):
    """A node that runs its parts by code of its own. A value: it holds no state.

    All that a resumed run has to do again must follow from the input and what the parts gave.
    """

    @property
    @abstractmethod
    def parts(self) -> tuple[Node[Any, Any], ...]:
        """Every node that `conduct` may run."""

    @property
    @abstractmethod
    def uses(self) -> tuple[int | None, ...]:
        """For each of `parts`, how often it runs at most for one input; `None`: nothing bounds it.

        What `agentsys plan` counts with: less than what may happen would be a broken promise.
        """

    def largest(self, given: float) -> tuple[float, ...]:
        """For each of `parts`, the most bytes that its input has as JSON; infinite: not known.

        A part of the pattern's own input type is taken to be given the same, any other what its
        own type says. Say so where a part is given more, or where you know more.

        Args:
            given: Those of the pattern's own input.
        """
        return tuple(given if part.takes == self.takes else inf for part in self.parts)

    @abstractmethod
    async def conduct(self, value: I, inside: Inside) -> O:  # pyright: ignore[reportGeneralTypeIssues]
        """The output for one validated input.

        Raises:
            Abstain: there is none.
        """


def one_of(nodes: Iterable[Node[Any, Any]]) -> Any:
    """The output type of what gives the output of one of these nodes."""
    first, *others = dict.fromkeys(node.gives for node in nodes)
    for kind in others:
        first |= kind
    return first


def conducted(pattern: Pattern[Any, Any], work_of: Callable[[Node[Any, Any]], Work]) -> Work:
    """How a pattern does its work."""
    works = {id(part): work_of(part) for part in pattern.parts}

    async def work(value: Any, context: Context) -> Any:
        return await pattern.conduct(value, Inside(context, works))

    return work
