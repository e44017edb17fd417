"""The ready-made fallback graph on the shipped models, and the checks that decide."""

import re
from pathlib import Path
from typing import Any

import pytest

from agentsys import System
from agentsys.evaluation.bench import Bench, new_id
from agentsys.evaluation.reports.report import Report, report
from agentsys.evaluation.suites import load_suite
from agentsys.ledger import Ledger
from agentsys.models.scripted import Scripted
from agentsys.models.tiers import Tiers
from agentsys.project import find_graph
from agentsys.settings import Settings

PENS = "Mia has 4 boxes of 12 pens and gives 7 away. How many pens are left?"
GRAPHS = ("slm_fallback", "slm_only", "llm_only")


@pytest.fixture
async def benched(tmp_path: Path) -> Report:
    """The three graphs on the same 200 held-out problems."""
    ledger = Ledger.open(f"sqlite:///{tmp_path / 'ledger.db'}")
    suite = load_suite("word-problems", limit=200, seed=0)
    bench = Bench(new_id(), suite, {name: find_graph(name) for name in GRAPHS})
    async with System(Tiers(Settings.load()), store=ledger.store) as system:
        await bench.run(system)
        return report(ledger, bench=bench.id)


def test_fallback_succeeds_like_the_large_model_for_half(benched: Report) -> None:
    """Within two points of the large model alone, at no more than half its cost per success."""
    rows = {row.graph: row for row in benched.rows}
    fallback, large, small = (rows[name] for name in ("slm_fallback", "llm_only", "slm_only"))
    assert fallback.success_rate is not None
    assert large.success_rate is not None
    assert small.success_rate is not None
    assert fallback.cps_usd is not None
    assert large.cps_usd is not None
    assert fallback.success_rate >= large.success_rate - 0.02
    assert fallback.cps_usd <= 0.5 * large.cps_usd
    assert 0.5 <= small.success_rate <= 0.85


def question() -> Any:
    return find_graph("slm_fallback").takes(text=PENS)


def scripted(slm: str, llm: str, confidence: float = 0.99) -> System:
    return System(
        {
            "slm": Scripted({"expression": slm}, confidence=confidence),
            "llm": Scripted({"expression": llm}, confidence=0.99),
        }
    )


@pytest.mark.parametrize(
    ("expression", "reason"),
    [
        ("unknown", "the model gave no expression."),
        ("4*12-", "the expression is not arithmetic."),
        ("4/(12-12)", "the expression is not arithmetic."),
        ("4*12-9", "the expression uses a number that is not in the question: 9."),
        ("4*12", "the expression leaves out a number of the question: 7."),
        ("4*12-7-7", "the expression uses a number that is not in the question: 7."),
        ("4-12*7", "the value is negative."),
        ("4/12*7", "the value is not a whole number."),
    ],
)
async def test_failed_check_escalates_with_its_reason(expression: str, reason: str) -> None:
    """What cannot be right goes to the large model, which is told why."""
    system = scripted(expression, "4*12-7")
    run = await system.run(find_graph("slm_fallback"), question())
    assert (run.status, run.output.value) == ("ok", 41)
    assert run.attempts[0].reason == reason
    llm = system.models["llm"]
    assert isinstance(llm, Scripted)
    assert llm.requests[0].messages[-1].content == f"That fails: {reason} Answer again."


async def test_doubt_escalates() -> None:
    """An answer that the small model is not sure of goes to the large one."""
    run = await scripted("4*12-7", "4*12-7", confidence=0.3).run(
        find_graph("slm_fallback"), question()
    )
    assert run.path == ("solver@slm", "solver@llm")


async def test_large_model_must_pass_the_same_checks() -> None:
    """Where both fail, the run abstains."""
    run = await scripted("unknown", "5+5").run(find_graph("slm_fallback"), question())
    assert (run.status, run.has_output) == ("abstained", False)


def test_question_of_the_readme_is_answered(tmp_path: Path) -> None:
    """The README's first command gets the answer that it shows."""
    readme = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    text = re.search(r'agentsys run slm_fallback "(.+)"', readme)
    assert text is not None
    node = find_graph("slm_fallback")
    with System(Tiers(Settings.load())) as system:
        run = system.run_sync(node, node.takes(text=text[1]))
    assert (run.status, run.output.value) == ("ok", 41)
