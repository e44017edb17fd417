"""Measuring a judge on one part of a gold set, and how well that holds on the other."""

from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict

from agentsys.calibration import Isotonic, Platt
from agentsys.errors import UserError
from agentsys.evaluation.calibrating import brier, fit_probability
from agentsys.evaluation.judging.gold import Gold, Item
from agentsys.evaluation.judging.judge import Given, Judge
from agentsys.evaluation.judging.kept import Kept
from agentsys.evaluation.judging.verdicts import Verdicts
from agentsys.evaluation.separation import calibration_error
from agentsys.evaluation.statistics import wilson
from agentsys.reliability import Reliability
from agentsys.schema import JsonObject

FEWEST = 20
"""Items of a gold set below which there is nothing to measure."""


class Calibrated(BaseModel):
    """What was measured of a judge: how it is weighed, and how that holds on the held-out part."""

    model_config = ConfigDict(frozen=True)

    graph: str
    judge: str
    """Digest of who was measured: graph, prompts, code and models."""
    models: tuple[str, ...]
    labels: int
    """Decided verdicts on the part that was fitted on."""
    accuracy: float | None
    """The share of them that were right."""
    weight: float | None
    """Of a vote."""
    method: str | None
    """`isotonic` or `platt`; none for a judge that tells no probabilities."""
    held_out: int
    held_out_accuracy: float
    """The share of all items; an abstention is not right."""
    held_out_ci: tuple[float, float] | None
    abstention_rate: float
    ece: float | None
    """Expected calibration error of the probability that an answer is correct, as told."""
    ece_calibrated: float | None
    brier: float | None
    brier_calibrated: float | None
    failed: int
    """Runs without a verdict, on both parts."""
    nano_usd: int
    """What all verdicts cost, whenever they were paid."""

    def to_json(self) -> JsonObject:
        """Stable JSON data."""
        return self.model_dump(mode="json")


def require_measurable(gold: Gold, judges: Sequence[Judge]) -> None:
    """Make sure that something can be measured.

    Raises:
        UserError: it cannot.
    """
    for judge in judges:
        if judge.of_pairs:
            raise UserError(
                f"The graph {judge.name!r} judges pairs, of which nothing is fitted.",
                hint="'agentsys judge leaderboard' has its figures.",
            )
    if len(gold.items) < FEWEST:
        raise UserError(
            f"{gold.name} has {len(gold.items)} items: too few to measure anything.",
            hint=f"Give {FEWEST} or more, half of them for fitting.",
        )
    for correct, word in ((True, "correct"), (False, "incorrect")):
        if correct not in gold.labels:
            raise UserError(
                f"{gold.name} has no {word} answers.",
                hint="A judge that always says the other would look perfect.",
            )


def calibrate(judge: Judge, verdicts: Verdicts, seed: int) -> tuple[Calibrated, Kept | None]:
    """What a judge is worth, and what to keep of it.

    Fitted on one half of the gold set and measured on the other. Nothing is kept of a judge that
    decided nothing.

    Args:
        judge: Who has judged.
        verdicts: What it said.
        seed: Of how the gold set is divided.
    """
    fit, held_out = verdicts.gold.halves(seed)
    reliability = _reliability(fit, verdicts.of(judge.name, fit.items), judge.identity.digest)
    row = _row(judge, verdicts, held_out, reliability)
    if reliability is None:
        return row, None
    used = tuple(item.digest for item in fit.items)
    return row, Kept(judge.identity, reliability, verdicts.gold.name, used)


def told(items: Sequence[Item], given: Sequence[Given]) -> tuple[list[float], list[bool]]:
    """The probabilities that answers are correct, where they were told, and the labels."""
    pairs = [
        (p, item.correct)
        for item, each in zip(items, given, strict=True)
        if each.verdict is not None and (p := each.verdict.probability) is not None
    ]
    return [p for p, _ in pairs], [correct for _, correct in pairs]


def error_of(probabilities: Sequence[float], labels: Sequence[bool]) -> float | None:
    """Expected calibration error; `None` of nothing."""
    found = calibration_error(probabilities, labels)
    return None if found is None else found.value


def _reliability(gold: Gold, given: Sequence[Given], judge: str) -> Reliability | None:
    """`None` of a judge that decided nothing."""
    pairs = zip(gold.items, given, strict=True)
    decided = [each.right(item) for item, each in pairs if each.decided]
    if not decided:
        return None
    probabilities, labels = told(gold.items, given)
    fitted = fit_probability(probabilities, labels) if probabilities else None
    return Reliability(sum(decided) / len(decided), len(decided), fitted, judge)


def _row(
    judge: Judge, verdicts: Verdicts, held_out: Gold, measured: Reliability | None
) -> Calibrated:
    given, every = verdicts.of(judge.name, held_out.items), verdicts.of(judge.name)
    right = sum(g.right(item) for item, g in zip(held_out.items, given, strict=True))
    count = len(given)
    probabilities, labels = told(held_out.items, given)
    calibration = None if measured is None else measured.calibration
    mended = [] if calibration is None else [calibration(p) for p in probabilities]
    return Calibrated(
        graph=judge.name,
        judge=judge.identity.digest,
        models=judge.identity.models,
        labels=0 if measured is None else measured.labels,
        accuracy=None if measured is None else measured.accuracy,
        weight=None if measured is None else measured.weight,
        method=_METHODS.get(type(calibration)),
        held_out=count,
        held_out_accuracy=right / count,
        held_out_ci=wilson(right, count),
        abstention_rate=sum(not g.decided for g in given) / count,
        ece=error_of(probabilities, labels),
        ece_calibrated=error_of(mended, labels[: len(mended)]),
        brier=brier(probabilities, labels).value,
        brier_calibrated=brier(mended, labels[: len(mended)]).value,
        failed=sum(g.verdict is None for g in every),
        nano_usd=sum(g.nano_usd for g in every),
    )


_METHODS: dict[type, str] = {Isotonic: "isotonic", Platt: "platt"}
