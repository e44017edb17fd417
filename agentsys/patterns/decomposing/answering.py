"""Answering questions that need each other's answers: side by side where they can be.

What comes of it depends on the answers alone, not on which of them was there first: they are looked
at in one order, up to the first that is missing, or with which there are enough.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from agentsys.pattern import Tried
from agentsys.patterns.decomposing.needs import Needs

B = TypeVar("B")

Ask = Callable[[int, Mapping[int, B]], Awaitable[Tried[B]]]
"""Answers the question of a number, given the answers that it needs, by theirs."""

Enough = Callable[[Mapping[int, Tried[B]]], bool]
"""Whether these answers will do, so that the others are not needed."""


@dataclass(frozen=True)
class Answered(Generic[B]):
    """The answers that count, and all that there are, by number."""

    counting: Mapping[int, Tried[B]]
    """Where one has failed, it is the last."""
    every: tuple[tuple[int, B], ...]


async def answered(needs: Needs, ask: Ask[B], enough: Enough[B]) -> Answered[B]:
    """The answers to all questions, or to as many as are of use.

    What has been begun is brought to its end, since it is paid for. Nothing is begun that can be
    of no use any more.
    """
    answering = _Answering(needs, ask)
    try:
        counting = await answering.counting(enough)
    except asyncio.CancelledError:
        answering.cancel()
        raise
    finally:
        await answering.end()
    return Answered(counting, answering.every())


class _Answering(Generic[B]):
    def __init__(self, needs: Needs, ask: Ask[B]) -> None:
        self._needs, self._ask = needs, ask
        self._place = {number: place for place, number in enumerate(needs)}
        self._last = len(needs) - 1
        """The place of the last question that is of use."""
        self._tasks = {number: asyncio.ensure_future(self._one(number)) for number in needs}

    async def counting(self, enough: Enough[B]) -> Mapping[int, Tried[B]]:
        found: dict[int, Tried[B]] = {}
        for number, task in self._tasks.items():
            tried = await task
            if tried is None:
                break
            found[number] = tried
            if not tried.ok or enough(found):
                break
        return found

    def cancel(self) -> None:
        for task in self._tasks.values():
            task.cancel()

    async def end(self) -> None:
        self._last = -1
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    def every(self) -> tuple[tuple[int, B], ...]:
        done = {n: task.result() for n, task in self._tasks.items() if task.exception() is None}
        found = {number: tried.output for number, tried in done.items() if tried and tried.ok}
        return tuple(sorted(found.items(), key=lambda item: item[0]))

    async def _one(self, number: int) -> Tried[B] | None:
        """Its answer; where one that it needs has failed, that; `None` where it is of no use."""
        given: dict[int, B] = {}
        for need in self._needs[number]:
            tried = await self._tasks[need]
            if tried is None or not tried.ok:
                return tried
            given[need] = tried.output
        place = self._place[number]
        if place > self._last:
            return None
        answer: Tried[B] | None = None
        try:
            answer = await self._ask(number, given)
            return answer
        finally:
            if answer is None or not answer.ok:
                self._last = min(self._last, place)
