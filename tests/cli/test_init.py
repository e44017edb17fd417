"""`agentsys init`: a project that works as it is, and never overwrites anything."""

import re
import tomllib
from decimal import Decimal
from pathlib import Path

import pytest

from agentsys import System
from agentsys.models.scripted import Scripted
from agentsys.models.tiers import Tiers
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


def test_its_graph_is_bounded(
    agentsys: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A plan says what a run costs at most, and the mask enforces all of the output type."""
    agentsys("init", str(tmp_path / "new"))
    monkeypatch.chdir(tmp_path / "new")
    assert agentsys("plan", "answer").code == 0
    task = "Mia has 4 boxes of 12 pens and gives 7 away. How many pens are left?"
    ran = agentsys("run", "answer", task)
    assert (ran.code, ran.err) == (0, "")
    assert "41" in ran.out


def test_its_configuration_is_the_default(agentsys: Command, tmp_path: Path) -> None:
    """The new `agentsys.toml` says what holds without it."""
    agentsys("init", str(tmp_path / "new"))
    written = Settings.load(tmp_path / "new" / "agentsys.toml")
    assert written.deployments == Settings.load(DEFAULT_FILE).deployments


EXAMPLES = {"qwen-4b": "mini-slm", "vllm-qwen": "mini-slm", "gpt": "mini-llm"}
"""The commented examples in the configuration, and what each of them replaces."""


def blocks(agentsys: Command, folder: Path) -> dict[str, str]:
    """The deployments in the new `agentsys.toml`, the commented ones included, by name."""
    agentsys("init", str(folder))
    text = re.sub(r"^# (?=\[|\w+ = )", "", (folder / "agentsys.toml").read_text(), flags=re.M)
    parts = re.split(r"^(?=\[\[(?:deployments|vllm)\]\])", text, flags=re.M)[1:]
    tables = [next(iter(tomllib.loads(part).values())) for part in parts]
    return {str(table[0]["name"]): part for table, part in zip(tables, parts, strict=True)}


@pytest.mark.parametrize(("example", "replaced"), EXAMPLES.items())
def test_an_example_in_its_configuration_replaces_a_miniature(
    agentsys: Command, tmp_path: Path, example: str, replaced: str
) -> None:
    """Without its hash signs, an example works in place of the miniature of its tier."""
    found = blocks(agentsys, tmp_path / "new")
    assert list(found) == ["mini-slm", "mini-llm", *EXAMPLES]
    file = tmp_path / "new" / "replaced.toml"
    kept = [name for name in ("mini-slm", "mini-llm") if name != replaced]
    file.write_text("\n".join(found[name] for name in (*kept, example)))
    settings = Settings.load(file)
    assert sorted(Tiers(settings)) == ["llm", "slm"]
    assert {d.name for d in settings.deployments} == {*kept, example}


def test_its_other_keys_are_allowed(agentsys: Command, tmp_path: Path) -> None:
    """The commented keys before the deployments work without their hash signs."""
    agentsys("init", str(tmp_path / "new"))
    file = tmp_path / "new" / "agentsys.toml"
    file.write_text(re.sub(r"^# (?=(store|usd_per_failure) = )", "", file.read_text(), flags=re.M))
    settings = Settings.load(file)
    assert settings.store_url == f"sqlite:///{file.with_name('agentsys.db')}"
    assert settings.usd_per_failure == Decimal("0.01")


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
