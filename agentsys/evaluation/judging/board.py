"""Judges side by side on the same items, as JudgeBoard has them, and how far they agree."""

from collections.abc import Mapping, Sequence

from pydantic import BaseModel, ConfigDict

from agentsys.evaluation.judging.agreement import (
    cohen_kappa,
    fleiss_kappa,
    gwet_ac1,
    krippendorff_alpha,
)
from agentsys.evaluation.judging.judge import Judge
from agentsys.evaluation.judging.kept import Kept
from agentsys.evaluation.judging.matchups import matchups
from agentsys.evaluation.judging.ratings import bradley_terry, error_correlations, mean_correlation
from agentsys.evaluation.judging.standing import Standing, opinions, standing, standing_of_pairs
from agentsys.evaluation.judging.verdicts import Verdicts
from agentsys.evaluation.statistics import Measured, paired_success
from agentsys.reliability import effective_judges
from agentsys.schema import JsonObject

Opinions = Mapping[str, Sequence[bool | None]]


class Agreement(BaseModel):
    """How far judges agree with each other beyond chance, whatever the labels say."""

    model_config = ConfigDict(frozen=True)

    fleiss_kappa: float | None
    fleiss_kappa_ci: tuple[float, float] | None
    gwet_ac1: float | None
    gwet_ac1_ci: tuple[float, float] | None
    krippendorff_alpha: float | None
    krippendorff_alpha_ci: tuple[float, float] | None
    error_correlation: float | None
    """Of their mistakes, the mean over pairs."""
    effective_judges: float | None
    """As many judges that err independently they are worth."""


class Against(BaseModel):
    """Two judges on the same items, the better one first."""

    model_config = ConfigDict(frozen=True)

    graphs: tuple[str, str]
    accuracy_difference: float | None
    accuracy_difference_ci: tuple[float, float] | None
    kappa: float | None
    kappa_ci: tuple[float, float] | None
    error_correlation: float | None
    error_correlation_ci: tuple[float, float] | None


class Board(BaseModel):
    """A leaderboard, the best judge first."""

    model_config = ConfigDict(frozen=True)

    gold: str
    items: int
    judges: tuple[Standing, ...]
    agreement: Agreement | None
    """None of one judge alone."""
    pairs: tuple[Against, ...]

    def to_json(self) -> JsonObject:
        """Stable JSON data."""
        return self.model_dump(mode="json")


def board(judges: Sequence[Judge], verdicts: Verdicts, kept: Mapping[str, Kept]) -> Board:
    """The leaderboard of all who have judged, by accuracy; judges of pairs come last.

    Args:
        judges: Who has judged.
        verdicts: What they said.
        kept: What was measured of them before, by the names of their graphs.
    """
    items, pairs = verdicts.gold.items, matchups(verdicts.gold)
    right = {
        judge.name: [
            each.right(item) for item, each in zip(items, verdicts.of(judge.name), strict=True)
        ]
        for judge in judges
        if not judge.of_pairs
    }
    names = sorted(right, key=lambda name: (-sum(right[name]), name))
    table = [*zip(*(right[name] for name in names), strict=True)]
    correlations = error_correlations(table)
    held = {name: opinions(verdicts.of(name)) for name in names}
    compared = [
        standing_of_pairs(judge.name, pairs, verdicts.of(judge.name, pairs))
        for judge in judges
        if judge.of_pairs
    ]
    return Board(
        gold=verdicts.gold.name,
        items=len(items),
        judges=(
            *(
                standing(name, items, verdicts.of(name), rating, kept.get(name))
                for name, rating in zip(names, bradley_terry(table), strict=True)
            ),
            *sorted(compared, key=lambda row: (-row.accuracy, row.graph)),
        ),
        agreement=_agreement(held, [*correlations.values()]) if len(names) > 1 else None,
        pairs=tuple(
            _against((names[a], names[b]), right, held, correlation)
            for (a, b), correlation in correlations.items()
        ),
    )


def _agreement(held: Opinions, correlations: Sequence[Measured]) -> Agreement:
    table = [*zip(*held.values(), strict=True)]
    kappa, alpha = fleiss_kappa(table), krippendorff_alpha(table)
    ac1 = gwet_ac1(table, categories=2)
    mean = mean_correlation(correlations)
    return Agreement(
        fleiss_kappa=kappa.value,
        fleiss_kappa_ci=kappa.interval,
        gwet_ac1=ac1.value,
        gwet_ac1_ci=ac1.interval,
        krippendorff_alpha=alpha.value,
        krippendorff_alpha_ci=alpha.interval,
        error_correlation=mean,
        effective_judges=None if mean is None else effective_judges(len(held), mean),
    )


def _against(
    graphs: tuple[str, str],
    right: Mapping[str, Sequence[bool]],
    held: Opinions,
    correlation: Measured,
) -> Against:
    first, second = graphs
    difference = paired_success(right[first], right[second])
    kappa = cohen_kappa(held[first], held[second])
    return Against(
        graphs=graphs,
        accuracy_difference=difference.value,
        accuracy_difference_ci=difference.interval,
        kappa=kappa.value,
        kappa_ci=kappa.interval,
        error_correlation=correlation.value,
        error_correlation_ci=correlation.interval,
    )
