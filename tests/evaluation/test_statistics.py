"""Intervals against known values and against what must hold for any data."""

import math
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentsys.evaluation.statistics import (
    mean,
    paired_ratio,
    paired_success,
    percentile,
    ratio_interval,
    share_interval,
    wilson,
)


@pytest.mark.parametrize(
    ("successes", "tasks", "low", "high"),
    [
        (81, 263, 0.2553, 0.3662),  # Newcombe 1998, table I, method 3
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
        (20, 20, 0.8389, 1.0),
    ],
)
def test_wilson_gives_the_published_values(successes, tasks, low, high):
    """Wilson's interval without continuity correction, to four places."""
    assert wilson(successes, tasks) == pytest.approx((low, high), abs=6e-5)


def test_nothing_of_no_tasks():
    """Without tasks there are no figures, rather than zeros."""
    assert wilson(0, 0) is None
    assert percentile([], 95) is None
    assert ratio_interval([], []) is None
    assert paired_success([], []).value is None


@pytest.mark.parametrize(("percent", "value"), [(0, 1), (50, 2.5), (95, 3.85), (100, 4)])
def test_percentiles_interpolate(percent, value):
    """Between neighbours, linearly; the order of the values is of no account."""
    assert percentile([4, 1, 3, 2], percent) == pytest.approx(value)


ROOT = Path(__file__).parents[2]

tasks = st.lists(
    st.tuples(st.floats(0, 1e3, allow_subnormal=False), st.booleans()), min_size=1, max_size=40
)


@settings(max_examples=40, deadline=None)
@given(tasks)
def test_a_ratio_is_in_its_interval(pairs):
    """Whatever the data; there is an interval wherever there are two tasks and a success."""
    costs, wins = [cost for cost, _ in pairs], [won for _, won in pairs]
    interval = ratio_interval(costs, wins)
    assert (interval is None) == (len(pairs) < 2 or not any(wins))
    if interval is not None:
        low, high = interval
        assert low <= sum(costs) / sum(wins) * (1 + 1e-9)
        assert high >= sum(costs) / sum(wins) * (1 - 1e-9)


def test_a_ratio_interval_covers_as_often_as_it_says():
    """Of 200 samples from a known process, about 95 % have the true ratio inside."""
    import random

    draw, truth, inside = random.Random(3), 2.0 / 0.8, 0
    for _ in range(200):
        costs = [draw.uniform(1, 3) for _ in range(60)]
        wins = [draw.random() < 0.8 for _ in range(60)]
        interval = ratio_interval(costs, wins)
        assert interval is not None
        low, high = interval
        inside += low <= truth <= high
    assert 178 <= inside <= 200


@pytest.mark.parametrize("won", [1, 7, 10])
def test_where_all_cost_the_same_only_success_is_in_doubt(won):
    """The interval is Wilson's, turned over; also where no task failed."""
    rate = wilson(won, 10)
    assert rate is not None
    expected = (0.5 / rate[1], 0.5 / rate[0])
    assert ratio_interval([0.5] * 10, [True] * won + [False] * (10 - won)) == pytest.approx(
        expected
    )


def test_where_all_cost_the_same_and_less_may_be_no_rounding_shows():
    """Costs that differ in their last bit are equal."""
    wins = [True] * 9 + [False]
    rounded = [0.1 + 0.2] + [0.3] * 9
    assert ratio_interval(rounded, wins) == pytest.approx(ratio_interval([0.3] * 10, wins))


def test_what_is_free_is_free_for_certain():
    """No cost at all is no cost per success."""
    assert ratio_interval([0.0] * 5, [True] * 5) == (0.0, 0.0)


def test_failures_that_cost_more_widen_the_interval():
    """Each failure then raises the cost and takes a success away; a cheap one evens out."""
    wins = [True] * 14 + [False] * 6

    def ends(success, failure):
        interval = ratio_interval([success if won else failure for won in wins], wins)
        assert interval is not None
        return interval[1] / interval[0]

    assert ends(1.0, 3.0) > ends(1.0, 1.0) > ends(3.0, 1.0)


def test_tries_of_one_task_tell_less_than_as_many_tasks():
    """Tries of a task that is always solved, or never, are one piece of evidence together."""
    costs = tries = [10.0] * 10
    alike = ratio_interval(costs, [10.0] * 7 + [0.0] * 3, tries)
    apart = ratio_interval(costs, [6.0] * 5 + [8.0] * 5, tries)
    assert alike is not None
    assert apart is not None
    assert apart[1] / apart[0] < alike[1] / alike[0]


def test_tasks_may_be_tried_unequally_often():
    """Where all tries succeed and cost the same, the tasks count, however often each was tried."""
    costs, tries = [0.5, 0.5, 1.5, 1.0], [1, 1, 3, 2]
    rate = wilson(4, 4)
    assert rate is not None
    assert ratio_interval(costs, tries, tries) == pytest.approx((0.5, 0.5 / rate[0]))


def test_shares_that_are_all_alike_leave_doubt():
    """A third of three tries each: rounding is no evidence that all tasks are the same."""
    rate, interval = wilson(10, 30), ratio_interval([3.0] * 30, [1.0] * 30, [3.0] * 30)
    assert rate is not None
    assert interval == pytest.approx((1 / rate[1], 1 / rate[0]))


