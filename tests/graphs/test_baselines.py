"""The ready-made graphs that sample, vote, compare two ways or ask judges, on shipped models."""

from pathlib import Path

import pytest

from agentsys import System
from agentsys.evaluation.bench import Bench, new_id
from agentsys.evaluation.reports.report import Row, report
from agentsys.evaluation.suites import load_suite
from agentsys.events import Call, RunStarted
from agentsys.ledger import Ledger
from agentsys.models.tiers import Tiers
from agentsys.project import find_graph
from agentsys.settings import DEFAULT_FILE, Settings

GRAPHS = ("slm_only", "sampled", "voted", "cot_pot", "judged_fallback", "llm_only")


@pytest.fixture
async def ledger(tmp_path: Path) -> Ledger:
    """With the graphs on the same held-out problems."""
    ledger = Ledger.open(f"sqlite:///{tmp_path / 'ledger.db'}")
    suite = load_suite("word-problems", limit=60, seed=1)
    bench = Bench(new_id(), suite, {name: find_graph(name) for name in GRAPHS})
    async with System(Tiers(Settings.load(DEFAULT_FILE)), store=ledger.store) as system:
        await bench.run(system)
    return ledger


def test_each_does_what_it_is_for(ledger: Ledger) -> None:
    """Sampling mends the small model without the large one; judges and two ways cost calls."""
    rows = {row.graph: row for row in report(ledger).rows}
    rates = {name: _rate(row) for name, row in rows.items()}
    assert rates["sampled"] > rates["slm_only"] + 0.04
    assert rates["voted"] > rates["slm_only"] + 0.04
    assert min(rates["cot_pot"], rates["judged_fallback"]) >= rates["llm_only"] - 0.05
    tiers: dict[str, set[str]] = {}
    judges: set[str] = set()
    graphs = _graph_of(ledger)
    for recorded in ledger.events(Call):
        if isinstance(recorded.event, Call):
            graph = graphs[recorded.event.run_id]
            tiers.setdefault(graph, set()).add(recorded.event.tier)
            if graph == "judged_fallback":
                judges.add(recorded.event.node)
    assert tiers["sampled"] == tiers["voted"] == {"slm"}
    assert tiers["cot_pot"] == tiers["judged_fallback"] == {"slm", "llm"}
    assert judges >= {"solver", "judge", "solve-anew"}


def _rate(row: Row) -> float:
    assert row.success_rate is not None
    return row.success_rate


def _graph_of(ledger: Ledger) -> dict[str, str]:
    events = (recorded.event for recorded in ledger.events(RunStarted))
    return {event.run_id: event.graph for event in events if isinstance(event, RunStarted)}
