"""The ready-made panel on the shipped models, and a panel as the check of a fallback."""

import json
import os
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from agentsys import Budget, System, judge_panel, open_store
from agentsys.events import Call
from agentsys.models.base import Request
from agentsys.models.scripted import Scripted
from agentsys.models.tiers import Tiers
from agentsys.money import Price
from agentsys.patterns.judging import as_judge
from agentsys.project import find, find_graph
from agentsys.settings import DEFAULT_FILE, Settings

PENS = "Mia has 4 boxes of 12 pens and gives 7 away. How many pens are left?"


def miniatures() -> System:
    return System(Tiers(Settings.load(DEFAULT_FILE)))


MAPS = (
    "Kate makes 6 maps in the morning and 8 in the afternoon. "
    "A year later there are 4 times as many. How many maps does Kate have?"
)


def judged(question: str, expression: str) -> Any:
    """An expression for the panel."""
    return find_graph("judge_panel").takes.model_validate(
        {"task": {"text": question}, "answer": {"expression": expression}}
    )


@pytest.mark.parametrize(
    ("question", "expression", "label", "reason"),
    [
        (PENS, "4*12-7", "correct", "unanimous"),
        (PENS, "4*12+7", "incorrect", "unanimous"),
        (MAPS, "(6+8)*4", "correct", "lead"),
        (PENS, "4*12-9", "incorrect", "check"),
        (PENS, "unknown", "incorrect", "check"),
    ],
)
async def test_the_panel_judges_on_the_miniatures(
    question: str, expression: str, label: str, reason: str
) -> None:
    """What the checks refuse costs nothing; the large model is asked on a split alone."""
    async with miniatures() as system:
        run = await system.run(find_graph("judge_panel"), judged(question, expression))
    assert (run.output.label, run.output.stopped_because) == (label, reason)
    asked = {"check": 0, "unanimous": 2, "lead": 3}[reason]
    assert run.cost.calls == asked
    assert ("judge@llm" in run.path) == (reason == "lead")


def test_the_command_warns_that_all_judges_are_one_family(tmp_path: Path) -> None:
    """One line on standard error; the verdict is printed as JSON all the same."""
    task = json.dumps({"task": {"text": PENS}, "answer": {"expression": "4*12-7"}})
    done = subprocess.run(
        [sys.executable, "-m", "agentsys", "run", "judge_panel", task, "--json"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={**os.environ, "AGENTSYS_HOME": str(tmp_path)},
        check=True,
    )
    assert json.loads(done.stdout)["output"]["label"] == "correct"
    told = [line for line in done.stderr.splitlines() if "family 'miniature'" in line]
    assert len(told) == 1
    assert told[0].startswith("warning: all judges of 'judge_panel'")


def says(request: Request) -> Any:
    """The small model leaves out a step; as a judge it looks for `-7`."""
    if "Judge" in request.messages[0].content:
        good = "-7" in json.loads(request.messages[1].content)["answer"]
        return {"verdict": "correct" if good else "incorrect"}
    return {"expression": "4*12+7"}


def fallback_says(request: Request) -> Any:
    """The large model solves it."""
    return says(request) if "Judge" in request.messages[0].content else {"expression": "4*12-7"}


def fallback() -> Any:
    """The ready-made solver, with a panel as the check that decides whether to escalate."""
    judges = (find_graph("judge_slm"), find_graph("judge_llm"))
    panel = judge_panel(*(as_judge(each, name=f"j{n}") for n, each in enumerate(judges)))
    solver: Any = find("agent", "solver").value
    return solver.check(panel).escalate("llm")


def scripted(folder: Path) -> System:
    """With a ledger, at a dollar a million tokens."""
    price = Price(Decimal(1), Decimal(1))
    return System(
        {
            "slm": Scripted(says, confidence=0.99, price=price),
            "llm": Scripted(fallback_says, confidence=0.99, price=price),
        },
        store=open_store(f"sqlite:///{folder}/runs.db"),
    )


def calls(system: System) -> list[tuple[str, str]]:
    """Who was asked on which tier, in the ledger's order."""
    assert system.ledger is not None
    events = (recorded.event for recorded in system.ledger.events(Call))
    return [(event.node, event.tier) for event in events if isinstance(event, Call)]


JUDGED = {("judge", "slm"), ("judge", "llm")}


async def test_a_panel_decides_whether_to_escalate(tmp_path: Path) -> None:
    """Its objection goes to the model, then to the next tier, whose answer it judges, too."""
    node = fallback()
    async with scripted(tmp_path) as system:
        run = await system.run(node, node.takes(text=PENS))
        made = calls(system)
        booked = (await system.budgets.accounts(["total"]))["total"].spent
        assert (run.status, run.output.expression) == ("ok", "4*12-7")
        assert [call for call in made if call not in JUDGED] == [
            ("solver", "slm"),
            ("solver", "slm"),
            ("solver", "llm"),
        ]
        # Every answer is judged by both, on their own tiers, whichever model gave it.
        assert [made[at : at + 2] for at in (1, 4, 7)] == [sorted(JUDGED, reverse=True)] * 3
        assert run.cost.calls == len(made) == 9
        assert booked.nano_usd == run.cost.nano_usd > 0
        llm = system.models["llm"]
        assert isinstance(llm, Scripted)
        heard = [r.messages[-1].content for r in llm.requests]
        assert any("judge-panel finds it wrong" in text for text in heard)


@pytest.mark.parametrize("most", range(1, 10))
async def test_no_budget_is_overspent_by_judging(tmp_path: Path, most: int) -> None:
    """Whatever is left out, the answer that was paid for is handed back, if there is one."""
    node = fallback()
    async with scripted(tmp_path) as system:
        run = await system.run(node, node.takes(text=PENS), budget=Budget(calls=most))
        assert run.cost.calls == len(calls(system)) <= most
        assert run.status == ("ok" if most >= 9 else "budget_exceeded")
        if most in (1, 7, 8):  # the last answer that was given could not be judged, or by one alone
            assert run.output.expression in ("4*12+7", "4*12-7")
