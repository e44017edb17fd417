"""How often the intervals of reports cover the truth, beside the bootstrap's.

Tasks are drawn with a cost and a success from distributions of which the truth is known; the
intervals are made by the functions that reports use. With `--graphs`, scripted graphs of which it
is known how tasks cost and succeed go through bench, ledger and report instead.
"""

import argparse
import asyncio
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from page import write
from rich.console import Console
from rich.progress import track

from agentsys.evaluation.statistics import (
    Interval,
    paired_change,
    paired_ratio,
    paired_success,
    ratio_interval,
    share_interval,
)

Floats = NDArray[np.float64]
Draw = Callable[[np.random.Generator, Floats], Floats]
"""Costs, given which tasks succeed."""

SIZES = (10, 20, 50, 100, 200, 500)
RATES = (0.5, 0.8, 0.95, 0.99)
RESAMPLES = 500
LARGE, RARE, DEAR = 0.3, 0.03, 5.0
FAILURE = 1_000.0
"""What a failed task costs beyond its calls, where a call costs 7 or 140."""
FEW = (3, 5, 10, 30)
TRIES = (2, 4, 8)
SPREADS = {"much alike": (50.0, 50.0), "unlike": (2.0, 2.0), "mostly solved": (9.0, 1.0)}
"""How often tasks are solved: the parameters of a beta distribution."""


def _some(random: np.random.Generator, won: Floats, share: float, more: float) -> Floats:
    return 1 + more * (random.random(won.shape) < share)


COSTS: dict[str, tuple[Draw, Callable[[float], float]]] = {
    "all cost the same": (lambda _, won: np.ones_like(won), lambda _: 1.0),
    "30 % cost 21 times as much": (lambda r, won: _some(r, won, LARGE, 20), lambda _: 7.0),
    "failures cost 5 times as much": (
        lambda _, won: np.where(won > 0, 1.0, DEAR),
        lambda rate: rate + DEAR * (1 - rate),
    ),
    "log-normal, σ = 1": (
        lambda r, won: np.exp(r.normal(0, 1, won.shape)),
        lambda _: float(np.exp(0.5)),
    ),
    "log-normal, σ = 1.5": (
        lambda r, won: np.exp(r.normal(0, 1.5, won.shape)),
        lambda _: float(np.exp(1.125)),
    ),
    "3 % cost 101 times as much": (lambda r, won: _some(r, won, RARE, 100), lambda _: 4.0),
}
"""How costs are drawn, and their mean at a success rate."""


def resampled(sums: Sequence[Floats], random: np.random.Generator) -> list[Floats]:
    """The sums of so many bootstrap samples."""
    tasks = len(sums[0])
    times = random.multinomial(tasks, np.full(tasks, 1 / tasks), size=RESAMPLES)
    return [times @ each for each in sums]


def bootstrap(values: Floats) -> Interval | None:
    """The percentile interval; values that are undefined are the largest."""
    low, high = np.quantile(np.nan_to_num(values, nan=np.inf), [0.025, 0.975], method="nearest")
    return float(low), float(high)


def covers(interval: Interval | None, truth: float) -> bool:
    """Whether the truth is in it; no interval says nothing that is wrong."""
    return interval is None or interval[0] - 1e-9 <= truth <= interval[1] + 1e-9


def of_ratio(costs: str, rate: float, tasks: int, draws: int) -> tuple[float, float]:
    """How often the cost per success is covered: by the interval of reports, by the bootstrap."""
    draw, mean = COSTS[costs]
    random, truth = np.random.default_rng(7), mean(rate) / rate
    ours = theirs = 0
    for _ in range(draws):
        won = (random.random(tasks) < rate).astype(float)
        cost = draw(random, won)
        ours += covers(ratio_interval(cost.tolist(), won.tolist()), truth)
        spent, wins = resampled((cost, won), random)
        with np.errstate(divide="ignore", invalid="ignore"):
            theirs += covers(bootstrap(spent / wins), truth)
    return ours / draws, theirs / draws


