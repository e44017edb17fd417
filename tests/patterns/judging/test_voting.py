"""How verdicts add up, and when no other judge is needed: the formulas, with published figures."""

from itertools import product
from typing import Any

import pytest

from agentsys.calibration import Platt
from agentsys.patterns.judging.voting import SURE, Weights
from agentsys.posterior import leads
from agentsys.reliability import Reliability
from agentsys.verdict import Label, Verdict


def verdicts(*labels: Label, **more: Any) -> list[Verdict]:
    """Of judges called 0, 1, 2 and so on."""
    return [Verdict(label=label, judge=str(n), **more) for n, label in enumerate(labels)]


def many(correct: int, incorrect: int = 0) -> list[Verdict]:
    """So many of each."""
    for_it: list[Label] = ["correct"] * correct
    against: list[Label] = ["incorrect"] * incorrect
    return verdicts(*for_it, *against)


def measured(*accuracies: float, labels: int = 998, **more: Any) -> dict[str, Reliability]:
    """Judges called 0, 1, 2 and so on."""
    return {str(n): Reliability(a, labels, **more) for n, a in enumerate(accuracies)}


@pytest.mark.parametrize(("against", "least"), [(0, 4), (1, 6), (2, 8), (3, 9), (4, 11), (5, 12)])
def test_the_posterior_needs_so_many_votes(against: int, least: int) -> None:
    """The table of minimum leads (Adaptive-Consistency, C = 0.95)."""
    enough = next(n for n in range(1, 100) if leads(n, against) > SURE)
    assert enough == least
    for votes, reason in ((least - 1, None), (least, "posterior")):
        given = many(votes, against)
        counted = Weights().votes(given)
        assert Weights().decided(counted, map(str, range(100, 200))) == reason


def test_judges_that_err_together_are_worth_less() -> None:
    """With a correlation of 0.5, three are worth 1.5 and seven 1.75; unmeasured, nobody knows."""
    for judges, worth in ((1, 1.0), (3, 1.5), (7, 1.75)):
        votes = Weights(correlation=0.5).votes(many(judges))
        assert votes.n_eff == pytest.approx(worth)
    assert Weights().votes(verdicts("correct")).n_eff is None
    assert Weights(correlation=-0.2).votes(verdicts("correct", "correct")).n_eff == 2


def test_what_judges_say_together_is_shrunk_by_their_correlation() -> None:
    """Log-odds of two judges who are right nine times in ten: added, then divided by 1.5."""
    alone = Weights(measured(0.9, 0.9)).votes(verdicts("correct", "correct"))
    together = Weights(measured(0.9, 0.9), 0.5).votes(verdicts("correct", "correct"))
    assert alone.p_correct == pytest.approx(81 / 82, abs=0.001)
    assert together.p_correct == pytest.approx(1 / (1 + 9 ** (-2 / 1.5)), abs=0.001)


def test_one_judge_that_is_mostly_right_outweighs_two_that_are_not() -> None:
    """Weights are ln(p/(1-p)): 2.2 against twice 0.85, where heads would decide otherwise."""
    given = verdicts("correct", "incorrect", "incorrect")
    assert Weights().votes(given).label == "incorrect"
    weighted = Weights(measured(0.9, 0.7, 0.7)).votes(given)
    assert weighted.label == "correct"
    assert weighted.margin == pytest.approx((2.197 - 1.695) / (2.197 + 1.695), abs=0.01)
    assert Weights(measured(0.3, 0.7, 0.7)).votes(given).label == "incorrect"


def test_who_was_not_measured_on_anything_weighs_nothing() -> None:
    """Whatever accuracy no labels showed."""
    given = verdicts("correct", "incorrect")
    assert Weights(measured(1.0, 0.6, labels=0)).votes(given).label == "unknown"


