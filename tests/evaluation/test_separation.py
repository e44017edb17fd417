"""Whether confidence separates right from wrong."""

import random

import pytest

from agentsys.evaluation.separation import auroc, calibration_error


def test_auroc_counts_pairs() -> None:
    """It is the share of pairs in which the right answer is the surer one; ties count half."""
    found = auroc([0.9, 0.6, 0.6, 0.2], [True, True, False, False])
    assert found is not None
    assert found.value == pytest.approx(3.5 / 4)


def test_auroc_needs_both_kinds() -> None:
    """Where all answers are right there is nothing to tell apart."""
    assert auroc([0.9, 0.8], [True, True]) is None
    assert auroc([], []) is None


def test_calibrated_confidence_has_next_to_no_error() -> None:
    """Answers that are right as often as their confidence says are calibrated; others are not."""
    draw = random.Random(1)
    sure = [draw.random() for _ in range(4_000)]
    right = [draw.random() < p for p in sure]
    honest = calibration_error(sure, right)
    boastful = calibration_error([(1 + p) / 2 for p in sure], right)
    assert honest is not None
    assert boastful is not None
    assert honest.value < 0.03
    assert boastful.value == pytest.approx(0.25, abs=0.02)
    assert boastful.low < boastful.value < boastful.high


@pytest.mark.parametrize("right", [[True, False] * 50, [True] * 50 + [False] * 50])
def test_answers_of_one_confidence_are_one_group(right: list[bool]) -> None:
    """In whichever order they come, half of what was given 70 % is right: 0.2 off."""
    found = calibration_error([0.7] * 100, right)
    assert found is not None
    assert found.value == pytest.approx(0.2)


def test_every_answer_has_a_confidence() -> None:
    """Sequences of different lengths are a mistake of the caller."""
    with pytest.raises(ValueError, match="one confidence"):
        auroc([0.5], [True, False])
