"""The built wheel: what is in it, and that it works where nothing else of agentsys is."""

import json
import os
import re
import subprocess
import sys
import venv
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest

ROOT = Path(__file__).parents[1]
CATALOG = {
    f"agentsys/_catalog/{folder}/{file.name}"
    for folder in ("agents", "tools", "graphs")
    for file in (ROOT / folder).glob("*.py")
}

pytestmark = pytest.mark.slow

QUESTION = "Mia has 4 boxes of 12 pens and gives 7 away. How many pens are left?"


def call(*command: str | Path, cwd: Path, home: Path | None = None) -> str:
    """Standard output of a command that must succeed."""
    env = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "AGENTSYS"))}
    if home is not None:
        env["AGENTSYS_HOME"] = str(home)
    done = subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from the source distribution as an index would get it."""
    out = tmp_path_factory.mktemp("dist")
    call(sys.executable, "-m", "build", "--outdir", str(out), str(ROOT), cwd=out)
    return next(out.glob("*.whl"))


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs of a fresh environment with the wheel and the OpenAI Agents SDK."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, with_pip=True)
    programs = folder / "bin"
    pip = [programs / "python", "-m", "pip", "-q"]
    if subprocess.run([*pip, "index", "versions", "openai-agents"], capture_output=True).returncode:
        pytest.skip("no package index can be reached")
    call(*pip, "install", wheel, "openai-agents", cwd=folder)
    return programs


@pytest.fixture
def empty(tmp_path: Path) -> Path:
    """An empty directory."""
    folder = tmp_path / "empty"
    folder.mkdir()
    return folder


def test_the_wheel_takes_one_import_name(wheel: Path) -> None:
    """Everything is below `agentsys`: nothing of ours can clash with another package."""
    names = ZipFile(wheel).namelist()
    tops = {name.split("/", 1)[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"agentsys"}


@pytest.mark.parametrize(
    "suffix", [".py", ".toml", ".jsonl", ".gguf", ".typed", ".md", ".json", ".safetensors"]
)
def test_the_wheel_has_all_that_the_package_folder_has(wheel: Path, suffix: str) -> None:
    """Code, type marker, data, suites, models, their records and cards are in the wheel.

    The folders with the same weights for vLLM are in the repository alone.
    """
    names = {name for name in ZipFile(wheel).namelist() if name.startswith("agentsys/")}
    files = [file.relative_to(ROOT).as_posix() for file in (ROOT / "agentsys").rglob(f"*{suffix}")]
    assert files
    shipped = {name for name in files if not re.match(r"agentsys/miniatures/mini-\w+/", name)}
    assert {name for name in names if name.endswith(suffix)} - CATALOG == shipped


def test_the_wheel_has_the_ready_made_definitions(wheel: Path) -> None:
    """Every file of the three folders is in `_catalog`."""
    assert {name.split("/")[2] for name in CATALOG} == {"agents", "tools", "graphs"}
    assert set(ZipFile(wheel).namelist()) >= CATALOG


def test_the_agents_sdk_keeps_its_module(installed: Path, empty: Path) -> None:
    """`import agents` is still the SDK's, whichever was installed last."""
    code = "import agentsys, agents; print(agents.Runner.__name__)"
    assert call(installed / "python", "-c", code, cwd=empty) == "Runner\n"


@pytest.mark.parametrize("kind", ["agents", "tools", "graphs"])
def test_ready_made_definitions_load_from_the_wheel(
    installed: Path, empty: Path, kind: str
) -> None:
    """From an empty directory, all ready-made definitions are found, and none is broken."""
    rows = json.loads(call(installed / "agentsys", kind, "--json", cwd=empty))
    assert {row["name"] for row in rows} == {file.stem for file in (ROOT / kind).glob("*.py")}
    assert [row for row in rows if row["error"]] == []


def test_a_ready_made_graph_answers(installed: Path, empty: Path, tmp_path: Path) -> None:
    """The first command of the README works on a machine that has only the wheel."""
    run = answered(installed, "slm_fallback", cwd=empty, home=tmp_path / "home")
    assert (run["status"], run["output"]["value"]) == ("ok", 41)


def test_a_new_project_answers(installed: Path, empty: Path, tmp_path: Path) -> None:
    """What `agentsys init` writes runs as it is."""
    call(installed / "agentsys", "init", "mine", cwd=empty)
    run = answered(installed, "answer", cwd=empty / "mine", home=tmp_path / "home")
    assert (run["status"], run["output"]["value"]) == ("ok", 41)


def answered(installed: Path, graph: str, *, cwd: Path, home: Path) -> dict[str, Any]:
    """The run of a graph on the README's question."""
    words = [installed / "agentsys", "run", graph, QUESTION, "--json"]
    return json.loads(call(*words, cwd=cwd, home=home))
