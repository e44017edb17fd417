"""The loosest threshold of which it can be promised that few accepted answers are wrong.

Learn then Test (Angelopoulos, Bates, Candès, Jordan and Lei 2021, "Learn then Test: Calibrating
Predictive Algorithms to Achieve Risk Control", sections 2 and 3: fixed-sequence testing): a list of
thresholds is laid down before the data are seen that test them, each is tested at level `delta` in
the order of the list, and the first that fails ends it. The chance that any threshold passes whose
error rate among accepted answers exceeds `alpha` is then `delta` at most, however long the list is
and however its tests depend on each other: for one to pass wrongly, the first on the list that is
not good enough must pass wrongly.

What keeps that true here:

- The labelled tasks are parted in two at random, before anything is looked at: a third to fit, two
  thirds to test. On the first part the calibration of confidence is fitted, and from it alone
  follow the list (the values that it gives there, from strict to loose) and where the list begins:
  at the threshold that looks likeliest to pass, since a stricter one may accept too few to pass at
  all (no error in 58 is compatible with more than 5 % of them), which would end the list.
- The second part tests, and is used for nothing else. Given how many it accepts, the number of
  errors is binomial, and the test is exact: Clopper and Pearson's upper bound, `1 - delta` sure,
  must be `alpha` at most.
- What is accepted is accepted by the calibration of the first part. It is not fitted again on all.

The promise is about tasks like those: drawn as they were, answered by the same models and prompts.
It is about calibrations as a whole (of a hundred, five may break it where `delta` is 5 %), and not
about each kind of task by itself.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from agentsys.evaluation.statistics import upper_bound

FITTED_ON = 1 / 3
"""The part of the labelled tasks that is fitted on."""

LONGEST = 50
"""Thresholds on the list at most."""


@dataclass(frozen=True, slots=True)
class Certificate:
    """What a threshold was tested with."""

    threshold: float
    accepted: int
    """Answers of the second part that it takes."""
    errors: int
    """How many of them are wrong."""
    bound: float
    """What the share of errors is at most, `1 - delta` sure."""


Scored = Sequence[tuple[float, bool]]
"""Of answers: the calibrated probability of being right, and whether it is."""


def certify(
    fitted_on: Scored, tested_on: Scored, *, alpha: float, delta: float
) -> Certificate | None:
    """The loosest threshold that passes; `None` where none does.

    Args:
        fitted_on: The part that the calibration was fitted on.
        tested_on: The other part.
        alpha: The largest share of errors among accepted answers.
        delta: How often the promise may fail.
    """
    level, found = 1 - delta, None
    for threshold in sequence(fitted_on, len(tested_on), level=level):
        taken = [right for score, right in tested_on if score >= threshold]
        errors = len(taken) - sum(taken)
        bound = upper_bound(errors, len(taken), level=level)
        if bound > alpha:
            break
        found = Certificate(threshold, len(taken), errors, bound)
    return found


def sequence(fitted_on: Scored, tests: int, *, level: float) -> list[float]:
    """The thresholds to test, in their order; it follows from the first part alone.

    Args:
        fitted_on: The first part.
        tests: How many answers there are to test with.
        level: How sure each test is.
    """
    scores = sorted({score for score, _ in fitted_on if math.isfinite(score)}, reverse=True)
    step = max(1, -(-len(scores) // LONGEST))
    strict_to_loose = scores[step - 1 :: step]
    if scores and strict_to_loose[-1] != scores[-1]:
        strict_to_loose.append(scores[-1])
    likely = [_expected(fitted_on, each, tests, level) for each in strict_to_loose]
    start = min(range(len(likely)), key=likely.__getitem__, default=0)
    return strict_to_loose[start:]


def _expected(fitted_on: Scored, threshold: float, tests: int, level: float) -> float:
    """The bound that a test may come to, if the second part is like the first."""
    taken = [right for score, right in fitted_on if score >= threshold]
    errors = len(taken) - sum(taken)
    accepted = len(taken) / len(fitted_on) * tests
    return upper_bound((errors + 1) / (len(taken) + 2) * accepted, accepted, level=level)


def fewest(alpha: float, delta: float) -> int:
    """Answers without an error among them below which nothing can be promised."""
    accepted = 1
    while upper_bound(0, accepted, level=1 - delta) > alpha:
        accepted += 1
    return accepted
