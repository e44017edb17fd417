"""What a run carries with it through every node."""

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field, replace

from agentsys.events import Event
from agentsys.models.base import Model
from agentsys.prompt import Objection, Turn


class Memory:
    """What each agent has said in a run so far, so that an objection can be put to it."""

    def __init__(self) -> None:
        self._turns: dict[Hashable, tuple[Turn, ...]] = {}
        self._open: set[Hashable] = set()

    def turns(self, key: Hashable) -> tuple[Turn, ...]:
        """The turns that the agent's next request starts with."""
        return self._turns.get(key, ())

    def keep(self, key: Hashable, turns: tuple[Turn, ...]) -> None:
        """Remember the conversation that led to the agent's answer."""
        self._turns[key] = turns
        self._open.add(key)

    def objection(self, reason: str) -> None:
        """Object to every answer given since the last objection."""
        for key in self._open:
            self._turns[key] += (Objection(reason),)
        self._open.clear()


@dataclass(frozen=True)
class Context:
    """The surroundings of one run: its models, where its events go, and what is in force now."""

    run_id: str
    models: Mapping[str, Model]
    emit: Callable[[Event], None]
    seed: int = 0
    tier: str | None = None
    """Overrides every agent's own tier; set while an outer node escalates."""
    sample: int = 0
    """Which sample of a vote this is; 0 is the greedy one."""
    memory: Memory = field(default_factory=Memory)
    doubts: list[str] = field(default_factory=list[str])
    """Reasons why an accepted answer is of low confidence."""
    confidences: list[float] = field(default_factory=list[float])
    """Confidence of every accepted answer."""

    def attempt(self, *, tier: str | None, memory: Memory) -> "Context":
        """The surroundings of one attempt, whose doubts count only if it is accepted."""
        return replace(self, tier=tier or self.tier, memory=memory, doubts=[], confidences=[])

    def sampled(self, sample: int) -> "Context":
        """The surroundings of one sample of a vote."""
        return replace(self, sample=sample, memory=Memory(), doubts=[], confidences=[])

    def adopt(self, attempt: "Context") -> None:
        """Take over what an accepted attempt left behind."""
        self.doubts.extend(attempt.doubts)
        self.confidences.extend(attempt.confidences)
