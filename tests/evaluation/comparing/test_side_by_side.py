"""Comparisons against figures worked out by hand."""

from datetime import date
from random import Random

import pytest

from agentsys.evaluation.comparing.side_by_side import Change, Comparison, compare
from agentsys.evaluation.reports.account import Account, Calls


def account(
    task: str,
    won: bool | None,
    *,
    usd: float = 0.001,
    seconds: float | None = 1.0,
    tokens: int = 100,
    repeat: int = 0,
) -> Account:
    return Account(
        "g",
        date(2026, 1, 1),
        bench="b",
        task_id=task,
        repeat=repeat,
        run_id=f"{task}-{repeat}",
        calls=Calls(nano_usd=round(usd * 1e9), tokens=tokens),
        seconds=seconds,
        status="ok",
        outcome=won,
    )


def change(comparison: Comparison, metric: str) -> Change:
    (found,) = (each for each in comparison.changes if each.metric == metric)
    return found


def test_the_figures_of_both_sides() -> None:
    """Success, costs per success, percentiles and tokens are those of the tasks that both have."""
    a = [account(f"t{n}", n < 8, usd=0.002, seconds=2.0) for n in range(10)]
    b = [account(f"t{n}", n < 5, usd=0.001, seconds=1.0, tokens=50) for n in range(10)]
    found = compare(a, b, failure_nano=1_000_000)
    assert (found.tasks, found.a_alone, found.b_alone) == (10, 3, 0)
    pairs = {each.metric: (each.a, each.b) for each in found.changes}
    assert pairs["success"] == (0.8, 0.5)
    assert pairs["cps"] == (pytest.approx(0.02 / 8), pytest.approx(0.01 / 5))
    assert pairs["loaded-cps"] == (pytest.approx(0.022 / 8), pytest.approx(0.015 / 5))
    assert pairs["p50"] == (2.0, 1.0)
    assert pairs["tokens"] == (125.0, 100.0)
    assert change(found, "cps").difference.value == pytest.approx(0.002 - 0.0025)
    assert change(found, "cps").relative.value == pytest.approx(-0.2)


@pytest.mark.parametrize(
    ("a_alone", "b_alone", "p"),
    [(0, 0, 1.0), (0, 5, 2 / 32), (1, 7, 2 * 9 / 256), (3, 3, 1.0), (10, 0, 2 / 1024)],
)
def test_the_exact_test(a_alone: int, b_alone: int, p: float) -> None:
    """McNemar's exact p: both tails of the binomial over the tasks that differ."""
    tasks = a_alone + b_alone + 20
    a = [account(f"t{n}", n < a_alone or n >= a_alone + b_alone) for n in range(tasks)]
    b = [account(f"t{n}", n >= a_alone) for n in range(tasks)]
    found = compare(a, b)
    assert (found.a_alone, found.b_alone) == (a_alone, b_alone)
    assert found.p == pytest.approx(p)


def test_tasks_of_one_side_are_counted_and_left_out() -> None:
    """What only one side has finished changes no figure."""
    a = [account(f"t{n}", True) for n in range(10)]
    b = [account(f"t{n}", True) for n in range(5, 20)] + [account("t0", None)]
    found = compare(a, b)
    assert (found.tasks, found.only_a, found.only_b) == (5, 5, 10)
    assert change(found, "success").difference.value == 0.0


def test_repeats_of_a_task_are_averaged_first() -> None:
    """A task that was solved three times weighs no more than one that was solved once."""
    a = [account("often", n == 0, usd=0.003, repeat=n) for n in range(3)]
    a.append(account("once", True, usd=0.001))
    b = [account("often", True), account("once", True)]
    found = compare(a, b)
    assert change(found, "success").a == pytest.approx((1 / 3 + 1) / 2)
    assert change(found, "cps").a == pytest.approx((0.003 + 0.001) / (1 / 3 + 1))
    assert (found.a_alone, found.b_alone) == (0, 1)


def test_the_same_is_not_different() -> None:
    """A side against itself: every difference is nothing, and clear of nothing."""
    random = Random(1)
    a = [
        account(f"t{n}", random.random() < 0.7, usd=random.random(), seconds=random.random())
        for n in range(60)
    ]
    found = compare(a, a)
    assert found.p == 1.0
    assert {each.difference.value for each in found.changes} == {0.0}
    assert {each.verdict for each in found.changes} == {"not clear"}


def test_what_is_clearly_dearer_is_worse() -> None:
    """Intervals are of paired tasks: a small but steady difference is clear.

    That both never failed on 200 tasks leaves a doubt of two per cent in costs per success.
    """
    random = Random(2)
    costs = [random.lognormvariate(-6, 1.5) for _ in range(200)]
    a = [account(f"t{n}", True, usd=usd, seconds=usd) for n, usd in enumerate(costs)]
    b = [account(f"t{n}", True, usd=usd * 1.1, seconds=usd * 1.1) for n, usd in enumerate(costs)]
    found = compare(a, b)
    for metric in ("p50", "p95"):
        low, high = change(found, metric).relative.interval or (0.0, 0.0)
        assert low == pytest.approx(0.1, abs=1e-6)
        assert high == pytest.approx(0.1, abs=1e-6)
    interval = change(found, "cps").relative.interval
    assert interval == pytest.approx((1.1 / 1.02 - 1, 1.1 * 1.02 - 1), abs=2e-3)
    assert change(found, "cps").verdict == "worse"
    assert change(found, "tokens").verdict == "not clear"


def test_a_side_without_a_success_has_no_cost_per_success() -> None:
    """Nothing is divided by nothing."""
    a = [account(f"t{n}", True) for n in range(5)]
    b = [account(f"t{n}", False) for n in range(5)]
    found = change(compare(a, b), "cps")
    assert (found.a, found.b, found.difference.value) == (0.001, None, None)
    assert found.verdict == "not known"


def test_tasks_without_a_time_have_none() -> None:
    """Latency is of the tasks that came to an end on both sides."""
    a = [account(f"t{n}", True, seconds=None if n else 3.0) for n in range(5)]
    b = [account(f"t{n}", True, seconds=1.0) for n in range(5)]
    found = change(compare(a, b), "p50")
    assert (found.a, found.b) == (3.0, 1.0)


@pytest.mark.slow
def test_the_interval_of_a_change_holds_what_it_promises() -> None:
    """Of 300 comparisons with a known change of cost, about 95 in 100 intervals hold it."""
    held = 0
    for seed in range(300):
        random = Random(seed)
        costs = [random.lognormvariate(-6, 0.8) for _ in range(150)]
        a = [account(f"t{n}", random.random() < 0.8, usd=usd) for n, usd in enumerate(costs)]
        dear = [usd * random.lognormvariate(0, 0.3) for usd in costs]
        b = [account(f"t{n}", random.random() < 0.8, usd=usd) for n, usd in enumerate(dear)]
        low, high = change(compare(a, b), "cps").relative.interval or (0.0, 0.0)
        held += low <= 1.0460279 - 1 <= high  # exp(0.3 ** 2 / 2)
    assert 0.92 <= held / 300 <= 0.98
