"""Repeated sampling: until a check passes, or until one answer leads."""

from collections import Counter
from typing import Any, TypeVar

from agentsys.errors import Abstain, DefinitionError
from agentsys.node import Node
from agentsys.pattern import Inside, Pattern, Tried
from agentsys.posterior import leads, next_chance
from agentsys.schema import compact, dump

X = TypeVar("X")
Y = TypeVar("Y")


def sample_verify(node: Node[X, Y], *, most: int = 8, least_chance: float = 0.0) -> Node[X, Y]:
    """Draw from a node until an answer passes its checks and its model is sure of it.

    Repeated sampling with a verifier (Brown et al. 2024, "Large Language Monkeys", section 2). The
    first draw is what there would be without; the others are drawn at a temperature, one after the
    other. Where none is sure, the first that passed its checks is given, as doubtful as it is.

    Args:
        node: One with checks (`.check`) or a `min_confidence`.
        most: Draws.
        least_chance: The chance that the next draw passes, as far as those so far tell (with none
            that passed it is 1/3, 1/4, 1/5, …), below which there is none.

    Raises:
        DefinitionError: there would be no draw, or `least_chance` is no probability.
    """
    if most < 1:
        raise DefinitionError(f"sample_verify(most={most}) draws nothing.", hint="Use 1 or more.")
    if not 0 <= least_chance <= 1:
        raise DefinitionError(
            f"sample_verify(least_chance={least_chance}) is no probability.",
            hint="Give 0 (every draw is worth it) to 1.",
        )
    return SampleVerify(node, most, least_chance)


def vote_until(node: Node[X, Y], *, sure: float = 0.95, most: int = 16) -> Node[X, Y]:
    """The most frequent of as many outputs as it takes to be sure that it is.

    Adaptive-Consistency (Aggarwal et al. 2023, section 3.2): drawn one after the other, until the
    leading output is more frequent than the next one with probability `sure`. The first sample is
    what there would be without, and wins ties. Outputs are compared by value.

    Args:
        node: What is sampled.
        sure: Probability of the lead; with 0.95, four equal outputs end it.
        most: Draws.

    Raises:
        DefinitionError: there would be no draw, or nothing could be as sure as that.
    """
    if most < 1:
        raise DefinitionError(f"vote_until(most={most}) has no voter.", hint="Use 1 or more.")
    if not 0 < sure < 1:
        raise DefinitionError(
            f"vote_until(sure={sure}) is no bound.", hint="Give more than 0 and less than 1."
        )
    return VoteUntil(node, most, sure)


class Sampling(Pattern[X, Y]):
    """Draws from one node."""

    prefix = ""

    def __init__(self, node: Node[X, Y], most: int, bound: float) -> None:
        self.node = node
        self.most = most
        self.bound = bound
        self.name = f"{self.prefix}-{node.name}"
        self.takes, self.gives = node.takes, node.gives

    @property
    def parts(self) -> tuple[Node[Any, Any], ...]:
        """What is sampled."""
        return (self.node,)

    @property
    def uses(self) -> tuple[int | None, ...]:
        """As many draws as there may be."""
        return (self.most,)

    @property
    def shape(self) -> str:
        """With how often it draws."""
        return f"{self.most}, {self.bound}: {super().shape}"


class SampleVerify(Sampling[X, Y]):
    """Draws until one passes. Made by `sample_verify`."""

    prefix = "sample"

    async def conduct(self, value: X, inside: Inside) -> Y:
        """The first draw that nothing speaks against; else the first with an output."""
        best: Tried[Y] | None = None
        last: Tried[Y] | None = None
        for number in range(self.most):
            if number and next_chance(0, number) < self.bound:
                break
            last = await inside.run(self.node, value, draw=number)
            if last.settled:
                best = last
                break
            if last.short is not None:
                return _cut_short(inside, best, last)
            best = best or (last if last.ok else None)
        return _accepted(inside, best, last)


class VoteUntil(Sampling[X, Y]):
    """Draws until one output leads. Made by `vote_until`."""

    prefix = "vote"

    async def conduct(self, value: X, inside: Inside) -> Y:
        """The leading output when it leads surely enough."""
        first: dict[str, Tried[Y]] = {}
        counts: Counter[str] = Counter()
        last: Tried[Y] | None = None
        for number in range(self.most):
            last = await inside.run(self.node, value, draw=number)
            if last.short is not None:
                return _cut_short(inside, _leader(first, counts), last)
            if last.ok:
                text = compact(dump(last.output, self.gives))
                first.setdefault(text, last)
                counts[text] += 1
                if _lead(counts) > self.bound:
                    break
        return _accepted(inside, _leader(first, counts), last)


def _lead(counts: Counter[str]) -> float:
    (_, most), *rest = counts.most_common(2)
    return leads(most, rest[0][1] if rest else 0)


def _leader(first: dict[str, Tried[Y]], counts: Counter[str]) -> Tried[Y] | None:
    """The first of the most frequent."""
    return first[max(counts, key=lambda text: counts[text])] if counts else None


def _cut_short(inside: Inside, best: Tried[Y] | None, last: Tried[Y]) -> Y:
    """A budget has no room for another draw: what there is must do."""
    if best is None or last.short is None:
        return last.output
    inside.accept(best)
    inside.shorten(last.short)
    return best.output


def _accepted(inside: Inside, best: Tried[Y] | None, last: Tried[Y] | None) -> Y:
    chosen = best or last
    if chosen is None:
        raise Abstain("nothing was drawn.")
    inside.accept(chosen)
    return chosen.output
