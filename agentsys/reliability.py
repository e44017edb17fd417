"""How far a judge can be trusted, as measured on answers whose labels are known."""

from dataclasses import dataclass

from agentsys.calibration import Isotonic, Platt, logit
from agentsys.verdict import Verdict


@dataclass(frozen=True, slots=True)
class Reliability:
    """What was measured of a judge. A value: store it as it is."""

    accuracy: float
    """The share of its decided verdicts that were right; abstentions do not count."""
    labels: int
    """How many verdicts that is a share of."""
    calibration: Platt | Isotonic | None = None
    """From what the judge says to what that has meant; `None` where it told no probabilities."""
    judge: str = ""
    """Digest of who was measured: graph, prompts and models."""

    @property
    def weight(self) -> float:
        """Of a vote: the log-odds that it is right, optimal where judges err independently.

        Two more labels, one right and one wrong, keep it finite (Laplace's rule of succession): a
        judge without a mistake on ten labels weighs 2.4, one without labels nothing, and one that
        is mostly wrong counts for the opposite.
        """
        return logit((self.accuracy * self.labels + 1) / (self.labels + 2))

    def calibrated(self, verdict: Verdict) -> Verdict:
        """The verdict with its `p_correct` calibrated; its label stays."""
        told = verdict.probability
        if told is None or self.calibration is None:
            return verdict
        return verdict.model_copy(update={"p_correct": self.calibration(told)})


def effective_judges(judges: int, correlation: float) -> float:
    """How many independent judges as many as these are worth whose errors are correlated.

    `n/(1+(n-1)rho)`, the design effect (Kish 1965): with 0.5, three are worth 1.5 and seven 1.75.
    Negative correlations count as none.
    """
    return judges / (1 + (judges - 1) * max(correlation, 0.0)) if judges else 0.0
