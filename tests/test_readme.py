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


def test_first_graph_runs(tmp_path: Path) -> None:
    """The Python of the README runs on the shipped models and gets the right expression."""
    (code,) = blocks("python")
    result = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        env={**os.environ, "AGENTSYS_HOME": str(tmp_path), "PYTHONPATH": os.getcwd()},
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout.startswith("ok 4*12 ")


@pytest.mark.parametrize("toml", blocks("toml"))
def test_configurations_are_valid(toml: str, tmp_path: Path) -> None:
    """Every configuration in the README loads."""
    file = tmp_path / "agentsys.toml"
    file.write_text(toml, encoding="utf-8")
    assert Settings.load(file).deployments
