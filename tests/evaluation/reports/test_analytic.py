"""Reports on graphs of which is known how tasks cost and succeed, through bench and ledger.

Every seed has its own tasks: a sample like those that users draw, with its own intervals. How often
an interval should cover the truth is known as well, and is not always 95 %: of so few tasks
Wilson's covers between 92 and 98 %, depending on the rate (Brown, Cai and DasGupta 2001).
"""

import asyncio
import math
import random
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import comb

import pytest

from agentsys import System
from agentsys.evaluation.bench import Bench
from agentsys.evaluation.reports.report import Row, report
from agentsys.evaluation.statistics import (
    Interval,
    paired_ratio,
    paired_success,
    ratio_interval,
    wilson,
)
from agentsys.stores import open_store
from tests.evaluation.reports.known import C_L, C_S, EVERY, P_L, P_S, SHOWS, Known, suite

pytestmark = pytest.mark.slow

SEEDS, ALL_SEEDS = 30, 300
"""Samples of each graph: ordinarily, and with `--all`."""
TASKS = 20
"""In each."""
DRAWS = 1_000
"""Samples from which it is told how often an interval should cover the truth."""
MOST = 3.5
"""Standard deviations from what is expected; seeds are fixed, so that chance decides but once."""

Pair = tuple[int, bool]
"""What a task cost in nano-dollars, and whether it succeeded."""


@dataclass(frozen=True)
class Sample:
    """One seed of one graph."""

    row: Row
    tasks: tuple[Pair, ...]


Samples = Mapping[str, Sequence[Sample]]


@pytest.fixture(scope="module")
def samples(request: pytest.FixtureRequest) -> Samples:
    """Those of every graph."""
    seeds = ALL_SEEDS if request.config.getoption("--all") else SEEDS
    return {name: asyncio.run(drawn(known, seeds)) for name, known in EVERY.items()}


async def drawn(known: Known, seeds: int) -> list[Sample]:
    """Samples of one graph, run and reported."""
    models = {tier: make() for tier, make in known.models.items()}
    budgets = () if known.budget is None else (known.budget,)
    store = open_store("sqlite:///:memory:")
    async with System(models, store=store, budgets=budgets) as system:
        assert system.ledger is not None
        found: list[Sample] = []
        for seed in range(seeds):
            await Bench(f"b{seed}", suite(seed, TASKS), {"g": known.graph}).run(
                system, concurrency=1
            )
            [row] = report(system.ledger, bench=f"b{seed}").rows
            runs = report(system.ledger, bench=f"b{seed}", by="run").rows
            found.append(Sample(row, tuple((run.nano_usd, run.success_rate == 1) for run in runs)))
        return found


@pytest.mark.parametrize("name", EVERY)
def test_tasks_cost_and_succeed_as_often_as_known(samples: Samples, name: str) -> None:
    """To the nano-dollar: nothing but what is known ever happens, as often as is known (χ²)."""
    known = EVERY[name].outcomes
    seen = Counter(task for sample in samples[name] for task in sample.tasks)
    assert set(seen) <= {outcome for outcome, share in known.items() if share}
    tasks = seen.total()
    assert tasks == len(samples[name]) * TASKS
    off = sum(
        (seen[outcome] - tasks * share) ** 2 / (tasks * share)
        for outcome, share in known.items()
        if share
    )
    assert off < len(known) + 5 * math.sqrt(2 * len(known))


@pytest.mark.parametrize("name", EVERY)
def test_the_row_is_that_of_its_tasks(samples: Samples, name: str) -> None:
    """Cost, success and cost per success, to the last bit."""
    for row, tasks in ((sample.row, sample.tasks) for sample in samples[name]):
        wins, cost = sum(won for _, won in tasks), sum(cost for cost, _ in tasks)
        assert (row.tasks, row.nano_usd, row.success_rate) == (TASKS, cost, wins / TASKS)
        assert row.cps_usd == (cost / (wins * 10**9) if wins else None)


def test_success_rates_are_covered_as_often_as_they_should(samples: Samples) -> None:
    """Wilson's interval, all graphs together; it is known exactly how often it covers."""
    seen, expected = [], []
    for name, known in EVERY.items():
        seen += [covers(each.row.success_ci, known.success) for each in samples[name]]
        expected += [wilson_covers(known.success)] * len(samples[name])
    as_expected(seen, expected)


def test_costs_per_success_are_covered_as_often_as_they_should(samples: Samples) -> None:
    """The interval of the report, against how often it covers where tasks are simply drawn."""
    seen, expected = [], []
    for name, known in EVERY.items():
        seen += [covers(each.row.cps_ci, known.cps_usd) for each in samples[name]]
        share = ratio_covers(known)
        assert 0.89 < share < 1
        expected += [share] * len(samples[name])
    as_expected(seen, expected)


Both = Mapping[tuple[Pair, Pair], float]
"""How often tasks end how in two graphs."""

