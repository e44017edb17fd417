"""What a panel gives: a verdict, and how it came to it."""

from typing import Literal

from pydantic import Field

from agentsys.patterns.judging.discussion import Flip
from agentsys.verdict import Label, Verdict

Stopped = Literal[
    "check",
    "reference",
    "quick",
    "unanimous",
    "lead",
    "posterior",
    "no_change",
    "max_rounds",
    "budget",
    "larger_model",
    "human",
    "undecided",
]
"""What decided.

`check`, `reference`: a function, no judge; `quick`: the one that is asked before the panel;
`unanimous`: all verdicts are the same, and the others could not have turned them; `lead`: the same
with votes against; `posterior`: the lead is surer than 0.95; `no_change`: deliberation changed
nothing; `max_rounds`: it went on to its end; `budget`: there was no room for more, the votes so far
decide; `larger_model`, `human`: after a tie; `undecided`: a tie, and nobody left to ask.
"""


class PanelVerdict(Verdict):
    """A verdict of several judges."""

    stopped_because: Stopped
    first_round: tuple[Verdict, ...] = ()
    """Of the judges that were asked, before any deliberation, in the order in which they were."""
    last_round: tuple[Verdict, ...] = ()
    """The same after it; where there was none, the same."""
    first_label: Label = "unknown"
    """What the first round alone comes to."""
    rounds_used: int = 0
    """Of deliberation."""
    flips: tuple[Flip, ...] = ()
    """Verdicts that deliberation changed, or that were to be changed without an error named."""
    margin: float = Field(default=0.0, ge=0, le=1)
    """The lead of the label, as a part of all weights."""
    n_eff: float | None = None
    """As many independent judges those that voted are worth; `None` where that was not measured."""
    before: Verdict | None = None
    """Of the quick judge, where one was asked before the panel."""
    after: Verdict | None = None
    """Of the larger model, where one was asked after it."""

    @property
    def changed_by_deliberation(self) -> bool:
        """Whether the label would have been another one without it."""
        return self.rounds_used > 0 and self.label != self.first_label

    @property
    def sycophancy_events(self) -> int:
        """How often a judge joined another one, whether or not that counted."""
        return sum(flip.joined for flip in self.flips)
