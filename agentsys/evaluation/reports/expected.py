"""What a run of a graph has cost so far: what the next one is to be expected to."""

from collections import defaultdict, deque
from collections.abc import Collection
from dataclasses import dataclass

from agentsys.evaluation.statistics import Interval, mean, percentile
from agentsys.events import Call, RunFinished
from agentsys.ledger import Ledger

NEWEST = 10_000
"""Runs that are looked at."""


@dataclass(frozen=True, slots=True)
class Expected:
    """Of the newest paid runs of a graph; or, where it has not run, of those of its nodes."""

    runs: int
    nano_usd: float
    """On average."""
    interval: Interval | None
    """95 %, of the average; `None` of single nodes, and of a single run."""
    p95_nano_usd: float | None
    most_nano_usd: int | None
    of_nodes: bool = False
    """Whether it is a sum over nodes, each as it has run in other graphs."""


def expected(ledger: Ledger, graph: str, asked: Collection[tuple[str, str]]) -> Expected | None:
    """What the ledger makes one expect; `None` where neither the graph nor all its nodes have run.

    Args:
        ledger: The runs.
        graph: The graph's name.
        asked: Which of its nodes may ask which tier.

    Raises:
        StoreError: the ledger cannot be read.
    """
    costs: deque[int] = deque(maxlen=NEWEST)
    unpaid = _unpaid(ledger)
    for run_id, name, cost in ledger.lines(RunFinished, columns=("run_id", "graph", "nano_usd")):
        if name == graph and run_id not in unpaid:
            costs.append(cost or 0)
    if not costs:
        return _of_nodes(ledger, asked)
    measured = mean(costs)
    return Expected(
        runs=len(costs),
        nano_usd=sum(costs) / len(costs),
        interval=measured.interval if len(costs) > 1 else None,
        p95_nano_usd=percentile(costs, 95),
        most_nano_usd=max(costs),
    )


def _unpaid(ledger: Ledger) -> set[str]:
    """The runs in which a record answered in place of a model: what they cost is no price."""
    totals = ledger.totals(Call, by=("run_id",), sums=("unpaid",))
    return {run_id for run_id, _, unpaid in totals if unpaid is not None}


def _of_nodes(ledger: Ledger, asked: Collection[tuple[str, str]]) -> Expected | None:
    """The sum of what each node costs on average in the runs in which it is asked.

    On the tiers that it may ask here: elsewhere it may have been given a dearer one.
    """
    costs: dict[str, dict[str, int]] = {node: defaultdict(int) for node, _ in asked}
    columns = ("run_id", "node", "tier", "nano_usd", "unpaid")
    for run_id, node, tier, cost, unpaid in ledger.lines(Call, columns=columns):
        if unpaid is None and (node, tier) in asked:
            costs[node][run_id] += cost or 0
    if not costs or not all(costs.values()):
        return None
    means = [sum(of_runs.values()) / len(of_runs) for of_runs in costs.values()]
    fewest = min(len(of_runs) for of_runs in costs.values())
    return Expected(fewest, sum(means), None, None, None, of_nodes=True)
