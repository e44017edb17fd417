"""A router: how likely the small model is to succeed, from the text of a task alone."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from operator import mul

from agentsys.calibration import from_logit
from agentsys.routing.grams import Grams


@dataclass(frozen=True, slots=True)
class Begin:
    """What a router said of a task."""

    version: str = ""
    """Of the router; empty: there is none."""
    p: float | None = None
    """Probability that the first tier succeeds."""
    tier: str = ""
    """The tier that the run begins at instead; empty: the first."""


FIRST = Begin()
"""Nobody was asked: a run begins at the first tier."""


@dataclass(frozen=True)
class Router:
    """A logistic model over `Grams`. Numbers and texts alone: it is stored as JSON."""

    version: str
    begin: str
    """The tier that a run begins at where the first is not likely enough to succeed."""
    below: float
    """It is not where its probability is below this."""
    grams: Grams
    intercept: float = 0.0
    of_length: float = 0.0
    of_grams: Mapping[str, float] = field(default_factory=dict[str, float])
    embedder: str = ""
    """The model of the vectors that it was fitted on; empty: on none."""
    of_vector: tuple[float, ...] = ()

    def p(self, text: str, vector: Sequence[float] = ()) -> float:
        """Probability that the first tier succeeds.

        Args:
            text: Of the task.
            vector: That the embedder made of it, of length 1; where there is one.
        """
        found = self.grams.weights(text)
        said = sum(self.of_grams.get(run, 0.0) * weight for run, weight in found.items())
        meant = sum(map(mul, self.of_vector, vector))
        length = self.of_length * self.grams.length(text)
        return from_logit(self.intercept + length + said + meant)

    def said(self, text: str, vector: Sequence[float] = ()) -> Begin:
        """Where a run on a task begins."""
        p = self.p(text, vector)
        return Begin(self.version, p, self.begin if p < self.below else "")
