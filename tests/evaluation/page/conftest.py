"""A bench that is told, and the page of a real one."""

import asyncio
from decimal import Decimal
from pathlib import Path

import pytest

from agentsys import Agent, Price, System
from agentsys.cli.page import write_page, write_picture
from agentsys.evaluation.bench import Bench, find_bench
from agentsys.evaluation.reports.accounts import accounts
from agentsys.evaluation.reports.report import report
from agentsys.evaluation.scorers import Numeric
from agentsys.evaluation.suites import Suite, Task
from agentsys.ledger import Ledger
from agentsys.models.scripted import Scripted
from agentsys.settings import Settings
from tests.evaluation.page.told import Told
from tests.shapes import Answer, Question, length_of_question

TASKS = tuple(Task(f"length-{n}", {"text": "x" * n}, n) for n in range(1, 61))


@pytest.fixture
def told(tmp_path: Path) -> Told:
    return Told(tmp_path)


@pytest.fixture(scope="session")
def benched(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with the page and the picture of a bench of four graphs on scripted models."""
    folder = tmp_path_factory.mktemp("benched")
    ledger = Ledger.open(f"sqlite:///{folder}/runs.db")
    asyncio.run(_bench(ledger))
    settings, begun = Settings.load(None), find_bench(ledger, "b1")
    tasks = accounts(ledger, bench="b1")
    computed = report(ledger, bench="b1", usd_per_failure=Decimal("0.01"))
    write_page(str(folder / "page.html"), ledger, computed, tasks, settings, bench=begun)
    write_picture(str(folder / "picture.svg"), computed)
    return folder


async def _bench(ledger: Ledger) -> None:
    solve = Agent(Question, Answer, "Give the length.", name="solve", min_confidence=0.7)
    graphs = {
        "small": solve,
        "fallback": solve.escalate("llm"),
        "voted": solve.vote(3),
        "large": solve.at("llm"),
    }
    small = Scripted(
        length_of_question,
        wrong={"value": -1},
        error_rate=0.3,
        confidence=0.9,
        wrong_confidence=0.6,
        price=Price(Decimal("0.05"), Decimal("0.08")),
        name="little",
    )
    large = Scripted(
        length_of_question,
        wrong={"value": 0},
        error_rate=0.05,
        confidence=0.99,
        price=Price(Decimal("2.5"), Decimal(10)),
        name="big",
    )
    async with System({"slm": small, "llm": large}, store=ledger.store) as system:
        await Bench("b1", Suite("lengths", TASKS, Numeric()), graphs).run(system)
