"""What is computed of verdicts: calibrations and leaderboards of judges that were made up."""

from random import Random

import pytest

from agentsys import UserError, step
from agentsys.calibration import Isotonic
from agentsys.evaluation.judging.board import board
from agentsys.evaluation.judging.calibration import calibrate, require_enough
from agentsys.evaluation.judging.gold import Gold, Item
from agentsys.evaluation.judging.identity import Identity
from agentsys.evaluation.judging.kept import Kept
from agentsys.evaluation.judging.verdicts import Given, Judge, Verdicts
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
        require_enough(of)


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
    (row,) = board(verdicts(of, j=judged), {}).judges
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
    (row,) = board(verdicts(of, j=judged), {"j": kept}).judges
    labels = [item.correct for item in of.items[30:]]
    assert row.ece_calibrated == pytest.approx(abs(0.5 - sum(labels) / 10))
    every = Kept(kept.identity, trusted, "g", tuple(item.digest for item in of.items))
    (row,) = board(verdicts(of, j=judged), {"j": every}).judges
    assert row.ece_calibrated is None


def test_judges_that_err_alike_are_worth_fewer():
    """A copy of a judge adds nothing, one that errs elsewhere does."""
    of = gold(300)
    same = noisy(of, 0.8, 0.8, seed=1)
    twins = board(verdicts(of, a=same, b=same), {}).agreement
    others = board(verdicts(of, a=same, b=noisy(of, 0.8, 0.8, seed=2)), {}).agreement
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
    found = board(verdicts(of, a=perfect, b=perfect), {})
    assert found.agreement is not None
    assert found.agreement.effective_judges is None
    assert found.pairs[0].error_correlation is None
    assert [row.rating for row in found.judges] == [1_000, 1_000]


def test_judges_without_any_verdict_are_ranked_last():
    """A judge all of whose runs failed has nothing right, and costs what it cost."""
    of = gold(20)
    perfect = [given("correct" if item.correct else "incorrect") for item in of.items]
    found = board(verdicts(of, broken=[FAILED] * 20, good=perfect), {})
    assert [row.graph for row in found.judges] == ["good", "broken"]
    last = found.judges[1]
    assert (last.accuracy, last.usd_per_verdict, last.usd_per_correct) == (0, None, None)
    assert last.nano_usd == 100_000
    assert found.agreement is not None
    assert found.agreement.krippendorff_alpha is None
