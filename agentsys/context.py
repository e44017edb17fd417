"""What a run carries with it through every node."""

from collections import Counter
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field, replace
from zlib import crc32

from agentsys.events import Event
from agentsys.models.base import Model
from agentsys.prompt import Objection, Turn


class Memory:
    """What each agent said in an attempt, so that an objection can be put to it."""

    def __init__(self, outer: "Memory | None" = None) -> None:
        self._outer = outer
        self._turns: dict[Hashable, tuple[Turn, ...]] = {}
        self._open: set[Hashable] = set()

    def turns(self, key: Hashable) -> tuple[Turn, ...]:
        """The conversation that ends in an objection to what the agent said; else none."""
        turns = self._turns.get(key)
        if turns is None:
            return self._outer.turns(key) if self._outer is not None else ()
        return turns if turns and isinstance(turns[-1], Objection) else ()

    def keep(self, key: Hashable, turns: tuple[Turn, ...]) -> None:
        """Remember the conversation that led to what an agent last said."""
        self._turns[key] = turns
        self._open.add(key)

    def objection(self, reason: str) -> None:
        """Object to everything that was said since the last objection."""
        for key in self._open:
            self._turns[key] += (Objection(reason),)
        self._open.clear()

    def take_over(self, inner: "Memory") -> None:
        """Answer for what was said in an inner attempt: an objection reaches it, too."""
        for key, turns in inner._turns.items():
            self.keep(key, turns)


@dataclass(frozen=True)
class Context:
    """The surroundings of one run: its models, where its events go, and what is in force now."""

    run_id: str
    models: Mapping[str, Model]
    emit: Callable[[Event], None]
    seed: int = 0
    tier: str | None = None
    """Overrides every agent's own tier; set while an outer node escalates."""
    sampling: bool = False
    """Whether replies are drawn at a temperature: all samples of a vote after the first."""
    votes: int = 0
    """How many votes this is inside of."""
    memory: Memory = field(default_factory=Memory)
    doubts: list[str] = field(default_factory=list[str])
    """Reasons why an accepted answer is of low confidence."""
    confidences: list[float] = field(default_factory=list[float])
    """Confidence of every accepted answer."""
    asked: Counter[Hashable] = field(default_factory=Counter[Hashable])
    """Requests so far in the run, by agent, input and seed."""

    def attempt(self, *, tier: str | None, memory: Memory) -> "Context":
        """The surroundings of one attempt, whose doubts count only if it is accepted."""
        return replace(self, tier=tier or self.tier, memory=memory, doubts=[], confidences=[])

    def sampled(self, index: int) -> "Context":
        """The surroundings of one sample of a vote; the first is what there would be without."""
        inner = replace(
            self, memory=Memory(self.memory), doubts=[], confidences=[], votes=self.votes + 1
        )
        if index == 0:
            return inner
        seed = crc32(f"{self.seed} {self.votes} {index}".encode())
        return replace(inner, sampling=True, seed=seed)

    def adopt(self, attempt: "Context") -> None:
        """Take over what an accepted attempt left behind."""
        self.doubts.extend(attempt.doubts)
        self.confidences.extend(attempt.confidences)
        if attempt.memory is not self.memory:
            self.memory.take_over(attempt.memory)

    def number(self, key: Hashable) -> int:
        """The number of a request among those with its key, from 0."""
        self.asked[key] += 1
        return self.asked[key] - 1
