"""`agentsys init`: a project that works as it is, and never overwrites anything."""

import re
from pathlib import Path

import pytest

from agentsys import System
from agentsys.models.scripted import Scripted
from agentsys.project import find_graph
from agentsys.settings import DEFAULT_FILE, Settings
from tests.cli.conftest import Command


def test_writes_a_project_that_loads(
    agentsys: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every definition of the new project loads, whichever folder it is in."""
    assert agentsys("init", str(tmp_path / "new")).code == 0
    monkeypatch.chdir(tmp_path / "new")
    for kind, name in (("graphs", "answer"), ("agents", "reader"), ("tools", "calculate")):
        row = next(r for r in agentsys(kind, "--json").json() if r["name"] == name)
        assert row["error"] is None


def test_its_configuration_is_the_default(agentsys: Command, tmp_path: Path) -> None:
    """The new `agentsys.toml` says what holds without it."""
    agentsys("init", str(tmp_path / "new"))
    written = Settings.load(tmp_path / "new" / "agentsys.toml")
    assert written.deployments == Settings.load(DEFAULT_FILE).deployments


def test_the_examples_in_its_configuration_are_allowed(agentsys: Command, tmp_path: Path) -> None:
    """What is commented out in `agentsys.toml` works when the hash signs are taken away."""
    agentsys("init", str(tmp_path / "new"))
    text = (tmp_path / "new" / "agentsys.toml").read_text()
    full = tmp_path / "full.toml"
    full.write_text(re.sub(r"^# (?=\[\[|\w+ = )", "", text, flags=re.MULTILINE))
    settings = Settings.load(full)
    names = [deployment.name for deployment in settings.deployments]
    assert names == ["mini-slm", "mini-llm", "qwen-4b", "vllm-qwen", "gpt"]
    assert settings.store == "sqlite:///agentsys.db"


@pytest.mark.parametrize("taken", ["agentsys.toml", "graphs/answer.py"])
def test_overwrites_nothing(agentsys: Command, tmp_path: Path, taken: str) -> None:
    """One file in the way, and nothing at all is written."""
    file = tmp_path / "new" / taken
    file.parent.mkdir(parents=True)
    file.write_text("mine")
    result = agentsys("init", str(tmp_path / "new"))
    assert result.code == 2
    assert f"{file} is already there." in result.err
    assert [f for f in (tmp_path / "new").rglob("*") if f.is_file()] == [file]
    assert file.read_text() == "mine"


def test_a_file_is_no_folder(agentsys: Command, tmp_path: Path) -> None:
    """A file where the folder should be is a mistake on one line."""
    (tmp_path / "new").write_text("mine")
    result = agentsys("init", str(tmp_path / "new"))
    assert (result.code, result.err.count("\n")) == (2, 1)
    assert "is a file. Name a folder." in result.err


async def test_its_example_checks_escalates_and_computes(agentsys: Command, tmp_path: Path) -> None:
    """The example graph refuses made-up numbers, asks the large model, and lets code compute."""
    agentsys("init", str(tmp_path / "new"))
    graph = find_graph("answer", start=tmp_path / "new")
    models = {
        "slm": Scripted([{"expression": "4*13"}, {"expression": "4*(12"}]),
        "llm": Scripted({"expression": "4*12"}),
    }
    run = await System(models).run(graph, graph.takes(text="4 boxes of 12 pens, how many?"))
    assert (run.status, run.output.value) == ("ok", 48)
    assert [call.decision for call in run.attempts] == ["repair", "escalate", "accept"]
    assert [call.reason for call in run.attempts][:2] == [
        "13 is not in the question.",
        "the expression is malformed.",
    ]
