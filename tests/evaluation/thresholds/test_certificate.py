"""A certified threshold keeps its promise, as often as it says, and is of use."""

from random import Random

import pytest

from agentsys.evaluation.statistics import upper_bound
from agentsys.evaluation.thresholds.certificate import certify, fewest, sequence
from benchmarks.calibrations import POPULATIONS, Population, Simulated, simulate

CALIBRATIONS = 1_000
SLACK = 0.023
"""A promise that is broken in 5 % of cases is broken in 7.3 % of 1,000 or more once in a
thousand times."""

BY_NAME = {population.name: population for population in POPULATIONS}


SHAPES = (
    "tells right from wrong",
    "far too sure",
    "says the opposite",
    "four values",
    "just not good enough",
)
"""`benchmarks/certify.py` has more, and other numbers of labels."""


@pytest.fixture(scope="module", params=SHAPES)
def population(request: pytest.FixtureRequest) -> Population:
    return BY_NAME[request.param]


@pytest.fixture(scope="module")
def simulated(population: Population) -> Simulated:
    return simulate(population, 300, CALIBRATIONS)


def test_the_promise_is_kept(simulated: Simulated) -> None:
    """However confidence is shaped, delta bounds how many calibrations accept too many errors."""
    assert simulated.broken <= 0.05 + SLACK


def test_a_rule_that_tests_on_nothing_would_be_caught(simulated: Simulated) -> None:
    """The same simulation finds that a threshold read off its own labels breaks the promise."""
    assert simulated.naive > 0.3


def test_few_labels_promise_nothing() -> None:
    """Where too few answers are left to test on, no threshold is certified."""
    found = simulate(BY_NAME["tells right from wrong"], 60, 100)
    assert (found.certified, found.accepted) == (0.0, 0.0)


@pytest.mark.parametrize("name", ["tells right from wrong", "too unsure"])
def test_it_is_of_use(name: str) -> None:
    """With labels enough, most of what could be accepted is: promising nothing is no art."""
    found = simulate(BY_NAME[name], 1_000, 100)
    assert found.certified > 0.85
    assert found.accepted > 0.7 * found.possible


@pytest.mark.parametrize(("alpha", "least"), [(0.10, 29), (0.05, 59), (0.02, 149)])
def test_so_many_answers_without_an_error_it_takes(alpha: float, least: int) -> None:
    """The sample sizes that Clopper and Pearson's bound asks for where nothing is wrong."""
    assert fewest(alpha, 0.05) == least
    fitted_on = [(0.9, True)] * least
    tested_on = [(0.9, True)] * least
    found = certify(fitted_on, tested_on, alpha=alpha, delta=0.05)
    assert found is not None
    assert found.accepted == least
    assert certify(fitted_on, tested_on[1:], alpha=alpha, delta=0.05) is None


def test_the_first_failure_ends_the_sequence() -> None:
    """A looser threshold is not looked at once one has failed, whatever it would come to."""
    fitted_on = [
        (score, at >= wrong)
        for score, wrong in ((0.9, 0), (0.8, 8), (0.7, 16))
        for at in range(200)
    ]
    tested_on = [(0.9, True)] * 100 + [(0.8, False)] * 10 + [(0.7, True)] * 5_000
    found = certify(fitted_on, tested_on, alpha=0.05, delta=0.05)
    assert found is not None
    assert (found.threshold, found.accepted, found.errors) == (0.9, 100, 0)
    assert upper_bound(10, 5_110) < 0.05


def test_the_list_follows_from_the_first_part_alone() -> None:
    """What tests a threshold has no say in which are tested, nor in which order."""
    random = Random(1)
    fitted_on = [(score := random.random(), random.random() < score) for _ in range(150)]
    listed = sequence(fitted_on, 300, level=0.95)
    assert listed == sorted(listed, reverse=True)
    assert set(listed) <= {score for score, _ in fitted_on}
    assert sequence(random.sample(fitted_on, 150), 300, level=0.95) == listed
