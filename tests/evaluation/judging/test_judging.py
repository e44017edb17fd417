"""What is computed of verdicts: calibrations and leaderboards of judges that were made up."""

import math
from random import Random

import pytest

from agentsys import UserError, step
from agentsys.calibration import Isotonic
from agentsys.evaluation.judging import board as boards
from agentsys.evaluation.judging.calibration import calibrate, require_measurable
from agentsys.evaluation.judging.gold import Gold, Item
from agentsys.evaluation.judging.identity import Identity
from agentsys.evaluation.judging.judge import Given, Judge
from agentsys.evaluation.judging.kept import Kept
from agentsys.evaluation.judging.matchups import matchups
from agentsys.evaluation.judging.verdicts import Verdicts
from agentsys.patterns.judging import Pair, Preference
from agentsys.reliability import Reliability
from agentsys.verdict import Candidate, Verdict


@step
async def nobody(candidate: Candidate[int, int]) -> Verdict:
    return Verdict(label="unknown")


def judge(name: str) -> Judge:
    return Judge(nobody, Identity(name, "p", ("slm: m 1",)))


def gold(n: int) -> Gold:
    """As many wrong answers as right ones, each wrong at step 2."""
    items = (Item(f"{at}", at, at, at % 2 == 0, None if at % 2 == 0 else 2) for at in range(n))
    return Gold("gold.jsonl", tuple(items))


def given(label: str, p: float | None = None, *, step: int | None = None, usd: float = 0) -> Given:
    verdict = Verdict.model_validate({"label": label, "p_correct": p, "failing_step": step})
    return Given(verdict, round(usd * 1e9), 10, 0.1)


FAILED = Given(None, 5_000, 10, 0.1, "it broke.")


def verdicts(of: Gold, **judged: list[Given]) -> Verdicts:
    by = {
        name: {item.digest: each for item, each in zip(of.items, list_, strict=True)}
        for name, list_ in judged.items()
    }
    return Verdicts(of, by, 0)


def ranked(found: Verdicts, kept: dict[str, Kept]) -> boards.Board:
    return boards.board([judge(name) for name in found.given], found, kept)


def noisy(of: Gold, accuracy: float, told: float, seed: int = 1) -> list[Given]:
    """A judge that is right so often, and says that it is right with another probability."""
    draw, found = Random(seed), list[Given]()
    for item in of.items:
        says = item.correct == (draw.random() < accuracy)
        p = draw.uniform(told - 0.02, told + 0.02)
        found.append(given("correct" if says else "incorrect", p if says else 1 - p))
    return found


def test_a_boastful_judge_is_brought_down():
    """Isotonic from 200 labels on: of what it was sure, it says how often it is right."""
    of = gold(800)
    row, kept = calibrate(judge("j"), verdicts(of, j=noisy(of, 0.7, 0.97)), 0)
    assert (row.labels, row.held_out, row.method) == (400, 400, "isotonic")
    assert row.ece == pytest.approx(0.27, abs=0.05)
    assert row.ece_calibrated is not None
    assert row.ece_calibrated < 0.08
    assert row.brier_calibrated is not None
    assert row.brier is not None
    assert row.brier_calibrated < row.brier
    assert kept is not None
    assert isinstance(kept.reliability.calibration, Isotonic)
    assert kept.reliability.calibrated(Verdict(label="correct", p_correct=0.97)).p_correct == (
        pytest.approx(0.7, abs=0.1)
    )


def test_what_is_kept_comes_of_one_half():
    """Nothing of the held-out half is in it, and it says which items it was fitted on."""
    of = gold(60)
    fit, held_out = of.halves(0)
    right = {item.digest for item in fit.items}
    judged = [
        given("correct" if item.correct == (item.digest in right) else "incorrect", 0.5)
        for item in of.items
    ]
    row, kept = calibrate(judge("j"), verdicts(of, j=judged), 0)
    assert (row.accuracy, row.held_out_accuracy) == (1, 0)
    assert kept is not None
    assert set(kept.fitted_on) == right
    assert not right & {item.digest for item in held_out.items}


