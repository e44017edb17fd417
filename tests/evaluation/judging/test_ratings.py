"""Ratings of judges by each other's mistakes."""

import math
import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentsys.evaluation.judging.ratings import (
    bradley_terry,
    error_correlations,
    mean_correlation,
    strengths,
)
from agentsys.reliability import effective_judges


def matrices(judges):
    return st.lists(
        st.lists(st.booleans(), min_size=judges, max_size=judges), min_size=1, max_size=30
    )


many = st.integers(2, 5).flatmap(matrices)


def values(right):
    return [each.value or 0.0 for each in bradley_terry(right)]


def test_planted_strengths_are_found():
    """From as many wins as the model expects among thousands, the strengths come back."""
    planted = np.array([0.9, 0.2, -0.3, -0.8])
    chance = 1 / (1 + np.exp(planted[None, :] - planted[:, None]))
    (found,) = strengths((5_000 * chance * (1 - np.eye(4)))[None])
    assert found == pytest.approx(planted, abs=1e-4)


@pytest.mark.parametrize(("wins", "losses", "ties"), [(30, 10, 60), (5, 20, 0), (0, 0, 7)])
def test_two_judges_have_a_closed_form(wins, losses, ties):
    """400 points apart are odds of ten to one, a tie is half a win."""
    right = [[True, False]] * wins + [[False, True]] * losses + [[True, True]] * ties
    share = (wins + ties / 2) / len(right)
    first, second = values(right)
    assert first - second == pytest.approx(400 * math.log10(share / (1 - share)), abs=0.5)
    assert first + second == pytest.approx(2_000)


@settings(max_examples=60, deadline=None)
@given(many)
def test_who_is_right_more_often_is_rated_higher(right):
    """All judges meet equally often: the order is that of accuracy, equal judges are equal."""
    rated = values(right)
    won = [sum(column) for column in zip(*right, strict=True)]
    for i, j in ((i, j) for i in range(len(won)) for j in range(len(won))):
        if won[i] > won[j]:
            assert rated[i] > rated[j]
        elif won[i] == won[j]:
            assert rated[i] == pytest.approx(rated[j], abs=1e-3)


@settings(max_examples=60, deadline=None)
@given(many)
def test_as_many_wins_as_are_expected(right):
    """At the likeliest strengths every judge has won as often as the model says, but the ridge."""
    (beta,) = np.array([values(right)]) / (400 / math.log(10))
    for i in range(len(beta)):
        others = [j for j in range(len(beta)) if j != i]
        won = sum(0.5 + (row[i] - row[j]) / 2 for row in right for j in others)
        expected = sum(len(right) / (1 + math.exp(beta[j] - beta[i])) for j in others)
        assert won == pytest.approx(expected, abs=0.2)


@settings(max_examples=30, deadline=None)
@given(many, st.randoms(use_true_random=False))
def test_order_does_not_matter(right, draw):
    """Items in another order, judges in another order: the same ratings."""
    order = draw.sample(range(len(right[0])), len(right[0]))
    other = [[row[at] for at in order] for row in right]
    draw.shuffle(other)
    rated = values(right)
    assert values(other) == pytest.approx([rated[at] for at in order], abs=1e-3)


def test_a_judge_that_never_loses_has_a_rating():
    """The ridge keeps it finite, and its interval too."""
    best, worst = bradley_terry([[True, False]] * 50)
    assert best.value is not None
    assert worst.value is not None
    assert 1_300 < best.value < 3_000
    assert best.interval is not None
    assert best.interval[0] <= best.value + 1e-6


def test_intervals_are_over_items():
    """The same items ten times over are ten times the evidence: about a third of the width."""

    def width(right):
        interval = bradley_terry(right)[0].interval
        assert interval is not None
        return interval[1] - interval[0]

    draw = random.Random(5)
    right = [[draw.random() < 0.9, draw.random() < 0.7] for _ in range(60)]
    assert width(right * 10) == pytest.approx(width(right) / math.sqrt(10), rel=0.15)


def test_intervals_cover_as_often_as_they_say():
    """Judges of 90 % and 70 %, independent: the true rating is inside 95 of 100 intervals."""
    share = 0.9 * 0.3 + (0.9 * 0.7 + 0.1 * 0.3) / 2
    truth = 1_000 + 200 * math.log10(share / (1 - share))
    draw, inside = random.Random(2), 0
    for _ in range(100):
        right = [[draw.random() < 0.9, draw.random() < 0.7] for _ in range(80)]
        interval = bradley_terry(right)[0].interval
        assert interval is not None
        inside += interval[0] <= truth <= interval[1]
    assert 88 <= inside <= 100


def test_of_nothing_there_is_nothing():
    """Without items there are no ratings; one judge alone is the mean."""
    assert bradley_terry([]) == []
    assert error_correlations([]) == {}
    assert values([[True], [False]]) == [1_000]


def test_the_same_mistakes_are_one_judge():
    """Who errs on the same items is correlated by 1, and three of them are worth one."""
    right = [[n % 3 > 0] * 3 for n in range(30)]
    correlations = error_correlations(right)
    assert set(correlations) == {(0, 1), (0, 2), (1, 2)}
    mean = mean_correlation([*correlations.values()])
    assert mean == pytest.approx(1)
    assert effective_judges(3, mean or 0) == pytest.approx(1)


def test_independent_mistakes_are_not_correlated():
    """Judges that err independently have 0 in the interval."""
    draw = random.Random(8)
    right = [[draw.random() < 0.8, draw.random() < 0.8] for _ in range(400)]
    found = error_correlations(right)[0, 1]
    assert found.interval is not None
    assert found.interval[0] < 0 < found.interval[1]


def test_a_judge_without_mistakes_has_no_correlation():
    """What never varies goes with nothing; the mean is of the others."""
    right = [[True, n % 2 > 0, n % 2 > 0] for n in range(20)]
    correlations = error_correlations(right)
    assert correlations[0, 1].value is None
    assert mean_correlation([*correlations.values()]) == pytest.approx(1)
    assert mean_correlation([correlations[0, 1]]) is None


@pytest.mark.parametrize(
    ("judges", "correlation", "worth"), [(3, 0.5, 1.5), (7, 0.5, 1.75), (3, -0.4, 3), (0, 0.5, 0)]
)
def test_correlated_judges_are_worth_fewer(judges, correlation, worth):
    """Of n judges, n / (1 + (n − 1) rho)."""
    assert effective_judges(judges, correlation) == pytest.approx(worth)
