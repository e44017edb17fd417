"""`agentsys bench --recorded`: graphs on recorded outputs of models."""

import re
from pathlib import Path

import pytest

from tests.cli.conftest import Command
from tests.evaluation.recorded.conftest import Write, call, said, usual, write

__all__ = ["write"]

OWN = """
from pydantic import BaseModel
from agentsys import Agent


class Question(BaseModel):
    task: str


class Reply(BaseModel):
    reasoning: str
    answer: str


own = Agent(Question, Reply, "Answer.", escalate="llm", name="own")
"""


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with a graph that gives the recorded form; the current directory."""
    (tmp_path / "graphs").mkdir()
    (tmp_path / "graphs" / "own.py").write_text(OWN)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_graphs_side_by_side(agentsys: Command, write: Write) -> None:
    """Ready-made graphs run for their routing, gates and a graph of one's own as they are."""
    names = ("slm_only", "llm_only", "slm_fallback", "majority", "second_opinion", "own")
    graphs = [word for name in names for word in ("--graph", name)]
    models = ("--slm", "small", "--slm", "tiny", "--slm", "large", "--llm", "large")
    run = agentsys("bench", "--recorded", str(write()), *graphs, *models, "--json")
    assert run.code == 0, run.err
    rows = {row["graph"]: row for row in run.json()}
    assert {name: row["success_rate"] for name, row in rows.items()} == {
        "slm_only": 0.8,
        "llm_only": 1.0,
        "slm_fallback": 1.0,
        "majority": 1.0,
        "second_opinion": 1.0,
        "own": 1.0,
    }
    tiny, small, large = 12_000, 60_000, 1_400_000
    assert rows["second_opinion"]["nano_usd"] == 5 * (small + tiny) + 2 * large
    assert rows["second_opinion"]["escalation_rate"] == 0.4
    assert rows["slm_only"]["nano_usd"] == 5 * small
    assert rows["slm_fallback"]["nano_usd"] == rows["own"]["nano_usd"] == 5 * small + large
    assert rows["slm_fallback"]["escalation_rate"] == 0.2
    report = agentsys("report", "--bench", "last").out
    assert "slm_fallback runs for its routing alone (slm -> llm)" in report
    assert "own runs for its routing" not in report
    assert "Recorded models, no call was made: slm: small, slm-2: tiny" in report
    prices = next(line for line in report.splitlines() if line.startswith("Prices: "))
    assert "not configured" not in prices
    assert all(f"{name} $" in prices for name in ("small", "tiny", "large"))


def test_gone_on_with(agentsys: Command, write: Write) -> None:
    """A bench on recorded runs goes on with them, unless they have changed."""
    folder = str(write())
    run = agentsys("bench", "--recorded", folder, "--graph", "own", "--slm", "small")
    bench = re.search(r"bench (\S+);", run.out)
    assert bench is not None
    again = agentsys("bench", "--resume", bench[1])
    assert again.code == 0
    assert "5 tasks were finished before" in again.err
    other = agentsys("bench", "--resume", bench[1], "--slm", "tiny", "--recorded", folder)
    assert other.code == 2
    assert f"--recorded {folder}, --slm small," in other.err
    write([*usual()[:-1], call(5, "tiny", said(11))])
    changed = agentsys("bench", "--resume", bench[1])
    assert changed.code == 2
    assert "has changed since the bench was begun" in changed.err


def test_missing_outputs_are_named(agentsys: Command, write: Write) -> None:
    """Tasks for which nothing is recorded fail, and are counted and named."""
    folder = write([each for each in usual() if each["task_id"] not in ("t2", "t4")])
    run = agentsys("bench", "--recorded", str(folder), "--graph", "own", "--slm", "small")
    assert "2 of 2 failed because nothing is recorded for them: t2, t4." in run.out


def test_validity_of_each_model(agentsys: Command, write: Write) -> None:
    """What each model gave is held against an agent's type: as it stands, and without a fence."""
    calls = [{**each, "correct": "99" not in each["output"]} for each in usual()]
    words = ("models", "recorded", str(write(calls)), "--json")
    rows = {row["model"]: row for row in agentsys(*words).json()}
    names = ("fits", "fits_unfenced", "right", "fits_and_right")
    assert [rows["tiny"][name] for name in names] == [1.0, 1.0, 0.6, 0.6]
    assert [rows["small"][name] for name in names] == [0.8, 0.8, 1.0, 0.8]
    assert [rows["large"][name] for name in names] == [0.0, 1.0, 1.0, 1.0]
    assert rows["small"]["cps_usd"] == pytest.approx(0.00006)
    assert rows["small"]["cps_fits_usd"] == pytest.approx(0.000075)
    assert rows["large"]["right_ci"] == pytest.approx([0.5655, 1.0], abs=1e-4)
    table = agentsys("models", "recorded", str(write())).out
    assert "fits and right" in table
    assert "100.0% (56.6% to 100.0%)" in table


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--graph", "decompose_solve"), "solver, splitter, stepper would have to give"),
        (("--graph", "majority", "--slm", "small"), "There is no tier 'slm-2'. Give --slm MODEL"),
        (("--graph", "own"), "There is no tier 'slm'. Give --slm MODEL."),
        (("--graph", "own", "--slm", "smaller"), "no recorded model 'smaller'"),
        ((), "There is no graph."),
    ],
)
def test_mistakes(agentsys: Command, write: Write, words: tuple[str, ...], said: str) -> None:
    """What cannot run is refused before anything is run, in one line that says how it can."""
    refused = agentsys("bench", "--recorded", str(write()), *words)
    assert refused.code == 2
    assert said in refused.err
    assert refused.err.count("\n") == 1