def test_a_judge_that_decides_nothing_is_not_kept():
    """Nobody knows what it is worth; its abstentions are counted."""
    of = gold(40)
    judged = [given("unknown"), FAILED] * 20
    row, kept = calibrate(judge("j"), verdicts(of, j=judged), 0)
    assert kept is None
    assert (row.labels, row.weight, row.abstention_rate, row.failed) == (0, None, 1, 20)


@pytest.mark.parametrize(
    ("of", "said"),
    [
        (gold(19), "has 19 items: too few"),
        (Gold("g", gold(60).items[::2]), "has no incorrect answers"),
        (Gold("g", gold(60).items[1::2]), "has no correct answers"),
    ],
)
def test_gold_sets_that_measure_nothing(of: Gold, said: str):
    """Too few, or of one label: a judge that always says it would look perfect."""
    with pytest.raises(UserError, match=said):
        require_measurable(of, [judge("j")])


def test_figures_of_a_judge():
    """Counts that are known: errors found, answers refused, steps, abstentions, cost."""
    of = gold(10)  # right, wrong, right, wrong, …
    judged = [
        given("correct", usd=0.01),
        given("incorrect", step=2, usd=0.01),
        given("incorrect", usd=0.01),
        given("incorrect", step=1, usd=0.01),
        given("unknown", usd=0.01),
        given("correct", usd=0.01),
        given("correct", usd=0.02),
        FAILED,
        given("correct"),
        given("unknown", step=2),
    ]
    (row,) = ranked(verdicts(of, j=judged), {}).judges
    assert (row.accuracy, row.found, row.refused) == (5 / 10, 2 / 5, 1 / 5)
    assert (row.step_rate, row.abstention_rate, row.failed) == (1 / 2, 3 / 10, 1)
    assert row.nano_usd == 80_005_000
    assert row.usd_per_verdict == pytest.approx(0.080005 / 9)
    assert row.usd_per_correct == pytest.approx(0.080005 / 5)
    assert row.tokens_per_verdict == pytest.approx(100 / 9)
    assert row.usd_per_correct_ci is not None
    # of seven that are decided, five are right; by chance, 4/7 · 4/7 + 3/7 · 3/7 would be
    assert row.kappa == pytest.approx((5 / 7 - 25 / 49) / (1 - 25 / 49))


def test_calibration_is_judged_on_other_items():
    """What a calibration was fitted on does not count for it; where nothing is left, no number."""
    of = gold(40)
    judged = noisy(of, 0.8, 0.9)
    trusted = Reliability(0.8, 20, Isotonic((0.0, 1.0), (0.5, 0.5)))
    used = tuple(item.digest for item in of.items[:30])
    kept = Kept(judge("j").identity, trusted, "other.jsonl", used)
    (row,) = ranked(verdicts(of, j=judged), {"j": kept}).judges
    labels = [item.correct for item in of.items[30:]]
    assert row.ece_calibrated == pytest.approx(abs(0.5 - sum(labels) / 10))
    every = Kept(kept.identity, trusted, "g", tuple(item.digest for item in of.items))
    (row,) = ranked(verdicts(of, j=judged), {"j": every}).judges
    assert row.ece_calibrated is None


def test_judges_that_err_alike_are_worth_fewer():
    """A copy of a judge adds nothing, one that errs elsewhere does."""
    of = gold(300)
    same = noisy(of, 0.8, 0.8, seed=1)
    twins = ranked(verdicts(of, a=same, b=same), {}).agreement
    others = ranked(verdicts(of, a=same, b=noisy(of, 0.8, 0.8, seed=2)), {}).agreement
    assert twins is not None
    assert others is not None
    assert twins.effective_judges == pytest.approx(1)
    assert (twins.fleiss_kappa, twins.gwet_ac1, twins.krippendorff_alpha) == pytest.approx(
        (1, 1, 1)
    )
    assert others.effective_judges is not None
    assert others.effective_judges > 1.7


