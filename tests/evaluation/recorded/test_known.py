"""Known figures of real models, from recorded outputs on GSM8K; skipped where these are absent.

`FACTS`: GPT-4o alone 96.2 %; three small models unanimous, else GPT-4o: the same at 40 % of its
cost per success; two of three: 94.8 % at about 15 %.
"""

import asyncio
from pathlib import Path

import pytest

from agentsys import System, open_store
from agentsys.evaluation.bench import Bench
from agentsys.evaluation.recorded import RecordedModels, RecordedRuns, recorded_suite, routed
from agentsys.evaluation.recorded.validity import validity
from agentsys.evaluation.reports.report import Row, report
from agentsys.ledger import Ledger
from agentsys.project import catalog, find, find_graph

GSM8K = Path(__file__).parents[4] / "shared" / "data" / "recorded" / "gsm8k"
SMALL = ("Qwen2-7B-Instruct", "gemma-2-9b-it", "Meta-Llama-3.1-8B-Instruct")
LARGE = "gpt-4o-2024-08-06"
GRAPHS = ("llm_only", "unanimous", "majority")

pytestmark = [
    pytest.mark.skipif(not GSM8K.is_dir(), reason="the recorded runs are not there"),
    pytest.mark.slow,
]


@pytest.fixture(scope="module")
def runs() -> RecordedRuns:
    return RecordedRuns.load(GSM8K)


@pytest.fixture(scope="module")
def rows(runs: RecordedRuns, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Row]:
    """The three graphs on all tasks."""
    url = f"sqlite:///{tmp_path_factory.mktemp('ledger')}/runs.db"
    answering = find_graph("answer", start=catalog())
    found = {name: find_graph(name, start=catalog()) for name in GRAPHS}
    graphs = {name: routed(name, g, runs, SMALL, answering).node for name, g in found.items()}

    async def bench() -> None:
        models = RecordedModels(runs, slm=SMALL, llm=LARGE)
        async with System(models, store=open_store(url)) as system:
            await Bench("known", recorded_suite(GSM8K), graphs).run(system)

    asyncio.run(bench())
    return {row.graph: row for row in report(Ledger.open(url), bench="known").rows}


def test_large_alone(rows: dict[str, Row], runs: RecordedRuns) -> None:
    """GPT-4o alone succeeds on 96.2 %, on just the tasks that the source's own grading has."""
    graded = sum(bool(runs.samples[task, LARGE][0].correct) for task in runs.tasks)
    assert rows["llm_only"].success_rate == graded / 1319
    assert f"{rows['llm_only'].success_rate:.1%}" == "96.2%"
    assert rows["llm_only"].schema_validity_rate == 1.0


def test_unanimous(rows: dict[str, Row]) -> None:
    """Three small models unanimous, else GPT-4o: as good as GPT-4o, at 40 % of its cost."""
    row, large = rows["unanimous"], rows["llm_only"]
    assert f"{row.success_rate:.1%}" == "96.2%"
    assert row.cps_usd is not None
    assert large.cps_usd is not None
    assert row.cps_usd / large.cps_usd == pytest.approx(0.401, abs=0.0005)
    assert row.escalation_rate == pytest.approx(400 / 1319)


def test_majority(rows: dict[str, Row]) -> None:
    """Two of three, else GPT-4o: 94.8 % at 13.4 %; at 14.3 % if the third were always asked."""
    row, large = rows["majority"], rows["llm_only"]
    assert f"{row.success_rate:.1%}" == "94.8%"
    assert row.cps_usd is not None
    assert large.cps_usd is not None
    assert row.cps_usd / large.cps_usd == pytest.approx(0.134, abs=0.0005)
    assert row.escalation_rate == pytest.approx(91 / 1319)


@pytest.mark.parametrize(
    ("model", "as_it_stands", "fits", "right", "both"),
    [
        ("gemma-2-2b-it", "0.0%", "56.5%", "51.6%", "32.5%"),
        ("Meta-Llama-3.1-8B-Instruct", "76.0%", "76.0%", "84.0%", "64.4%"),
        ("gpt-4o-2024-08-06", "0.0%", "100.0%", "96.2%", "96.2%"),
    ],
)
def test_validity(
    runs: RecordedRuns, model: str, as_it_stands: str, fits: str, right: str, both: str
) -> None:
    """What fits without guided decoding, once a code fence is off, and is right (`FACTS`)."""
    answerer = find("agent", "answerer", start=catalog()).value
    assert answerer is not None
    found = {each.model: each for each in validity(runs, answerer.gives)}[model]
    shares = (found.fits, found.fits_unfenced, found.right, found.fits_and_right)
    assert [share and f"{share.rate:.1%}" for share in shares] == [as_it_stands, fits, right, both]


def test_costs_are_on_record(rows: dict[str, Row], runs: RecordedRuns) -> None:
    """What a graph cost is, to the nano-dollar, what its calls cost by the recorded tokens."""
    price = runs.models[LARGE].price
    every = [runs.samples[task, LARGE][0] for task in runs.tasks]
    assert rows["llm_only"].nano_usd == sum(price.of(s.usage) for s in every)
