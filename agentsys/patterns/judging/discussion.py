"""What judges tell each other, and what one of them says after it."""

from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from agentsys.patterns.judging.evidence import occurs
from agentsys.prompt import clipped
from agentsys.verdict import Candidate, Label, Verdict

X = TypeVar("X")
Y = TypeVar("Y")

MOST_QUOTES, MOST_QUOTED, MOST_REASON = 4, 300, 2_000
"""Of its evidence others see so many quotes of so many bytes; of its own reason it sees so many."""


class Opinion(BaseModel, frozen=True):
    """A verdict as other judges see it: whose it is, and how sure it is, they do not."""

    verdict: Label
    failing_step: int | None = None
    evidence: tuple[str, ...] = ()


class Discussion(BaseModel, Generic[X, Y]):
    """An answer under judgement, what one judge said of it, and what the others did."""

    model_config = ConfigDict(frozen=True)

    candidate: Candidate[X, Y]
    own: Opinion
    reasons: str = ""
    """Its own, which no other judge gets to see."""
    others: tuple[Opinion, ...]


class Revision(BaseModel, frozen=True):
    """What a judge says when it has seen the others' opinions."""

    reasoning: str
    error: str
    """What changes its mind: the error in the answer, or in its own objection to it; else empty."""
    quote: str
    """The words of the answer in which the error stands, or was wrongly seen."""
    verdict: Label
    confidence: float | None = Field(ge=0, le=1)


class Flip(BaseModel, frozen=True):
    """A judge that changed its verdict, or wanted to."""

    judge: str
    round: int
    before: Label
    after: Label
    error: str
    """That it names."""
    quote: str
    counted: bool
    """Whether the verdict was changed: the judge has named an error, and quoted where it is."""
    joined: bool
    """Whether another judge had said before what it says now: sycophancy, as it is counted in
    "Debate, Train, Evolve" (EMNLP 2025)."""


def opinion(verdict: Verdict) -> Opinion:
    """What others get to see of a verdict."""
    quotes = (clipped(quote, MOST_QUOTED) for quote in verdict.evidence[:MOST_QUOTES])
    return Opinion(verdict=verdict.label, failing_step=verdict.failing_step, evidence=tuple(quotes))


def most_bytes(candidate: float, judges: int) -> float:
    """Bytes of the JSON of a discussion of so many judges about a candidate of so many bytes."""
    signs, digits = 6, 4_301  # of a control character in JSON, and of the longest whole number
    opinion = 100 + digits + MOST_QUOTES * (signs * MOST_QUOTED + 3)
    return candidate + 100 + signs * MOST_REASON + judges * opinion


def flip(
    revision: Revision, discussed: Discussion[Any, Any], *, judge: str, number: int, answer: Any
) -> Flip | None:
    """The change of a verdict that a revision asks for; `None` where it asks for none.

    Debate is a martingale: without a reason to change that has to do with the answer, verdicts
    drift, as often away from the truth as towards it ("Debate or Vote", NeurIPS 2025). So a change
    counts only where an error is named and the words in which it stands are in the answer.
    """
    before = discussed.own.verdict
    if revision.verdict == before:
        return None
    named = bool(revision.error.strip())
    return Flip(
        judge=judge,
        round=number,
        before=before,
        after=revision.verdict,
        error=revision.error.strip(),
        quote=revision.quote,
        counted=named and occurs(revision.quote, discussed.candidate.answer, answer),
        joined=any(other.verdict == revision.verdict for other in discussed.others),
    )


def revised(verdict: Verdict, revision: Revision, found: Flip | None) -> Verdict:
    """The verdict after a revision: the same, where nothing changed that counts."""
    if found is None or not found.counted:
        return verdict
    sure = revision.confidence
    opposite = None if sure is None else 1 - sure
    p = {"correct": sure, "incorrect": opposite}.get(found.after)
    return Verdict(
        label=found.after,
        confidence=sure,
        p_correct=p,
        evidence=(found.quote,),
        reason=found.error,
        judge=verdict.judge,
    )
