"""Which sub-questions need the answers of which others."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeVar

from agentsys.errors import Abstain

A = TypeVar("A")

Needs = Mapping[int, tuple[int, ...]]
"""The sub-questions by number, each after those that it needs, whose numbers are sorted."""


def needs_of(
    questions: Sequence[A], depends_on: Callable[[A], Iterable[int]] | None, most: int
) -> Needs:
    """What each needs: what `depends_on` says, or else all that stand before it.

    Raises:
        Abstain: there are none, or too many, or they cannot be answered in any order.
    """
    if not questions:
        raise Abstain("the split has no sub-questions.")
    if len(questions) > most:
        raise Abstain(f"the split has {len(questions)} sub-questions, and {most} are allowed.")
    if depends_on is None:
        return {number: tuple(range(number)) for number in range(len(questions))}
    needs = [tuple(sorted({*depends_on(question)})) for question in questions]
    for number, wanted in enumerate(needs):
        unknown = [need for need in wanted if not 0 <= need < len(questions)]
        if unknown:
            raise Abstain(f"sub-question {number} needs number {unknown[0]}, which is not there.")
    return _in_order(needs)


def _in_order(needs: Sequence[tuple[int, ...]]) -> Needs:
    ordered: dict[int, tuple[int, ...]] = {}
    waiting = list(range(len(needs)))
    while waiting:
        ready = next((n for n in waiting if ordered.keys() >= {*needs[n]}), None)
        if ready is None:
            told = ", ".join(str(number) for number in waiting)
            raise Abstain(f"sub-questions need each other's answers, in a circle: {told}.")
        waiting.remove(ready)
        ordered[ready] = needs[ready]
    return ordered