def test_judges_that_never_err_have_no_correlation():
    """There is no number where there is nothing to compare, and no crash."""
    of = gold(20)
    perfect = [given("correct" if item.correct else "incorrect") for item in of.items]
    found = ranked(verdicts(of, a=perfect, b=perfect), {})
    assert found.agreement is not None
    assert found.agreement.effective_judges is None
    assert found.pairs[0].error_correlation is None
    assert [row.rating for row in found.judges] == [1_000, 1_000]


def test_judges_without_any_verdict_are_ranked_last():
    """A judge all of whose runs failed has nothing right, and costs what it cost."""
    of = gold(20)
    perfect = [given("correct" if item.correct else "incorrect") for item in of.items]
    found = ranked(verdicts(of, broken=[FAILED] * 20, good=perfect), {})
    assert [row.graph for row in found.judges] == ["good", "broken"]
    last = found.judges[1]
    assert (last.accuracy, last.usd_per_verdict, last.usd_per_correct) == (0, None, None)
    assert last.nano_usd == 100_000
    assert found.agreement is not None
    assert found.agreement.krippendorff_alpha is None


def compared(first: float, swapped: float, *, told: bool = True) -> Given:
    return Given(Preference.of(first, swapped, told=told), 1_000, 10, 0.1)


def of_pairs(name: str) -> Judge:
    return Judge(nobody_compares, Identity(name, "p", ("slm: m 1",)))


@step
async def nobody_compares(pair: Pair[int, int]) -> Preference:
    return Preference.of(0.5, 0.5)


def paired(n: int) -> Gold:
    items = [Item(f"{at}.{c}", at, [at, c], c) for at in range(n) for c in (True, False)]
    return Gold("gold.jsonl", tuple(items))


def test_judges_of_pairs_are_ranked_by_pairs():
    """Who prefers the correct answer in both orders is right; a flip is a tie, and is counted."""
    of = paired(40)
    pairs = matchups(of)
    surely = [(0.9, 0.1) if pair.correct_first else (0.1, 0.9) for pair in pairs]
    judged = [compared(0.9, 0.9) if at < 10 else compared(*surely[at]) for at in range(40)]
    by = {"p": {pair.digest: each for pair, each in zip(pairs, judged, strict=True)}}
    (row,) = boards.board([of_pairs("p")], Verdicts(of, by, 0), {}).judges
    assert (row.items, row.accuracy, row.abstention_rate) == (40, 0.75, 0.25)
    assert row.order_flip_rate == 0.25
    assert row.position_bias == pytest.approx(math.log(9) / 4)
    assert row.position_bias_ci is not None
    assert row.position_bias_ci[0] > 0
    assert (row.rating, row.kappa, row.found) == (None, None, None)
    assert row.brier == pytest.approx((10 * 0.25 + 30 * 0.01) / 40)


def test_judges_of_pairs_come_after_the_others():
    """They are not on the same items: no rating, and no agreement with those."""
    of = paired(40)
    pairs = matchups(of)
    single = [given("correct") for _ in of.items]
    by = {
        "p": {pair.digest: compared(0.9, 0.1, told=False) for pair in pairs},
        "s": {item.digest: each for item, each in zip(of.items, single, strict=True)},
    }
    found = boards.board([of_pairs("p"), judge("s")], Verdicts(of, by, 0), {})
    assert [row.graph for row in found.judges] == ["s", "p"]
    assert (found.agreement, found.pairs) == (None, ())
    last = found.judges[1]
    assert (last.order_flip_rate, last.position_bias, last.brier) == (0, None, None)
    assert last.accuracy == sum(pair.correct_first for pair in pairs) / 40


def test_judges_of_pairs_are_not_calibrated():
    """What is kept is of verdicts: that is said, with what to do."""
    with pytest.raises(UserError, match="'p' judges pairs, of which nothing is fitted"):
        require_measurable(gold(60), [of_pairs("p")])