SURE, HIDDEN = P_S, 1 - P_S - SHOWS
TOGETHER: Mapping[tuple[str, str], Both] = {
    # The same model makes the same errors in both, and the large one is asked the same.
    ("fallback by check", "small model"): {
        ((C_S, True), (C_S, True)): SURE,
        ((C_S, False), (C_S, False)): HIDDEN,
        ((C_S + C_L, True), (C_S, False)): SHOWS * P_L,
        ((C_S + C_L, False), (C_S, False)): SHOWS * (1 - P_L),
    },
    ("fallback by check", "large model"): {
        ((C_S, True), (C_L, True)): SURE * P_L,
        ((C_S, True), (C_L, False)): SURE * (1 - P_L),
        ((C_S, False), (C_L, True)): HIDDEN * P_L,
        ((C_S, False), (C_L, False)): HIDDEN * (1 - P_L),
        ((C_S + C_L, True), (C_L, True)): SHOWS * P_L,
        ((C_S + C_L, False), (C_L, False)): SHOWS * (1 - P_L),
    },
    ("small model", "large model"): {
        ((C_S, small), (C_L, large)): (P_S if small else 1 - P_S) * (P_L if large else 1 - P_L)
        for small in (True, False)
        for large in (True, False)
    },
}


def test_pairs_of_tasks_end_as_often_as_known(samples: Samples) -> None:
    """Two graphs on the same tasks share what their models do on them."""
    for (first, second), known in TOGETHER.items():
        pairs = [pair for sample in paired(samples, first, second) for pair in sample]
        assert set(pairs) <= set(known)
        for pair, share in known.items():
            spread = math.sqrt(len(pairs) * share * (1 - share))
            assert abs(pairs.count(pair) - len(pairs) * share) <= MOST * spread


@pytest.mark.parametrize("what", ["success", "cost per success"])
def test_differences_are_covered_as_often_as_they_should(samples: Samples, what: str) -> None:
    """Of two graphs on the same tasks."""
    difference = of_success if what == "success" else of_cps
    seen, expected = [], []
    for (first, second), known in TOGETHER.items():
        one, other = EVERY[first], EVERY[second]
        truth = one.success - other.success
        if what != "success":
            truth = one.cps_usd - other.cps_usd
        every = paired(samples, first, second)
        seen += [covers(difference(pairs), truth) for pairs in every]
        random_draw = random.Random(f"{first} {second}")
        draws = ([*known], [*known.values()])
        share = mean(
            covers(difference(random_draw.choices(*draws, k=TASKS)), truth) for _ in range(DRAWS)
        )
        assert share > 0.9
        expected += [share] * len(every)
    as_expected(seen, expected)


def paired(samples: Samples, first: str, second: str) -> list[list[tuple[Pair, Pair]]]:
    """The tasks of two graphs side by side, for each seed."""
    return [
        list(zip(one.tasks, other.tasks, strict=True))
        for one, other in zip(samples[first], samples[second], strict=True)
    ]


def of_success(pairs: Sequence[tuple[Pair, Pair]]) -> Interval | None:
    """The interval of the difference of the success rates."""
    return paired_success([a[1] for a, _ in pairs], [b[1] for _, b in pairs]).interval


def of_cps(pairs: Sequence[tuple[Pair, Pair]]) -> Interval | None:
    """The interval of the difference of the costs per success."""
    first, second = (
        ([pair[side][0] / 1e9 for pair in pairs], [pair[side][1] for pair in pairs])
        for side in (0, 1)
    )
    return paired_ratio(first, second).interval


def covers(interval: tuple[float, float | None] | None, truth: float) -> bool:
    """Whether the truth is in an interval; no interval says nothing that is wrong."""
    if interval is None:
        return True
    low, high = interval
    return low <= truth * (1 + 1e-9) and (high is None or truth * (1 - 1e-9) <= high)


def wilson_covers(rate: float) -> float:
    """How often Wilson's interval covers a success rate."""
    return sum(
        comb(TASKS, won) * rate**won * (1 - rate) ** (TASKS - won)
        for won in range(TASKS + 1)
        if covers(wilson(won, TASKS), rate)
    )


def ratio_covers(known: Known) -> float:
    """How often the interval covers the cost per success, of tasks that are drawn."""
    draw, outcomes = random.Random(1), [*known.outcomes]
    weights = [*known.outcomes.values()]

    def covered() -> bool:
        tasks = draw.choices(outcomes, weights, k=TASKS)
        interval = ratio_interval([cost / 1e9 for cost, _ in tasks], [won for _, won in tasks])
        return covers(interval, known.cps_usd)

    return mean(covered() for _ in range(DRAWS))


def mean(values: Iterable[bool]) -> float:
    every = list(values)
    return sum(every) / len(every)


def as_expected(seen: Sequence[bool], expected: Sequence[float]) -> None:
    """Neither too seldom nor too often, within binomial error."""
    spread = math.sqrt(sum(share * (1 - share) for share in expected))
    off = (sum(seen) - sum(expected)) / spread
    assert abs(off) < MOST, f"{mean(seen):.1%} instead of {sum(expected) / len(expected):.1%}"