def test_repeats_are_covered_as_often_as_single_tries():
    """Three tries of tasks some of which are nearly always solved, and some hardly ever."""
    import numpy as np

    random, tasks, tries, samples = np.random.default_rng(3), 40, 3, 400
    rate, rates, costs = 0.75, 0, 0
    for _ in range(samples):
        won = random.binomial(tries, random.beta(0.3, 0.1, tasks))
        spent = 7 * tries + 140 * (tries - won)
        share = share_interval([(tries, int(each)) for each in won])
        cost = ratio_interval(spent.tolist(), won.tolist(), [tries] * tasks)
        assert share is not None
        assert cost is not None
        rates += share[0] <= rate <= share[1]
        costs += cost[0] <= (7 + 140 * (1 - rate)) / rate <= cost[1]
    assert 0.92 * samples <= rates <= 0.98 * samples
    assert 0.92 * samples <= costs <= 0.98 * samples


def test_one_task_tells_nothing_about_others():
    """How much costs differ cannot be told from one of them."""
    assert ratio_interval([1.0], [True]) is None


def test_no_success_has_no_interval():
    """Without a success there is no ratio at all."""
    assert ratio_interval([1.0] * 5, [False] * 5) is None


def test_the_same_data_give_the_same_interval():
    """The resampling is seeded."""
    values = [float(n % 7) for n in range(30)]
    assert mean(values) == mean(values)


def test_large_suites_fit_in_memory():
    """Thousands of tasks are resampled piece by piece, with the same precision."""
    assert mean([1.0, 3.0] * 1_500).interval == pytest.approx((2.0, 2.0), abs=0.05)


def test_pairing_removes_what_the_tasks_share():
    """A graph that wins one task more on the same hundred is no noisier than that one task."""
    first = [n % 2 == 0 for n in range(100)]
    second = [*first[:98], False, first[99]]
    difference = paired_success(first, second)
    assert difference.value == pytest.approx(0.01)
    assert difference.interval is not None
    low, high = difference.interval
    assert -0.03 < low < 0
    assert high < 0.05
    assert not difference.clear


@pytest.mark.parametrize(
    ("both", "first", "second", "neither"), [(14, 5, 1, 22), (30, 2, 0, 20), (25, 25, 25, 25)]
)
def test_a_paired_difference_of_success(both, first, second, neither):
    """Wilson's intervals of both rates, put together by their correlation (Newcombe 1998)."""
    mine = [True] * (both + first) + [False] * (second + neither)
    theirs = [True] * both + [False] * first + [True] * second + [False] * neither
    tasks, a, b = len(mine), both + first, both + second
    (low_a, high_a), (low_b, high_b) = (wilson(won, tasks) or (0.0, 1.0) for won in (a, b))
    phi = (both * neither - first * second) / math.sqrt(a * (tasks - a) * b * (tasks - b))

    def half(one, other):
        return math.sqrt(one**2 + other**2 - 2 * phi * one * other)

    p, q = a / tasks, b / tasks
    expected = (p - q - half(p - low_a, high_b - q), p - q + half(high_a - p, q - low_b))
    assert paired_success(mine, theirs).interval == pytest.approx(expected)


def test_a_graph_equals_itself():
    """The difference of a graph from itself is nothing, or next to nothing."""
    costs, wins = [1.0, 2.0, 3.0, 4.0] * 10, [True, True, False, True] * 10
    difference = paired_ratio((costs, wins), (costs, wins))
    assert difference.value == 0
    assert not difference.clear


def test_two_graphs_without_a_failure_may_still_differ():
    """Twenty successes each do not show that both always succeed."""
    difference = paired_success([True] * 20, [True] * 20)
    assert difference.value == 0
    assert difference.interval == pytest.approx((-0.161, 0.161), abs=1e-3)


def test_a_clear_difference_is_clear():
    """Half the price on the same tasks shows, whatever the tasks cost."""
    costs, wins = [1.0 + n % 7 for n in range(60)], [True] * 60
    difference = paired_ratio(([c / 2 for c in costs], wins), (costs, wins))
    assert difference.value == pytest.approx(-sum(costs) / 120)
    assert difference.clear


def test_a_free_graph_saves_what_the_other_costs():
    """Where one costs nothing, the other's interval is that of the difference."""
    wins = [True] * 9 + [False]
    interval = ratio_interval([0.5] * 10, wins)
    assert interval is not None
    difference = paired_ratio(([0.0] * 10, wins), ([0.5] * 10, wins))
    assert difference.interval == pytest.approx((-interval[1], -interval[0]))


def test_a_difference_from_no_success_is_undefined():
    """A ratio that does not exist has no difference and no interval."""
    wins = [True] * 10
    difference = paired_ratio(([1.0] * 10, wins), ([1.0] * 10, [False] * 10))
    assert (difference.value, difference.interval) == (None, None)


def test_unequal_lengths_are_a_mistake():
    """Pairs need the same tasks."""
    with pytest.raises(ValueError, match="same length"):
        paired_success([True], [True, False])


def test_scipy_is_loaded_when_it_is_used():
    """Commands that print no report do not pay for it."""
    code = (
        "import sys; import agentsys.evaluation.bench, agentsys.evaluation.reports.report;"
        "print(*{'scipy', 'numpy', 'langgraph', 'litellm'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert done.stdout.strip() == ""
