"""Probabilities that are fitted to labels mean what they say."""

import math
import random
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import isotonic_regression

from agentsys import UserError
from agentsys.calibration import Isotonic, Platt
from agentsys.evaluation.calibrating import brier, fit_probability
from agentsys.evaluation.separation import calibration_error


def drawn(n: int, slope: float, intercept: float, seed: int = 1) -> tuple[list[float], list[bool]]:
    """What a judge says that is as well calibrated as `Platt(slope, intercept)` would mend."""
    draw = random.Random(seed)
    told = [draw.uniform(0.01, 0.99) for _ in range(n)]
    return told, [draw.random() < Platt(slope, intercept)(p) for p in told]


def test_few_labels_make_a_line_and_many_a_curve():
    """From 200 labels on the data say what the curve is like."""
    told, so = drawn(200, 1, 0)
    assert isinstance(fit_probability(told[:199], so[:199]), Platt)
    assert isinstance(fit_probability(told, so), Isotonic)


@pytest.mark.parametrize(("slope", "intercept"), [(0.5, 0.0), (1.0, 0.8), (2.0, -0.5)])
def test_what_was_planted_is_found(slope, intercept):
    """199 labels tell how far a judge boasts and to which side it leans."""
    fitted = [fit_probability(*drawn(199, slope, intercept, seed)) for seed in range(8)]
    lines = [each for each in fitted if isinstance(each, Platt)]
    mean = sum(math.log(each.slope) for each in lines) / len(fitted)
    assert mean == pytest.approx(math.log(slope), abs=0.2)
    assert sum(each.intercept for each in lines) / len(fitted) == pytest.approx(intercept, abs=0.2)


@pytest.mark.parametrize("n", [150, 2_000])
def test_a_boastful_judge_is_mended(n):
    """On other examples than it was fitted on, the error of calibration falls."""
    told, so = drawn(n, 0.3, 0.5)
    others, labels = drawn(4_000, 0.3, 0.5, seed=2)
    fitted = fit_probability(told, so)
    before = calibration_error(others, labels)
    after = calibration_error([fitted(p) for p in others], labels)
    assert before is not None
    assert after is not None
    assert after.value < before.value / 2
    mended = brier([fitted(p) for p in others], labels).value
    assert mended is not None
    assert mended < (brier(others, labels).value or 0)


@pytest.mark.parametrize("labels", [[True] * 5, [False] * 150, [True] * 300])
def test_labels_of_one_kind_do_not_make_certain(labels):
    """What was never seen is not impossible."""
    fitted = fit_probability([0.2 + 0.6 * n / len(labels) for n in range(len(labels))], labels)
    assert all(0 < fitted(p) < 1 for p in (0.0, 0.3, 0.9, 1.0))


def test_one_wrong_label_does_not_turn_a_judge_round():
    """A few labels, all against the judge, weaken what it says and keep its order."""
    fitted = fit_probability([0.9, 0.8, 0.1], [False, False, True])
    assert fitted(0.9) > fitted(0.1)


sayings = st.lists(
    st.tuples(st.sampled_from([0.0, 0.1, 0.5, 0.50001, 0.9, 1.0]), st.booleans()),
    min_size=1,
    max_size=30,
)


@settings(max_examples=40, deadline=None)
@given(sayings, st.sampled_from([1, 250]))
def test_a_calibration_never_falls(pairs, times):
    """Whoever is surer before is not less sure after, and nothing is certain or impossible."""
    told, so = [p for p, _ in pairs] * times, [label for _, label in pairs] * times
    fitted = fit_probability(told, so)
    values = [fitted(n / 100) for n in range(101)]
    assert all(a <= b + 1e-12 for a, b in pairwise(values))
    assert all(0 < value < 1 for value in values)


def test_the_curve_is_the_isotonic_regression():
    """At what was said, it is SciPy's, up to what keeps it from certainty."""
    draw = random.Random(3)
    told = sorted({draw.random() for _ in range(400)})
    so = [draw.random() < p**2 for p in told]
    fitted = fit_probability(told, so)
    expected = isotonic_regression([float(label) for label in so]).x
    least = 1 / (len(told) + 2)
    for p, value in zip(told, expected, strict=True):
        assert fitted(p) == pytest.approx(min(max(value, least), 1 - least))


@pytest.mark.parametrize(("told", "so"), [([], []), ([0.5], []), ([0.5], [True, False])])
def test_examples_need_labels(told, so):
    """Without one label each, nothing is fitted."""
    with pytest.raises(UserError, match="one label each"):
        fit_probability(told, so)


def test_brier_is_the_mean_squared_error():
    """Of 0.8 and 0.4 where both were so: 0.2; of nothing, none."""
    assert brier([0.8, 0.4], [True, True]).value == pytest.approx(0.2)
    assert brier([], []).value is None
