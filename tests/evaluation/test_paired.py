"""Two graphs on the same tasks, drawn from processes of which the truth is known."""

from datetime import date

import numpy as np
import pytest

from agentsys.evaluation.comparing.side_by_side import Change, compare
from agentsys.evaluation.reports.account import Account, Calls
from agentsys.evaluation.reports.comparison import paired
from agentsys.evaluation.statistics import (
    paired_change,
    paired_ratio,
    paired_success,
    ratio_interval,
    wilson,
)
from agentsys.evaluation.thresholds.measuring import against

DRAWS = 300
FAILURE = 10_000_000
"""Nano-dollars: 25 and 50 times what a task costs."""
NANO = 10**9


def account(graph: str, task: int, won: bool, nano_usd: float, repeat: int = 0) -> Account:
    """A task, or one of its repeats."""
    return Account(
        graph,
        date(2026, 1, 1),
        bench="b",
        task_id=f"t{task}",
        repeat=repeat,
        run_id=f"{graph}-{task}-{repeat}",
        calls=Calls(nano_usd=round(nano_usd)),
        status="ok",
        outcome=won,
    )


def both(random: np.random.Generator, tasks: int, rates: tuple[float, float]) -> list[Account]:
    """Two graphs that fail on the same tasks every other time."""
    hard = random.random(tasks)
    other = np.where(random.random(tasks) < 0.5, hard, random.random(tasks))
    costs = random.gamma(4, 50_000, tasks), random.gamma(4, 100_000, tasks)
    return [
        account(graph, task, bool(luck[task] < rate), cost[task])
        for graph, luck, rate, cost in zip("ab", (hard, other), rates, costs, strict=True)
        for task in range(tasks)
    ]


def changed(accounts: list[Account], metric: str, failure_nano: int = FAILURE) -> Change:
    """How far graph b is from graph a."""
    a, b = ([each for each in accounts if each.graph == graph] for graph in "ab")
    changes = compare(a, b, failure_nano=failure_nano).changes
    return next(each for each in changes if each.metric == metric)


def loaded(rate: float, cost: float) -> float:
    """What a success truly costs, in dollars."""
    return (cost + FAILURE * (1 - rate)) / rate / NANO


@pytest.mark.parametrize(
    ("tasks", "rates"), [(60, (0.99, 0.98)), (60, (0.97, 0.95)), (200, (0.9, 0.8))]
)
def test_differences_of_loaded_costs_know_of_failures_not_seen(
    tasks: int, rates: tuple[float, float]
) -> None:
    """Where failures are rare and dear, the truth is covered; the change relative to A as well."""
    random, held = np.random.default_rng(1), np.zeros(2)
    a, b = loaded(rates[0], 200_000), loaded(rates[1], 400_000)
    for _ in range(DRAWS):
        found = changed(both(random, tasks, rates), "loaded-cps")
        assert found.difference.interval is not None
        assert found.relative.interval is not None
        held += [
            found.difference.interval[0] <= b - a <= found.difference.interval[1],
            found.relative.interval[0] <= b / a - 1 <= found.relative.interval[1],
        ]
    assert (held >= 0.92 * DRAWS).all(), held / DRAWS


def test_all_three_say_the_same_of_a_loaded_difference() -> None:
    """`report`, `compare` and `calibrate` of one bench."""
    accounts = both(np.random.default_rng(2), 60, (0.97, 0.9))
    a, b = ([each for each in accounts if each.graph == graph] for graph in "ab")
    found = changed(accounts, "loaded-cps").difference
    measured = against({"a": a, "b": b}, "b", "a", FAILURE)
    assert measured.loaded_cps_usd == pytest.approx(found.value)
    assert measured.loaded_cps_ci == pytest.approx(found.interval)
    [line] = paired(b + a, FAILURE)
    low, high = found.interval or (0.0, 0.0)
    said = line.split("loaded ")[1].replace("$", "").split("(")[1].split()
    assert float(said[0]) == pytest.approx(low, rel=0.01)
    assert float(said[2].strip(",).")) == pytest.approx(high, rel=0.01)


