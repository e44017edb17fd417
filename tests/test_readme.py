"""What the README shows is run as it stands there."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from agentsys import Settings

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


PRINTED = (
    "ok 4*12 ",
    "<answer: Question -> Answer>",
    "budget_exceeded 2 The budget of 'str' in run ",
)
"""How what the Python of the README prints begins."""


@pytest.mark.parametrize(
    ("code", "printed"),
    [*zip(blocks("python"), PRINTED, strict=True)],
    ids=("graph", "panel", "budget"),
)
def test_the_python_runs(code: str, printed: str, tmp_path: Path) -> None:
    """The Python of the README runs on the shipped models and prints what it says."""
    result = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        env={**os.environ, "AGENTSYS_HOME": str(tmp_path), "PYTHONPATH": os.getcwd()},
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout.startswith(printed)


@pytest.mark.parametrize("toml", blocks("toml"))
def test_configurations_are_valid(toml: str, tmp_path: Path) -> None:
    """Every configuration in the README loads."""
    file = tmp_path / "agentsys.toml"
    file.write_text(toml, encoding="utf-8")
    assert Settings.load(file).deployments
