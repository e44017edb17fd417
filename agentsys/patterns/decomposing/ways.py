"""Two ways from a problem to the answers of its sub-questions: all at once, and one by one."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from agentsys.errors import Abstain
from agentsys.node import Node
from agentsys.pattern import Inside, Tried
from agentsys.patterns.decomposing.answering import answered
from agentsys.patterns.decomposing.needs import needs_of
from agentsys.patterns.decomposing.sub_tasks import Attempted, Known, Solved, SubTask
from agentsys.plain import digest
from agentsys.schema import validate


@dataclass
class Led:
    """Where a way leads: the questions and what came of them, as far as it went."""

    problem: Any
    questions: list[Any] = field(default_factory=list[Any])
    splits: list[Tried[Any]] = field(default_factory=list[Tried[Any]])
    answers: dict[int, Tried[Any]] = field(default_factory=dict[int, Tried[Any]])
    """By the number of the question; those that count."""
    finished: tuple[tuple[int, Any], ...] = ()
    """All answers that there are."""
    implied: Any = None
    """The result, where the answers imply it."""

    def known(self, answers: Mapping[int, Any]) -> tuple[Known[Any, Any], ...]:
        """These answers with their questions, in the order of their numbers."""
        return tuple(
            Known[Any, Any](number=number, question=self.questions[number], answer=answers[number])
            for number in sorted(answers)
        )


@dataclass(frozen=True)
class Way(ABC):
    """How a problem is decomposed: the nodes, and what ties them together."""

    split: Node[Any, Any]
    solve: Node[Any, Any]
    join: Node[Any, Any]
    implied: Callable[[Any], Any] | None
    most: int
    key: Callable[[Any], object] | None

    @property
    def parts(self) -> tuple[Node[Any, Any], ...]:
        """The nodes."""
        return self.split, self.solve, self.join

    @property
    @abstractmethod
    def uses(self) -> tuple[int, int, int]:
        """How often each of them runs at most."""

    @abstractmethod
    async def lead(self, led: Led, told: Attempted[Any, Any] | None, inside: Inside) -> None:
        """Find the answers, or as many as imply the result.

        Args:
            led: Where it has led so far: filled as it goes on.
            told: The attempt, where there is one.
            inside: Runs the nodes.

        Raises:
            AgentSysError: the split failed, or a sub-question has no answer.
        """

    async def joined(self, led: Led, inside: Inside) -> Tried[Any]:
        """What comes of the answers."""
        return await inside.run(self.join, self.solved(led, led.answers), "join")

    def solved(self, led: Led, answers: Mapping[int, Tried[Any]]) -> Any:
        """The problem with these answers."""
        given = {number: tried.output for number, tried in answers.items()}
        return _kind(self.join, Solved)(problem=led.problem, answers=led.known(given))

    async def ask(self, led: Led, number: int, given: Mapping[int, Any], inside: Inside) -> Any:
        """What comes of one sub-question; the same one is asked once in a run."""
        kind = _kind(self.solve, SubTask)
        task = kind(problem=led.problem, question=led.questions[number], known=led.known(given))
        same = digest(task, kind) if self.key is None else digest(self.key(task), Any)
        return await inside.share(self.solve, task, "solve", digest=same)

    def enough(self, led: Led, answers: Mapping[int, Tried[Any]]) -> bool:
        """Whether these answers imply the result."""
        if self.implied is None:
            return False
        result = self.implied(self.solved(led, answers))
        led.implied = None if result is None else validate(result, self.join.gives)
        return result is not None


@dataclass(frozen=True)
class AtOnce(Way):
    """All sub-questions first, then the answers: side by side where the questions allow it."""

    depends_on: Callable[[Any], Iterable[int]] | None

    @property
    def uses(self) -> tuple[int, int, int]:
        """One split, for as many sub-questions as are allowed."""
        return 1, self.most, 1

    async def lead(self, led: Led, told: Attempted[Any, Any] | None, inside: Inside) -> None:
        """Find the answers."""
        given = led.problem
        if told is not None and is_kind(self.split, Attempted):
            given = self.split.takes(**dict(told))
        split = await inside.run(self.split, given, "split")
        led.splits.append(split)
        led.questions[:] = cast("Sequence[Any]", split.output)
        needs = needs_of(led.questions, self.depends_on, self.most)
        found = await answered(
            needs,
            lambda number, known: self.ask(led, number, known, inside),
            lambda answers: self.enough(led, answers),
        )
        led.answers.update(found.counting)
        led.finished = found.every
        _require(led.answers)


@dataclass(frozen=True)
class OneByOne(Way):
    """The next sub-question when the ones before it have been answered."""

    @property
    def uses(self) -> tuple[int, int, int]:
        """The split is asked once more, to say that there are enough."""
        return self.most + 1, self.most, 1

    async def lead(self, led: Led, told: Attempted[Any, Any] | None, inside: Inside) -> None:
        """Find the answers."""
        while (question := await self._next(led, inside)) is not None:
            number = len(led.questions)
            if number == self.most:
                raise Abstain(f"the split asks for more than {self.most} sub-questions.")
            led.questions.append(question)
            tried = await self.ask(led, number, dict(led.finished), inside)
            led.answers[number] = tried
            _require(led.answers)
            led.finished += ((number, tried.output),)
            if self.enough(led, led.answers):
                return
        if not led.questions:
            raise Abstain("the split has no sub-questions.")

    async def _next(self, led: Led, inside: Inside) -> Any:
        given = self.split.takes(problem=led.problem, answers=led.known(dict(led.finished)))
        split = await inside.run(self.split, given, "split", len(led.splits))
        led.splits.append(split)
        return split.output


def is_kind(node: Node[Any, Any], kind: type[Any]) -> bool:
    """Whether a node takes one of the types of a decomposition."""
    return isinstance(node.takes, type) and issubclass(node.takes, kind)


def _kind(node: Node[Any, Any], kind: type[Any]) -> type[Any]:
    """The type as the node takes it; one that takes more is given the plain one."""
    return node.takes if is_kind(node, kind) else kind


def _require(answers: Mapping[int, Tried[Any]]) -> None:
    """Make sure that none has failed.

    Raises:
        AgentSysError: the failure of the one that has.
    """
    for tried in answers.values():
        if tried.failure is not None:
            raise tried.failure