def test_without_a_failure_seen_loaded_costs_may_still_differ() -> None:
    """Twenty successes each are no evidence that failures, at a dollar, cost neither anything."""
    wins, costs = [True] * 20, [0.001] * 20
    low, high = ratio_interval(costs, wins, failure=1.0) or (0.0, 0.0)
    rate = (wilson(20, 20) or (0.0, 0.0))[0]
    assert (low, high) == pytest.approx((0.001, 1.001 / rate - 1))
    difference = paired_ratio((costs, wins), (costs, wins), failure=1.0)
    assert difference.interval == pytest.approx((low - high, high - low))


def test_a_loaded_cost_is_no_less_than_the_cost() -> None:
    """However dear failures are, they cost nothing less than nothing."""
    costs, wins = [0.0001] * 19 + [0.01], [True] * 20
    plain, more = ratio_interval(costs, wins), ratio_interval(costs, wins, failure=5.0)
    assert plain is not None
    assert more is not None
    assert more[0] >= plain[0] > 0


@pytest.mark.parametrize("cheaper", [0.5, 0.9])
def test_a_relative_change_where_all_succeed(cheaper: float) -> None:
    """What both cost is known to the dollar; how often they fail is not, of either."""
    wins, costs = [True] * 40, [1.0 + n % 5 for n in range(40)]
    change = paired_change(([cheaper * cost for cost in costs], wins), (costs, wins))
    rate = (wilson(40, 40) or (0.0, 0.0))[0]
    assert change.value == pytest.approx(cheaper - 1)
    assert change.interval == pytest.approx((cheaper * rate - 1, cheaper / rate - 1))


def test_a_change_for_certain_and_one_that_is_none() -> None:
    """Of what is free nothing more can be saved, and it has no percentage itself."""
    wins = [True] * 10
    free, dear = ([0.0] * 10, wins), ([1.0] * 10, wins)
    assert (paired_change(free, dear).value, paired_change(free, dear).interval) == (-1.0, None)
    assert paired_change(dear, free).value is None


def test_changes_of_cost_are_covered_where_few_fail() -> None:
    """Costs are all the same, so that all is in the failures, most of which no sample shows."""
    random, held = np.random.default_rng(3), 0
    for _ in range(DRAWS):
        won = random.random((2, 50)) < [[0.99], [0.97]]
        accounts = [
            account(graph, task, bool(won[side, task]), 1_000)
            for side, graph in enumerate("ab")
            for task in range(50)
        ]
        low, high = changed(accounts, "cps").relative.interval or (0.0, 0.0)
        held += low <= 0.99 / 0.97 - 1 <= high
    assert held >= 0.93 * DRAWS


@pytest.mark.parametrize("tasks", [3, 5])
@pytest.mark.parametrize("tries", [2, 8])
@pytest.mark.parametrize("spread", [(50, 50), (2, 2)])
def test_a_cost_per_success_of_few_repeated_tasks(
    tasks: int, tries: int, spread: tuple[int, int]
) -> None:
    """Tries that happen to be alike are worth no more than they are."""
    random, held = np.random.default_rng(4), 0
    for _ in range(DRAWS):
        won = random.binomial(tries, random.beta(*spread, tasks))
        cost = random.gamma(20, 1 / 20, (tasks, tries)).sum(axis=1)
        found = ratio_interval(cost.tolist(), won.tolist(), [tries] * tasks)
        held += found is None or found[0] <= 2.0 <= found[1]
    assert held >= 0.92 * DRAWS


@pytest.mark.parametrize("metric", ["success", "cps"])
def test_a_difference_of_few_repeated_tasks(metric: str) -> None:
    """Four tasks, four times each: of two graphs that are the same, few differ clearly."""
    random, clear = np.random.default_rng(5), 0
    for _ in range(DRAWS):
        rates = random.beta(50, 50, 4)
        accounts = [
            account(graph, task, bool(random.random() < rates[task]), 1_000, repeat)
            for graph in "ab"
            for task in range(4)
            for repeat in range(4)
        ]
        clear += changed(accounts, metric).verdict in ("better", "worse")
    assert clear <= 0.08 * DRAWS


def test_tries_are_worth_no_more_than_they_are() -> None:
    """Three tasks of four tries, alike by chance: twelve tries at most, and of three not many."""
    few = paired_success([2, 2, 3], [2, 2, 2], ([4, 4, 4], [4, 4, 4])).interval
    once = wilson(7, 12)
    assert few is not None
    assert once is not None
    assert few[1] - few[0] > once[1] - once[0]
