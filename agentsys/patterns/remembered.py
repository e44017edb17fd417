"""A node whose answers hold for a time: what was settled before, in any run, is not asked again."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from agentsys.errors import DefinitionError, InvalidOutput
from agentsys.memory import Answers
from agentsys.memory.shared import MAX_TTL_S
from agentsys.node import Node
from agentsys.once import once
from agentsys.pattern import Inside, Pattern, Tried
from agentsys.plain import digest
from agentsys.schema import restored, stored

X = TypeVar("X")
Y = TypeVar("Y")


class Remembered(Pattern[X, Y]):
    """A node that first looks at what its tenant and team have had answered.

    Kept is what nothing spoke against. Samples of a vote are always drawn anew, and after an
    objection the node is asked again. Who asks the same at the same time in one process waits. The
    key is made of the node's shape, which names the tiers of its models but neither the models nor
    the code of its steps: an answer holds for its time, also where these have changed.
    """

    def __init__(
        self, part: Node[X, Y], *, seconds: float, key: Callable[[X], object] | None = None
    ) -> None:
        """Remember the answers of a node.

        Args:
            part: The node.
            seconds: How long an answer holds.
            key: What of the input the answer depends on, as JSON data; default: all of it.

        Raises:
            DefinitionError: it would hold for no time, or for too long a one.
        """
        if not 0 < seconds <= MAX_TTL_S:
            raise DefinitionError(
                f"An answer cannot hold for {seconds!r} seconds.", hint="Give more than 0."
            )
        self.part = part
        self.seconds = seconds
        self.key = key
        self.name = part.name
        self.takes, self.gives = part.takes, part.gives

    @property
    def parts(self) -> tuple[Node[Any, Any], ...]:
        """The node whose answers are remembered."""
        return (self.part,)

    @property
    def uses(self) -> tuple[int | None, ...]:
        """Once."""
        return (1,)

    async def conduct(self, value: X, inside: Inside) -> Y:
        """The answer that was kept, or a new one."""
        context = inside.context
        if context.memory is None or context.sampling:
            return _accepted(await inside.run(self.part, value, "asked"), inside)
        answers = context.memory.answers(context.tenant, context.team)
        kept = _Kept(answers, self._key(value, context.tier), self.seconds, self.gives)
        async with answers.turn(kept.key):
            found = _Record() if context.again else await self._found(value, kept, inside)
            with suppress(InvalidOutput):  # of a type that has changed since
                if found.there:
                    return kept.answer(found, inside)
            tried = await inside.run(self.part, value, "asked")
            if tried.settled:
                await kept.keep(tried)
        return _accepted(tried, inside)

    async def _found(self, value: X, kept: "_Kept", inside: Inside) -> "_Record":
        """What there is, as the journal has it: a resumed run finds what it found before."""

        async def look(_: X) -> _Record:
            return await kept.look()

        return await once(
            look,
            value,
            inside.context.at("remembered"),
            name=f"{self.name}-remembered",
            takes=self.takes,
            gives=_Record,
        )

    def _key(self, value: X, tier: str | None) -> str:
        asked = digest(value, self.takes) if self.key is None else digest(self.key(value), Any)
        text = f"{self.part.shape} {tier} {asked}"
        return blake2b(text.encode("utf-8", "backslashreplace"), digest_size=16).hexdigest()


class _Record(BaseModel):
    """What the store has under a key."""

    there: bool = False
    answer: Any = None
    confidence: float | None = None


@dataclass(frozen=True)
class _Kept:
    """The place of one answer."""

    answers: Answers
    key: str
    seconds: float
    gives: Any

    async def look(self) -> _Record:
        """What is there; what cannot be read is not."""
        data = await self.answers.get(self.key)
        with suppress(ValidationError):
            return _Record() if data is None else _Record.model_validate(data)
        return _Record()

    def answer(self, found: _Record, inside: Inside) -> Any:
        """The answer as its type, with the confidence that it was given with.

        Raises:
            InvalidOutput: it does not fit.
        """
        output = restored(found.answer, self.gives)
        if found.confidence is not None:
            inside.context.findings.confidences.append(found.confidence)
        return output

    async def keep(self, tried: Tried[Any]) -> None:
        """Put an answer there, where JSON can hold it."""
        with suppress(InvalidOutput):
            answer = stored(tried.output, self.gives)
            record = _Record(there=True, answer=answer, confidence=tried.confidence)
            await self.answers.keep(self.key, record.model_dump(mode="json"), self.seconds)


def _accepted(tried: Tried[Y], inside: Inside) -> Y:
    output = tried.output
    inside.accept(tried)
    return output
