"""From what a model says to a verdict: with evidence that stands in the answer, and calibrated."""

from typing import Any, TypeVar, cast

from pydantic import BaseModel, Field

from agentsys.calibration import Isotonic, Platt
from agentsys.choosing import Choice
from agentsys.patterns.judging.evidence import sorted_out
from agentsys.verdict import Candidate, Label, Verdict

C = TypeVar("C", bound=str)

Calibration = Platt | Isotonic
"""From the probability that a judge tells to what that has meant."""


class Ruling(BaseModel, frozen=True):
    """What a model says that reasons before it judges."""

    reasoning: str
    evidence: tuple[str, ...] = Field(max_length=4)
    """Words copied from the answer."""
    failing_step: int | None = Field(ge=1, le=99)
    verdict: Label
    confidence: float = Field(ge=0, le=1)


def agrees_with_itself(_: object, ruling: Ruling) -> bool | str:
    """Either a step fails, or the answer is correct."""
    both = ruling.verdict == "correct" and ruling.failing_step is not None
    return not both or f"it finds step {ruling.failing_step} wrong and the answer correct."


def of_ruling(ruling: Ruling, candidate: Candidate[Any, Any], answer: Any) -> Verdict:
    """A ruling as a verdict.

    Args:
        ruling: What the model said.
        candidate: What it judges.
        answer: The type of the answer.
    """
    evidence, unfounded = sorted_out(ruling.evidence, candidate.answer, answer)
    told = ruling.confidence if ruling.verdict == "correct" else 1 - ruling.confidence
    return Verdict(
        label=ruling.verdict,
        confidence=ruling.confidence,
        p_correct=None if ruling.verdict == "unknown" else told,
        failing_step=ruling.failing_step,
        evidence=evidence,
        unfounded=unfounded,
        reason=ruling.reasoning,
    )


def of_choice(choice: Choice[C]) -> Verdict:
    """A decision among `correct`, `incorrect` and perhaps `unknown` as a verdict.

    Its confidence is of the label against the opposite one, so that nothing is lost where there is
    a third.
    """
    label, likely = (
        cast(Label, choice.choice),
        cast("dict[str, float] | None", choice.probabilities),
    )
    if likely is None:
        return Verdict(label=label)
    told = likely["correct"] + likely["incorrect"]
    p = likely["correct"] / told if told else 0.5
    sure = {"correct": p, "incorrect": 1 - p}.get(label, likely.get(label))
    return Verdict(label=label, confidence=sure, p_correct=p)


def calibrated(verdict: Verdict, calibration: Calibration | None, sure: float) -> Verdict:
    """The verdict with its probability calibrated; `unknown` where its label is not `sure`."""
    told = verdict.probability
    if told is None:
        return verdict
    p = calibration(told) if calibration is not None else told
    verdict = verdict.model_copy(update={"p_correct": p})
    likely = p if verdict.label == "correct" else 1 - p
    if verdict.label == "unknown" or likely >= sure:
        return verdict
    reason = f"it is {verdict.label} with probability {likely:.2f} only. {verdict.reason}".strip()
    return verdict.model_copy(update={"label": "unknown", "reason": reason})
