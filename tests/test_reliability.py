"""What a measured judge is worth."""

import math

import pytest

from agentsys.calibration import Isotonic, Platt
from agentsys.reliability import Reliability
from agentsys.verdict import Verdict


@pytest.mark.parametrize(
    ("accuracy", "labels", "weight"),
    [(1.0, 10, math.log(11)), (0.0, 10, -math.log(11)), (0.5, 8, 0.0), (0.9, 0, 0.0)],
)
def test_a_weight_is_finite_and_grows_with_evidence(accuracy, labels, weight):
    """The log-odds of being right, with one label more of either kind."""
    assert Reliability(accuracy, labels).weight == pytest.approx(weight)


def test_many_labels_outweigh_the_prior():
    """With ten thousand labels the weight is ln(p / (1 - p))."""
    assert Reliability(0.9, 10_000).weight == pytest.approx(math.log(9), abs=1e-3)


@pytest.mark.parametrize(
    ("verdict", "p"),
    [
        (Verdict(label="correct", confidence=0.9), 0.75),
        (Verdict(label="incorrect", confidence=0.9), 0.25),
        (Verdict(label="incorrect", confidence=0.6, p_correct=0.1), 0.25),
        (Verdict(label="unknown", p_correct=0.5), 0.5),
        (Verdict(label="unknown", confidence=0.9), None),
        (Verdict(label="correct"), None),
    ],
)
def test_verdicts_are_calibrated(verdict, p):
    """From `p_correct`, else from the confidence in the label; what is not told stays so."""
    halved = Platt(slope=0.5)
    found = Reliability(0.9, 100, halved).calibrated(verdict)
    assert found.p_correct == (None if p is None else pytest.approx(p))
    assert (found.label, found.confidence) == (verdict.label, verdict.confidence)


def test_without_a_calibration_a_verdict_stays():
    """A judge whose probabilities were not measured keeps them."""
    verdict = Verdict(label="correct", confidence=0.9)
    assert Reliability(0.9, 100).calibrated(verdict) == verdict


@pytest.mark.parametrize(
    ("told", "means"), [(0.0, 0.2), (0.4, 0.2), (0.5, 0.3), (0.6, 0.4), (1, 0.8)]
)
def test_a_curve_is_straight_between_its_points_and_level_outside(told, means):
    """Between two points, what is in proportion."""
    curve = Isotonic((0.4, 0.6, 0.9), (0.2, 0.4, 0.8))
    assert curve(told) == pytest.approx(means)


@pytest.mark.parametrize("p", [0.0, 1e-300, 0.3, 1.0])
def test_the_plain_line_changes_nothing(p):
    """A slope of 1 through 0 gives back what it is given, also at the ends."""
    assert Platt()(p) == pytest.approx(p, abs=1e-9)
