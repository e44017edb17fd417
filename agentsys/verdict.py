"""What is judged, and the judgement: the types that judges of any kind take and give."""

from typing import Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field

X = TypeVar("X")
Y = TypeVar("Y")

Label = Literal["correct", "incorrect", "unknown"]


class Candidate(BaseModel, Generic[X, Y]):
    """A task and the answer under judgement. It has no reference: judges do not see one."""

    model_config = ConfigDict(frozen=True)

    task: X
    answer: Y


class Verdict(BaseModel):
    """A judgement of one answer."""

    model_config = ConfigDict(frozen=True)

    label: Label
    confidence: float | None = Field(default=None, ge=0, le=1)
    """Probability of the label, as the judge's model gave it; `None` where it told none."""
    p_correct: float | None = Field(default=None, ge=0, le=1)
    """Probability that the answer is correct, calibrated where the judge is."""
    failing_step: int | None = Field(default=None, ge=1)
    """The first step that is wrong, from 1."""
    evidence: tuple[str, ...] = ()
    """What the judge quotes from the answer."""
    unfounded: tuple[str, ...] = ()
    """What it gave for quotes, and what does not stand in the answer."""
    reason: str = ""
    """In the judge's words."""
    judge: str = ""
    """Who judged."""

    @property
    def probability(self) -> float | None:
        """That the answer is correct, as the verdict has it; `None` where it does not say."""
        if self.p_correct is not None or self.confidence is None or self.label == "unknown":
            return self.p_correct
        return self.confidence if self.label == "correct" else 1 - self.confidence

    @property
    def objection(self) -> str:
        """Why the answer will not do; empty where it will, or nobody can tell."""
        if self.label != "incorrect":
            return ""
        told = self.reason or "; ".join(self.evidence)
        where = f" at step {self.failing_step}" if self.failing_step else ""
        return f"{self.judge or 'a judge'} finds it wrong{where}{': ' + told if told else '.'}"
