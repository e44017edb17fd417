"""Which of two answers is better: both orders are asked, because models like one place better."""

from typing import Any, Generic, Literal, TypeVar, cast

from pydantic import BaseModel, ConfigDict, Field

from agentsys.calibration import logit
from agentsys.choosing import Choice, choose
from agentsys.node import Node
from agentsys.pattern import Inside, Pattern
from agentsys.patterns.judging.data import RULE, OnData, Shown

X = TypeVar("X")
Y = TypeVar("Y")

Slot = Literal["first", "second"]

_ASKED = "Which answer is better, the first or the second? Their order means nothing."


class Pair(BaseModel, Generic[X, Y]):
    """A task and two answers to it. Nothing says who gave them."""

    model_config = ConfigDict(frozen=True)

    task: X
    a: Y
    b: Y


class Preference(BaseModel):
    """Which of two answers is better."""

    model_config = ConfigDict(frozen=True)

    winner: Literal["a", "b", "tie"]
    p_a: float = Field(ge=0, le=1)
    """Probability that `a` is better, over both orders."""
    consistent: bool
    """Whether both orders name the same answer; where they do not, it is a tie."""
    position_bias: float | None
    """In log-odds: 0 for none, above for the first place, below for the second. `None` without
    log-probabilities."""
    judge: str = ""

    @classmethod
    def of(
        cls, first: float, swapped: float, *, told: bool = True, judge: str = ""
    ) -> "Preference":
        """From the probability of the first place, in the order a, b and in the order b, a.

        Args:
            first: That of `a`, which came first.
            swapped: That of `b`, which came first then.
            told: Whether these are probabilities; else 1 and 0 stand for what was said.
            judge: Who judged.
        """
        consistent = (first - 0.5) * (swapped - 0.5) < 0
        better: Literal["a", "b"] = "a" if first > 0.5 else "b"
        return cls(
            winner=better if consistent else "tie",
            p_a=(first + 1 - swapped) / 2,
            consistent=consistent,
            position_bias=(logit(first) + logit(swapped)) / 2 if told else None,
            judge=judge,
        )


class _Slots(BaseModel, Generic[X, Y]):
    """What a model is shown of a pair, in one order."""

    model_config = ConfigDict(frozen=True)

    task: X
    first: Y
    second: Y


def pairwise(
    task: type[X],
    answer: type[Y],
    instructions: str,
    *,
    tier: str = "slm",
    name: str = "pairwise",
) -> Node[Pair[X, Y], Preference]:
    """A judge of pairs: one decision in each order, at the same time.

    Args:
        task: Type of the task.
        answer: Type of both answers.
        instructions: What the task is, and what makes an answer better.
        tier: The class of model it asks.
        name: How paths and the ledger call it.
    """
    said = f"{instructions}\n\n{RULE}\n\n{_ASKED}"
    decide = choose(Shown, Slot, said, tier=tier, name=name)
    slots = cast(Any, _Slots)[task, answer]
    return _Pairwise[X, Y](cast(Any, Pair)[task, answer], slots, OnData(slots, decide))


class _Pairwise(Pattern[Pair[X, Y], Preference], Generic[X, Y]):
    """Both orders. Made by `pairwise`."""

    def __init__(self, takes: Any, slots: Any, asked: Node[_Slots[X, Y], Choice[Slot]]) -> None:
        self._slots = slots
        self._asked = asked
        self.name = asked.name
        self.takes, self.gives = takes, Preference

    @property
    def parts(self) -> tuple[Node[Any, Any], ...]:
        """The decision about one order."""
        return (self._asked,)

    @property
    def uses(self) -> tuple[int | None, ...]:
        """In both orders."""
        return (2,)

    def largest(self, given: float) -> tuple[float, ...]:
        """The same under other names."""
        return (given + len("firstsecond"),)

    async def conduct(self, value: Pair[X, Y], inside: Inside) -> Preference:
        """The preference over both orders."""
        orders = ((value.a, value.b), (value.b, value.a))
        tried = await inside.side_by_side(
            inside.run(
                self._asked, self._slots(task=value.task, first=one, second=other), "order", at
            )
            for at, (one, other) in enumerate(orders)
        )
        for each in tried:
            inside.accept(each)
        first, swapped = (each.output for each in tried)
        told = first.probabilities is not None and swapped.probabilities is not None
        return Preference.of(_first(first), _first(swapped), told=told, judge=self.name)


def _first(choice: Choice[Slot]) -> float:
    """Probability of the first place."""
    if choice.probabilities is None:
        return float(choice.choice == "first")
    return choice.probabilities["first"]
