"""Votes of judges: how much each counts, what they come to, and when no other one is needed."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from agentsys.calibration import from_logit, logit
from agentsys.posterior import leads
from agentsys.reliability import Reliability, effective_judges
from agentsys.verdict import Label, Verdict

SURE = 0.95
"""Probability of a lead, or of a label, that ends a vote (Adaptive-Consistency, section 3.2)."""

_EVEN = 1e-9

Lead = Literal["unanimous", "lead", "posterior"]

RESCALED = ((1.0, 1.0), (0.9, 0.8), (0.8, 0.5), (0.6, 0.3))
"""ReConcile's weights of confidences from the first number on (2309.13007, and its code); 0.6
itself and all below weigh 0.1."""


@dataclass(frozen=True)
class Votes:
    """What some verdicts come to."""

    total: float
    """Above 0: the answer is correct; below: it is not."""
    margin: float
    """The lead of the winner, as a part of all weights."""
    correct: int
    incorrect: int
    p_correct: float | None
    """Of judges that were measured, from their log-odds; of others the mean of what they tell, or
    even odds where that contradicts the votes. `None` where one of those tells none."""
    n_eff: float | None
    """As many independent judges these are worth; `None` where that was not measured."""
    same: bool
    """Whether every verdict says the same, and says something."""

    @property
    def label(self) -> Label:
        """Who wins; nobody does with as much for as against."""
        if abs(self.total) <= _EVEN:
            return "unknown"
        return "correct" if self.total > 0 else "incorrect"


@dataclass(frozen=True)
class Weights:
    """How much verdicts count."""

    reliability: Mapping[str, Reliability] = field(default_factory=dict[str, Reliability])
    """Of each judge, by name; without any, every verdict counts the same."""
    correlation: float | None = None
    """Of the judges' errors, on average over pairs; `None`: not measured."""
    rescaled: bool = False
    """Whether verdicts count by the confidence they tell, as ReConcile does it."""

    def measured(self, verdict: Verdict) -> Verdict:
        """The verdict with its probability calibrated, where its judge was measured."""
        known = self.reliability.get(verdict.judge)
        return verdict if known is None else known.calibrated(verdict)

    def votes(self, verdicts: Sequence[Verdict]) -> Votes:
        """What they come to; `unknown` is no vote."""
        told = [verdict for verdict in verdicts if verdict.label != "unknown"]
        counts = [self._evidence(verdict) for verdict in told]
        total, weight = sum(counts), sum(map(abs, counts))
        labels = [verdict.label for verdict in verdicts]
        return Votes(
            total=total,
            margin=abs(total) / weight if weight else 0.0,
            correct=labels.count("correct"),
            incorrect=labels.count("incorrect"),
            p_correct=self._probability(told, total),
            n_eff=self._worth(len(told)),
            same=len(told) == len(labels) > 0 and len(set(labels)) == 1,
        )

    def decided(self, votes: Votes, waiting: Iterable[str]) -> Lead | None:
        """Why no other judge is needed.

        Args:
            votes: So far.
            waiting: The names of the judges that have not been asked.
        """
        left = sum(self._most(judge) for judge in waiting)
        if abs(votes.total) > left + _EVEN:
            return "unanimous" if votes.same else "lead"
        likely = self._sure(votes)
        return "posterior" if likely is not None and likely > SURE else None

    def _evidence(self, verdict: Verdict) -> float:
        """What a verdict says for the answer, or, below 0, against it.

        Of a judge that was measured, log-odds: of its calibrated probability, or that a verdict of
        it is right. A few labels do not make it as sure as it may seem from them.
        """
        sign = 1 if verdict.label == "correct" else -1
        known = self.reliability.get(verdict.judge)
        if known is None:
            return sign * (_rescaled(verdict.confidence) if self.rescaled else 1.0)
        if known.calibration is None or verdict.p_correct is None:
            return sign * known.weight
        most = _bound(known)
        return min(max(logit(verdict.p_correct), -most), most)

    def _most(self, judge: str) -> float:
        """The most that a verdict of a judge may count."""
        known = self.reliability.get(judge)
        if known is None:
            return 1.0
        return abs(known.weight) if known.calibration is None else _bound(known)

    def _probability(self, told: Sequence[Verdict], total: float) -> float | None:
        if not told:
            return None
        if self.reliability:
            return from_logit(total / self._inflation(len(told)))
        likely = [verdict.probability for verdict in told]
        known = [p for p in likely if p is not None]
        if len(known) < len(likely):
            return None
        mean = sum(known) / len(known)
        return mean if (mean - 0.5) * total > 0 else 0.5

    def _sure(self, votes: Votes) -> float | None:
        """Probability that the leading label is right, or stays in the lead."""
        if self.reliability:
            return None if votes.p_correct is None else max(votes.p_correct, 1 - votes.p_correct)
        if self.rescaled:
            return None
        return leads(max(votes.correct, votes.incorrect), min(votes.correct, votes.incorrect))

    def _inflation(self, judges: int) -> float:
        """By how much the evidence of judges that err together is too large."""
        return judges / effective_judges(judges, self.correlation or 0.0)

    def _worth(self, judges: int) -> float | None:
        return None if self.correlation is None else effective_judges(judges, self.correlation)


def _bound(known: Reliability) -> float:
    """Log-odds of a judge without a mistake on its labels (Laplace's rule of succession)."""
    return logit((known.labels + 1) / (known.labels + 2))


def _rescaled(confidence: float | None) -> float:
    if confidence is None or confidence <= 0.6:
        return 0.1
    return next(weight for bound, weight in RESCALED if confidence >= bound)