def test_a_calibrated_probability_counts_as_what_it_has_meant() -> None:
    """A judge unsure of this answer counts little, however good it is; few labels bound it."""
    known = {"0": Reliability(0.95, 200, Platt()), "1": Reliability(0.7, 200)}
    for p, label in ((0.6, "incorrect"), (0.9, "correct")):
        given = [
            Verdict(label="correct", p_correct=p, judge="0"),
            Verdict(label="incorrect", judge="1"),
        ]
        assert Weights(known).votes(given).label == label
    few = Weights({"0": Reliability(1.0, 3, Platt())})
    certain = few.votes([Verdict(label="correct", p_correct=1.0, judge="0")])
    assert certain.p_correct == pytest.approx(4 / 5)


@pytest.mark.parametrize(
    ("confidence", "weight"),
    [(0.0, 0.1), (0.6, 0.1), (0.61, 0.3), (0.79, 0.3), (0.8, 0.5), (0.9, 0.8), (0.99, 0.8), (1, 1)],
)
def test_reconcile_rescales_confidence(confidence: float, weight: float) -> None:
    """By its table; nothing told is as little as there is."""
    weights = Weights(rescaled=True)
    assert weights.votes(verdicts("correct", confidence=confidence)).total == weight
    assert weights.votes(verdicts("incorrect")).total == -0.1


def test_a_lead_that_nobody_can_turn_ends_a_vote() -> None:
    """Two of three that agree; three of five that do not, only with one or none to come."""
    two = Weights().votes(verdicts("correct", "correct"))
    assert Weights().decided(two, "a") == "unanimous"
    assert Weights().decided(two, "ab") is None
    split = Weights().votes(verdicts("correct", "correct", "incorrect", "correct"))
    assert Weights().decided(split, "a") == "lead"
    assert Weights().decided(split, "ab") is None


def test_measured_judges_end_a_vote_when_they_are_sure_together() -> None:
    """Two good ones do, of any number; two poor ones do not."""
    for accuracy, reason in ((0.9, "posterior"), (0.6, None)):
        weights = Weights(measured(*[accuracy] * 7))
        assert weights.decided(weights.votes(verdicts("correct", "correct")), "23456") == reason


def test_a_vote_waits_for_a_judge_that_could_turn_it() -> None:
    """As long as the weight of those to come is more than the lead, by label or by probability."""
    for calibration in (None, Platt()):
        known = measured(0.7, 0.7) | {"2": Reliability(0.99, 200, calibration)}
        weights = Weights(known)
        ahead = weights.votes(verdicts("correct", "correct"))
        assert weights.decided(ahead, ["2"]) is None
        assert weights.decided(ahead, []) == "unanimous"


def test_unknown_is_no_vote() -> None:
    """It turns nothing, and only unknown is unknown."""
    assert Weights().votes(verdicts("unknown", "correct")).label == "correct"
    nobody = Weights().votes(verdicts("unknown", "unknown"))
    assert (nobody.label, nobody.p_correct, nobody.margin) == ("unknown", None, 0)
    assert not nobody.same
    assert not Weights().votes(verdicts("unknown", "correct")).same


def test_a_mean_probability_does_not_contradict_the_votes() -> None:
    """Of judges that were not measured it is what they tell on average, or even odds."""
    agree = [Verdict(label="correct", p_correct=p) for p in (0.7, 0.9)]
    assert Weights().votes(agree).p_correct == pytest.approx(0.8)
    against = [
        *agree[:1],
        Verdict(label="correct", p_correct=0.6),
        Verdict(label="incorrect", p_correct=0.0),
    ]
    assert Weights().votes(against).p_correct == 0.5
    assert Weights().votes([*agree, Verdict(label="correct")]).p_correct is None


def test_two_judges_and_a_third_on_a_split_cost_less_for_the_same_verdict() -> None:
    """Each right four times in five: 2.32 calls instead of 3 on average, and the same majority."""
    calls = 0.0
    for right in product((True, False), repeat=3):
        chance = 0.8 ** sum(right) * 0.2 ** (3 - sum(right))
        labels: list[Label] = ["correct" if each else "incorrect" for each in right]
        heard = verdicts(*labels[:2])
        if Weights().decided(Weights().votes(heard), "2") is None:
            heard = verdicts(*labels)
        calls += chance * len(heard)
        assert Weights().votes(heard).label == Weights().votes(verdicts(*labels)).label
    assert calls == pytest.approx(2.32)
