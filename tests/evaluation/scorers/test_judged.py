"""Judges in place of references."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from agentsys import Agent, Price, System, step
from agentsys.errors import ModelError, UserError
from agentsys.evaluation.bench import Bench
from agentsys.evaluation.reports.report import report
from agentsys.evaluation.scorers import Judged
from agentsys.evaluation.suites import Suite, Task
from agentsys.events import Outcome, RunFinished
from agentsys.ledger import Ledger
from agentsys.models.scripted import Scripted
from agentsys.verdict import Candidate, Verdict
from tests.shapes import Answer, Question, double


class Ask(BaseModel):
    """A question under another name."""

    question: str


@step
async def shown(candidate: Candidate[Ask, Answer]) -> Question:
    return Question(text=f"{candidate.task.question} {candidate.answer.value}")


judge = shown >> Agent(Question, Verdict, "Judge it.", name="judge", tier="llm", repairs=0)
TASKS = tuple(Task(f"t{n}", {"text": f"{n}?"}, None) for n in range(1, 5))


@step
async def guess(question: Question) -> Answer:
    return Answer(value=int(question.text[0]))


def verdict(request: Any) -> Any:
    text = request.messages[-1].content
    label = {"1? 1": "correct", "2? 2": "incorrect", "3? 3": "unknown"}.get(text)
    return ModelError("gone.") if label is None else {"label": label}


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger.open(f"sqlite:///{tmp_path}/runs.db")


async def benched(ledger: Ledger, graph: Any = guess, **judged: Any) -> None:
    models = {"llm": Scripted(verdict, price=Price(Decimal(1), Decimal(1)))}
    suite = Suite("s", TASKS, Judged("my_judge", judge, **judged))
    async with System(models, store=ledger.store) as system:
        await Bench("b", suite, {"guess": graph}).run(system, concurrency=1)


async def test_a_judge_decides(ledger: Ledger):
    """Only what it calls correct is right; that it does not know, or fails, is on record."""
    await benched(ledger)
    found = [r.event for r in ledger.events(Outcome) if isinstance(r.event, Outcome)]
    assert [(e.task_id, e.success, e.error) for e in found] == [
        ("t1", True, ""),
        ("t2", False, ""),
        ("t3", False, "unknown"),
        ("t4", False, "the judge is failed: gone."),
    ]
    assert {e.scorer for e in found} == {"judge:my_judge"}


async def test_what_a_judge_costs_is_no_cost_of_the_graph(ledger: Ledger):
    """Its runs are in the ledger under its own name, and the bench's report says how much."""
    await benched(ledger)
    ends = [r.event for r in ledger.events(RunFinished) if isinstance(r.event, RunFinished)]
    cost = sum(end.nano_usd for end in ends if end.graph == "my_judge")
    assert cost > 0
    found = report(ledger, bench="b")
    assert [(row.graph, row.nano_usd) for row in found.rows] == [("guess", 0)]
    assert f"Scoring by judge:my_judge cost ${cost / 10**9:f} more" in "\n".join(found.notes)
    assert "2 of 4 outcomes count as failures without a verdict" in "\n".join(found.notes)
    every = {row.graph: row.nano_usd for row in report(ledger).rows}
    assert every == {"guess": 0, "my_judge": cost}


async def test_what_is_no_judge_is_refused(ledger: Ledger):
    """Before anything runs."""
    suite = Suite("s", TASKS, Judged("double", double))
    async with System({"llm": Scripted(verdict)}, store=ledger.store) as system:
        with pytest.raises(UserError, match="'double' is no judge: it takes Answer and gives"):
            await Bench("b", suite, {"guess": guess}).run(system)
        assert list(ledger.events()) == []


async def test_an_answer_that_a_judge_does_not_take_ends_no_bench(ledger: Ledger):
    """It has no verdict, and says why; the others are judged, and what is on record stays."""

    @step
    async def wordy(question: Question) -> list[str]:
        return [question.text]

    await benched(ledger, wordy)
    found = [r.event for r in ledger.events(Outcome) if isinstance(r.event, Outcome)]
    assert [event.success for event in found] == [False] * len(TASKS)
    assert all(event.error.startswith("the judge takes other answers: ") for event in found)
    assert [row.graph for row in report(ledger).rows] == ["guess"]


async def test_a_judges_tier_must_be_there(ledger: Ledger):
    """As those of the graphs must."""
    suite = Suite("s", TASKS, Judged("my_judge", judge))
    async with System({"slm": Scripted("")}, store=ledger.store) as system:
        with pytest.raises(KeyError):
            await Bench("b", suite, {"guess": guess}).run(system)
    assert list(ledger.events()) == []