@dataclass(frozen=True)
class Two:
    """Two graphs on the same tasks: a cascade and the large model alone, or two small changes."""

    small: float
    large: float
    seen: float
    """Errors of the small model that the cascade sees."""

    @property
    def truth(self) -> tuple[float, ...]:
        """The differences of `COMPARED`."""
        up = (1 - self.small) * self.seen
        rate = self.small + up * self.large
        cost, dear = (7 + 140 * up) / rate, 140 / self.large
        loaded = cost + FAILURE * (1 / rate - 1), dear + FAILURE * (1 / self.large - 1)
        return (
            rate - self.large,
            cost - dear,
            cost / dear - 1,
            loaded[0] - loaded[1],
            loaded[0] / loaded[1] - 1,
        )

    def draw(self, random: np.random.Generator, tasks: int) -> tuple[Floats, ...]:
        """Costs and successes of the cascade, and of the large model."""
        small, large = random.random(tasks) < self.small, random.random(tasks) < self.large
        up = ~small & (random.random(tasks) < self.seen)
        cascade = np.where(up, large, small).astype(float)
        return 7 + 140.0 * up, cascade, np.full(tasks, 140.0), large.astype(float)


PAIRS = {
    "small model 80 %, large 95 %": Two(0.8, 0.95, 0.8),
    "small model 95 %, large 99 %": Two(0.95, 0.99, 0.9),
    "no cascade: 70 % and 97 %": Two(0.7, 0.97, 0.0),
}


COMPARED = (
    "success",
    "cost per success",
    "cost per success, %",
    "loaded cost",
    "loaded cost, %",
)


def of_pair(two: Two, tasks: int, draws: int) -> list[tuple[float, float]]:
    """How often each difference of `COMPARED` is covered, likewise."""
    random, truth = np.random.default_rng(7), two.truth
    found = np.zeros((len(COMPARED), 2))
    for _ in range(draws):
        drawn = two.draw(random, tasks)
        cost, won, dear, lost = (each.tolist() for each in drawn)
        spent, wins, paid, more = resampled(drawn, random)
        with np.errstate(divide="ignore", invalid="ignore"):
            one, other = spent / wins, paid / more
            loaded = one + FAILURE * (tasks / wins - 1), other + FAILURE * (tasks / more - 1)
            theirs = (
                (wins - more) / tasks,
                one - other,
                one / other - 1,
                loaded[0] - loaded[1],
                loaded[0] / loaded[1] - 1,
            )
        pair = (cost, won), (dear, lost)
        ours = (
            paired_success(won, lost),
            paired_ratio(*pair),
            paired_change(*pair),
            paired_ratio(*pair, failure=FAILURE),
            paired_change(*pair, failure=FAILURE),
        )
        found += [
            (covers(mine.interval, known), covers(bootstrap(sampled), known))
            for mine, sampled, known in zip(ours, theirs, truth, strict=True)
        ]
    return [(float(ours), float(theirs)) for ours, theirs in found / draws]


def of_repeats(
    spread: str, tries: int, tasks: int, draws: int
) -> tuple[tuple[float, float], tuple[float, float]]:
    """How often success and cost per success of repeated tasks are covered, likewise."""
    random, (a, b) = np.random.default_rng(7), SPREADS[spread]
    rate, found = a / (a + b), np.zeros((2, 2))
    for _ in range(draws):
        won = random.binomial(tries, random.beta(a, b, tasks)).astype(float)
        cost = random.gamma(20, 1 / 20, (tasks, tries)).sum(axis=1)
        spent, wins = resampled((cost, won), random)
        with np.errstate(divide="ignore", invalid="ignore"):
            ratios = spent / wins
        share = share_interval([(tries, int(each)) for each in won])
        ratio = ratio_interval(cost.tolist(), won.tolist(), [float(tries)] * tasks)
        found += [
            (covers(share, rate), covers(bootstrap(wins / tasks / tries), rate)),
            (covers(ratio, 1 / rate), covers(bootstrap(ratios), 1 / rate)),
        ]
    success, cost = (tuple(map(float, each)) for each in found / draws)
    return (success[0], success[1]), (cost[0], cost[1])


