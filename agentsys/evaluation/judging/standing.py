"""The figures of one judge on a gold set.

| figure | is |
|---|---|
| `accuracy` | verdicts as the label has it / items; an abstention, or no verdict, is not right |
| `rating` | Bradley and Terry's, see `agentsys.evaluation.judging.ratings`; 1000 is the mean |
| `kappa` | Cohen's, of the verdicts that decide and the labels |
| `found` | of the incorrect answers, those that are said to be |
| `refused` | of the correct answers, those that are said to be incorrect |
| `step_rate` | of the errors that are found with a step named, those with the right step |
| `abstention_rate` | items without a verdict that decides / items |
| `order_flip_rate` | pairs of which another answer is better in the other order / pairs |
| `position_bias` | mean log-odds by which the first place is preferred |
| `ece`, `brier` | of the probability that an answer is correct, as told |
| `ece_calibrated` | the same calibrated, on the items that the calibration was not fitted on |
| `usd_per_verdict` | what all runs cost / verdicts |
| `usd_per_correct` | what all runs cost / right verdicts |

A judge of pairs is right where it prefers the correct answer, and a tie is an abstention; its
probability is that of `a`, which is correct in half of the pairs. It has none of the figures that
are of single answers, nor do judges of these have those of pairs.

Intervals are Wilson's of shares, else bootstrap over items, 95 %.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict

from agentsys.evaluation.calibrating import brier
from agentsys.evaluation.judging.agreement import cohen_kappa
from agentsys.evaluation.judging.calibration import error_of, told
from agentsys.evaluation.judging.gold import Item
from agentsys.evaluation.judging.judge import Given, Shown
from agentsys.evaluation.judging.kept import Kept
from agentsys.evaluation.judging.matchups import Matchup
from agentsys.evaluation.statistics import Measured, mean, ratio_interval, wilson
from agentsys.money import NANO_PER_USD


class Standing(BaseModel):
    """The figures of one judge; the formulas are in this module's docstring."""

    model_config = ConfigDict(frozen=True)

    graph: str
    items: int
    accuracy: float
    accuracy_ci: tuple[float, float] | None
    rating: float | None = None
    rating_ci: tuple[float, float] | None = None
    kappa: float | None = None
    kappa_ci: tuple[float, float] | None = None
    found: float | None = None
    refused: float | None = None
    step_rate: float | None = None
    abstention_rate: float
    order_flip_rate: float | None = None
    position_bias: float | None = None
    position_bias_ci: tuple[float, float] | None = None
    ece: float | None = None
    ece_calibrated: float | None = None
    brier: float | None = None
    usd_per_verdict: float | None
    usd_per_correct: float | None
    usd_per_correct_ci: tuple[float, float | None] | None
    tokens_per_verdict: float | None
    failed: int
    """Runs without a verdict; they are tried again when the judge is asked again."""
    nano_usd: int


def standing(
    graph: str, items: Sequence[Item], given: Sequence[Given], rating: Measured, kept: Kept | None
) -> Standing:
    """The figures of a judge.

    Args:
        graph: Its name.
        items: What it has judged.
        given: What it said, in the same order.
        rating: Among the others.
        kept: What was measured of it before.
    """
    pairs = list(zip(items, given, strict=True))
    kappa = cohen_kappa(opinions(given), [item.correct for item in items])
    probabilities, labels = told(items, given)
    return Standing(
        graph=graph,
        **_counts(items, given),
        rating=rating.value,
        rating_ci=rating.interval,
        kappa=kappa.value,
        kappa_ci=kappa.interval,
        found=share(each.right(item) for item, each in pairs if not item.correct),
        refused=share(each.says("incorrect") for item, each in pairs if item.correct),
        step_rate=share(_steps(pairs)),
        ece=error_of(probabilities, labels),
        ece_calibrated=_mended(pairs, kept),
        brier=brier(probabilities, labels).value,
    )


def standing_of_pairs(graph: str, shown: Sequence[Matchup], given: Sequence[Given]) -> Standing:
    """The figures of a judge of pairs.

    Args:
        graph: Its name.
        shown: The pairs.
        given: What it said, in the same order.
    """
    said = [
        (each.preference, pair)
        for pair, each in zip(shown, given, strict=True)
        if each.preference is not None
    ]
    told = [(p, p.position_bias, pair) for p, pair in said if p.position_bias is not None]
    bias = mean([each for _, each, _ in told])
    probabilities = [p.p_a for p, _, _ in told]
    labels = [pair.correct_first for _, _, pair in told]
    return Standing(
        graph=graph,
        **_counts(shown, given),
        order_flip_rate=share(not preference.consistent for preference, _ in said),
        position_bias=bias.value,
        position_bias_ci=bias.interval,
        ece=error_of(probabilities, labels),
        brier=brier(probabilities, labels).value,
    )


def _counts(shown: Sequence[Shown], given: Sequence[Given]) -> dict[str, Any]:
    """What is counted of judges of every kind."""
    right = [each.right(what) for what, each in zip(shown, given, strict=True)]
    cost, said = sum(each.nano_usd for each in given), sum(each.said is not None for each in given)
    interval = ratio_interval([each.nano_usd / NANO_PER_USD for each in given], right)
    return {
        "items": len(shown),
        "accuracy": sum(right) / len(shown),
        "accuracy_ci": wilson(sum(right), len(shown)),
        "abstention_rate": sum(not each.decided for each in given) / len(shown),
        "usd_per_verdict": _usd_per(cost, said),
        "usd_per_correct": _usd_per(cost, sum(right)),
        "usd_per_correct_ci": interval if any(right) else None,
        "tokens_per_verdict": sum(g.tokens for g in given) / said if said else None,
        "failed": len(given) - said,
        "nano_usd": cost,
    }


def opinions(given: Sequence[Given]) -> list[bool | None]:
    """Whether a judge holds each answer for correct; `None` where it does not decide."""
    return [each.says("correct") if each.decided else None for each in given]


def share(values: Iterable[bool]) -> float | None:
    """How many of them are true; `None` of nothing."""
    every = list(values)
    return sum(every) / len(every) if every else None


def _steps(pairs: Sequence[tuple[Item, Given]]) -> Iterable[bool]:
    """Of errors that were found: whether the step that was named is the one."""
    for item, each in pairs:
        named = each.verdict.failing_step if each.verdict is not None else None
        if each.right(item) and named and item.failing_step:
            yield named == item.failing_step


def _mended(pairs: Sequence[tuple[Item, Given]], kept: Kept | None) -> float | None:
    """The calibration error that is left, on items that were not fitted on."""
    if kept is None or kept.reliability.calibration is None:
        return None
    calibration, used = kept.reliability.calibration, set(kept.fitted_on)
    fresh = [(item, each) for item, each in pairs if item.digest not in used]
    probabilities, labels = told([item for item, _ in fresh], [each for _, each in fresh])
    return error_of([calibration(p) for p in probabilities], labels)


def _usd_per(nano_usd: int, count: int) -> float | None:
    return nano_usd / NANO_PER_USD / count if count else None
