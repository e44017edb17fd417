"""Two ways to the same answer, worked steps and a program: where they agree, it is accepted."""

from collections import Counter
from collections.abc import Callable, Hashable
from typing import Any, TypeVar

from agentsys.errors import BudgetExceeded, DefinitionError
from agentsys.node import Node
from agentsys.pattern import Inside, Pattern, Tried

X = TypeVar("X")
Y = TypeVar("Y")


def cot_pot_cascade(
    worked: Node[X, Y],
    program: Node[X, Y],
    last: Node[X, Y],
    *,
    value: Callable[[Y], Hashable],
    rounds: int = 3,
) -> Node[X, Y]:
    """Accept what worked steps and a program agree on; else draw more of both; else ask `last`.

    The mixture-of-thought cascade (Yue et al. 2023, "Large Language Model Cascades with Mixture of
    Thought Representations", section 3): the most frequent value of each way must be the same. Each
    further round draws one more of each, side by side.

    Args:
        worked: Gives an answer by worked steps.
        program: Gives an answer by something that is executed; where both agree, its output counts.
        last: What is asked where they do not, such as a larger model.
        value: What of an output is compared.
        rounds: Draws of each way, at most.

    Raises:
        DefinitionError: there would be no draw.
    """
    if rounds < 1:
        raise DefinitionError(f"cot_pot_cascade(rounds={rounds}) draws nothing.", hint="Use 1.")
    return CotPotCascade(worked, program, last, value, rounds)


class CotPotCascade(Pattern[X, Y]):
    """Draws of two ways until they agree. Made by `cot_pot_cascade`."""

    def __init__(
        self,
        worked: Node[X, Y],
        program: Node[X, Y],
        last: Node[X, Y],
        value: Callable[[Y], Hashable],
        rounds: int,
    ) -> None:
        self._parts = (worked, program, last)
        self._value = value
        self.rounds = rounds
        self.name = f"agree-{worked.name}-{program.name}"
        self.takes, self.gives = program.takes, program.gives

    @property
    def parts(self) -> tuple[Node[Any, Any], ...]:
        """The two ways, and what is asked where they do not agree."""
        return self._parts

    @property
    def uses(self) -> tuple[int | None, ...]:
        """The two ways in every round; the last once."""
        return (self.rounds, self.rounds, 1)

    @property
    def shape(self) -> str:
        """With how often it draws."""
        return f"{self.rounds}: {super().shape}"

    async def conduct(self, value: X, inside: Inside) -> Y:
        """What both agree on, or what `last` says."""
        worked, program, last = self._parts
        drawn: tuple[list[Tried[Y]], list[Tried[Y]]] = ([], [])
        for number in range(self.rounds):
            pair = await inside.side_by_side(
                inside.run(way, value, place, draw=number)
                for place, way in (("worked", worked), ("program", program))
            )
            for outputs, tried in zip(drawn, pair, strict=True):
                outputs.append(tried)
            agreed = self._agreed(*drawn)
            if agreed is not None:
                inside.vouch(agreed)
                return agreed.output
            short = next((tried.short for tried in pair if tried.short is not None), None)
            if short is not None:
                return self._cut_short(inside, drawn[1], short)
        final = await inside.run(last, value, "last")
        if final.short is not None:
            return self._cut_short(inside, drawn[1], final.short)
        inside.accept(final)
        return final.output

    def _agreed(self, worked: list[Tried[Y]], program: list[Tried[Y]]) -> Tried[Y] | None:
        mine, theirs = self._most_frequent(worked), self._most_frequent(program)
        if mine is None or theirs is None:
            return None
        return theirs if self._value(mine.output) == self._value(theirs.output) else None

    def _most_frequent(self, drawn: list[Tried[Y]]) -> Tried[Y] | None:
        """The first of them."""
        found = [(tried, self._value(tried.output)) for tried in drawn if tried.ok]
        counts = Counter(value for _, value in found)
        top = max(counts.values(), default=0)
        return next((tried for tried, value in found if counts[value] == top), None)

    def _cut_short(self, inside: Inside, program: list[Tried[Y]], error: BudgetExceeded) -> Y:
        """A budget has no room to go on: the program's answer must do."""
        best = self._most_frequent(program)
        if best is None:
            raise error
        inside.accept(best)
        inside.shorten(error)
        return best.output
