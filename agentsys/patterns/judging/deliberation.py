"""Rounds in which judges see each other's opinions and may change their own, for a reason.

Each looks at its own reasons again, then at the others' (reflect, critique, refine: "Debate, Train,
Evolve", EMNLP 2025), which come without names and in an order that means nothing.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any

from agentsys.errors import BudgetExceeded
from agentsys.node import Node
from agentsys.pattern import Inside, Tried
from agentsys.patterns.judging.discussion import (
    MOST_REASON,
    Discussion,
    Flip,
    Revision,
    flip,
    opinion,
    revised,
)
from agentsys.plain import digest
from agentsys.prompt import clipped
from agentsys.verdict import Candidate, Verdict

MOST_ROUNDS = 2
"""Voting explains most of what debate gains ("Debate or Vote", NeurIPS 2025)."""


@dataclass
class Deliberation:
    """Some judges on one answer."""

    candidate: Candidate[Any, Any]
    takes: Any
    """The candidate's type."""
    revising: Mapping[str, Node[Any, Revision]]
    """What judges, by name, ask with a `Discussion`; others keep to what they said."""
    bounded: Callable[[Verdict], Verdict]
    """What a changed verdict counts for: as the first one, by what is known of its judge."""
    verdicts: tuple[Verdict, ...]
    """Of all of them, so far."""
    rounds: int = 0
    flips: list[Flip] = field(default_factory=list[Flip])
    short: BudgetExceeded | None = None
    """The budget that had no room for a round to its end."""
    settled: bool = False
    """Whether nothing changed in the last round."""

    async def go_on(self, most: int, inside: Inside) -> None:
        """Rounds until they agree, nothing changes, there were so many, or a budget ends it."""
        while self.rounds < most and not (self.settled or self.short or self.agree):
            self.rounds += 1
            await self._round(inside)

    @property
    def agree(self) -> bool:
        """Whether all say the same."""
        return len({verdict.label for verdict in self.verdicts}) == 1

    async def _round(self, inside: Inside) -> None:
        asked = {
            at: self._discussion(at, inside.context.seed)
            for at, verdict in enumerate(self.verdicts)
            if verdict.judge in self.revising
        }
        tried = await inside.side_by_side(
            inside.run(self._reviser(at), discussed, "round", self.rounds, at)
            for at, discussed in asked.items()
        )
        said = dict(zip(asked, tried, strict=True))
        self.short = next((each.short for each in tried if each.short is not None), None)
        found = {at: self._flip(at, asked[at], said[at]) for at in asked if said[at].ok}
        self.verdicts = tuple(
            self._revised(verdict, said[at].output, found[at]) if at in found else verdict
            for at, verdict in enumerate(self.verdicts)
        )
        flips = [each for each in found.values() if each is not None]
        self.flips += flips
        self.settled = not any(each.counted for each in flips)

    def _revised(self, verdict: Verdict, revision: Revision, found: Flip | None) -> Verdict:
        after = revised(verdict, revision, found)
        return verdict if after is verdict else self.bounded(after)

    def _reviser(self, at: int) -> Node[Any, Revision]:
        return self.revising[self.verdicts[at].judge]

    def _discussion(self, at: int, seed: int) -> Discussion[Any, Any]:
        """What one judge is asked."""
        others = [opinion(verdict) for place, verdict in enumerate(self.verdicts) if place != at]
        order = f"{seed} {self.rounds} {at} {digest(self.candidate, self.takes)}"
        Random(order).shuffle(others)
        mine = self.verdicts[at]
        return self._reviser(at).takes(
            candidate=self.candidate,
            own=opinion(mine),
            reasons=clipped(mine.reason, MOST_REASON),
            others=tuple(others),
        )

    def _flip(
        self, at: int, discussed: Discussion[Any, Any], tried: Tried[Revision]
    ) -> Flip | None:
        judge = self.verdicts[at].judge
        answer = self.takes.model_fields["answer"].annotation
        return flip(tried.output, discussed, judge=judge, number=self.rounds, answer=answer)
