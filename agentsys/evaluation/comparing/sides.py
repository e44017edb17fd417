"""Which tasks of which bench a word of the command line means."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from agentsys.errors import UnknownName, UserError
from agentsys.evaluation.bench import find_bench
from agentsys.evaluation.reports.account import Account
from agentsys.evaluation.reports.accounts import accounts
from agentsys.evaluation.suites import Source
from agentsys.events import BenchStarted
from agentsys.ledger import Ledger

LAST = "last"


@dataclass(frozen=True, slots=True)
class Side:
    """A graph in a bench."""

    bench: BenchStarted
    graph: str

    @property
    def stood_in(self) -> bool:
        """Whether something answered in place of the models."""
        return bool(Source.from_json(self.bench.source).instead)

    def __str__(self) -> str:
        return f"{self.bench.bench}:{self.graph}"


def pairs(ledger: Ledger, a: str, b: str, *, bench: str | None = None) -> list[tuple[Side, Side]]:
    """What is compared with what.

    Args:
        ledger: Where the benches are.
        a: `BENCH:GRAPH`, `BENCH` or `GRAPH`; a bench is an id or `last`, a graph without a bench
            is one of `bench`.
        b: So, too. Of two benches without a graph, each graph is compared that both have; where
            each has but one, those are, whatever they are called.
        bench: The one that graphs without a bench are of; default: the last.

    Raises:
        UnknownName: there is no such bench or graph.
        UserError: it is not clear which graphs are meant.
        StoreError: the ledger cannot be read.
    """
    (first, mine), (second, theirs) = (_read(ledger, word, bench) for word in (a, b))
    if mine and theirs:
        return [(Side(first, mine), Side(second, theirs))]
    if not (mine or theirs) and len(first.graphs) > 1 and first.bench == second.bench:
        raise UserError(
            f"{a} and {b} are the same bench.",
            hint=f"Name two of its graphs: {', '.join(first.graphs)}.",
        )
    ours = [mine] if mine else list(first.graphs)
    others = [theirs] if theirs else list(second.graphs)
    if len(ours) == len(others) == 1:
        return [(Side(first, ours[0]), Side(second, others[0]))]
    both = [graph for graph in ours if graph in others]
    if not both:
        raise UserError(
            f"{a} has {', '.join(ours)} and {b} has {', '.join(others)}.",
            hint="Say which: BENCH:GRAPH.",
        )
    return [(Side(first, graph), Side(second, graph)) for graph in both]


def _read(ledger: Ledger, word: str, bench: str | None) -> tuple[BenchStarted, str]:
    """The bench, and the graph or nothing."""
    name, colon, graph = word.partition(":")
    if not colon and (bench is not None or not _is_bench(ledger, name)):
        name, graph = bench or LAST, word
    found = find_bench(ledger, name)
    if graph and graph not in found.graphs:
        hint = "" if colon or bench else _there_are(found)
        raise UnknownName("graph or bench" if hint else "graph", graph, found.graphs, hint=hint)
    return found, graph


def _there_are(bench: BenchStarted) -> str:
    return f"The last bench, {bench.bench}, has {', '.join(bench.graphs)}."


def _is_bench(ledger: Ledger, name: str) -> bool:
    if name == LAST:
        return True
    return next(ledger.events(BenchStarted, bench=name), None) is not None


def tasks_of(ledger: Ledger, sides: Sequence[Side]) -> list[list[Account]]:
    """The tasks of each side; a bench is read once.

    Those of stand-ins have no seconds: a replay has a clock of its own.

    Raises:
        StoreError: the ledger cannot be read.
    """
    benches = dict.fromkeys(side.bench.bench for side in sides)
    read = {bench: accounts(ledger, bench=bench) for bench in benches}
    return [
        [
            replace(account, seconds=None) if side.stood_in else account
            for account in read[side.bench.bench]
            if account.graph == side.graph
        ]
        for side in sides
    ]