def row(first: str, second: str, shares: Sequence[tuple[float, float]]) -> str:
    """One row: ours, and the bootstrap's in brackets."""
    cells = " | ".join(f"{ours:.1%} ({theirs:.1%})".replace("%", "") for ours, theirs in shares)
    return f"| {first} | {second} | {cells} |"


def simulated(draws: int, console: Console) -> str:
    """The tables of drawn tasks."""
    head = _head(SIZES)
    lines = [f"Cost per success, {draws:,} samples a cell.\n", f"| costs | success {head}"]
    for costs in track(COSTS, "costs", console=console, transient=True):
        for rate in RATES:
            shares = [of_ratio(costs, rate, tasks, draws) for tasks in SIZES]
            lines.append(row(costs, f"{rate:.0%}", shares))
    lines += [
        f"\nTwo graphs on the same tasks; loaded: with {FAILURE:,.0f} for each failure, where calls"
        " cost 7 and 140.\n",
        f"| models | difference of {head}",
    ]
    for name, two in track(PAIRS.items(), "pairs", console=console, transient=True):
        every = [of_pair(two, tasks, draws) for tasks in SIZES]
        for at, what in enumerate(COMPARED):
            lines.append(row(name, what, [pair[at] for pair in every]))
    lines += [
        "\nFew tasks, each solved several times.\n",
        f"| tasks, tries of each | interval of {_head(FEW)}",
    ]
    for spread in track(SPREADS, "repeats", console=console, transient=True):
        for tries in TRIES:
            found = [of_repeats(spread, tries, tasks, draws) for tasks in FEW]
            name = f"{spread}, {tries}"
            lines.append(row(name, "success", [success for success, _ in found]))
            lines.append(row(name, "cost per success", [cost for _, cost in found]))
    return "\n".join(lines)


def _head(sizes: Sequence[int]) -> str:
    return f"| {' | '.join(map(str, sizes))} |\n|---|---|{'---:|' * len(sizes)}"


def run(seeds: int, console: Console) -> str:
    """The table of graphs that are run."""
    sys.path.insert(0, str(Path(__file__).parents[1]))
    from tests.evaluation import test_analytic as known

    lines = [
        f"{seeds} samples of {known.TASKS} tasks of each graph, run.\n",
        "| graph | success | known | cost per success | known | success covered | expected "
        "| cost per success covered | expected |",
        f"|---|{'---:|' * 8}",
    ]
    for name, graph in track(known.EVERY.items(), "graphs", console=console, transient=True):
        samples = asyncio.run(known.drawn(graph, seeds))
        rows = [sample.row for sample in samples]
        wins = sum(won for sample in samples for _, won in sample.tasks)
        spent = sum(cost for sample in samples for cost, _ in sample.tasks)
        figures = (
            f"{wins / seeds / known.TASKS:.1%}",
            f"{graph.success:.1%}",
            f"${spent / wins / 1e9:.8f}",
            f"${graph.cps_usd:.8f}",
            f"{known.mean(known.covers(row.success_ci, graph.success) for row in rows):.1%}",
            f"{known.wilson_covers(graph.success):.1%}",
            f"{known.mean(known.covers(row.cps_ci, graph.cps_usd) for row in rows):.1%}",
            f"{known.ratio_covers(graph):.1%}",
        )
        lines.append(f"| {name} | {' | '.join(figures)} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--draws", type=int, default=500, help="samples of each cell")
    parser.add_argument("--graphs", type=int, metavar="SEEDS", help="run graphs instead")
    parser.add_argument("--write", action="store_true", help="rewrite the table in README.md")
    given = parser.parse_args()
    console = Console(stderr=True)
    mark = "coverage" if given.graphs is None else "coverage of graphs"
    text = simulated(given.draws, console) if given.graphs is None else run(given.graphs, console)
    print(text)
    if given.write:
        write(mark, text)


if __name__ == "__main__":
    main()
