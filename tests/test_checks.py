"""The format, lint and import checks of `scripts/check`, as tests.

The type check of the whole repository takes longer and is left to the script;
`tests/test_typing.py` has the part that users rely on.
"""

import subprocess
import sysconfig
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PROGRAMS = Path(sysconfig.get_path("scripts"))


@pytest.mark.parametrize(
    "command",
    [("ruff", "check", "."), ("ruff", "format", "--check", "."), ("lint-imports",)],
    ids=["lint", "format", "floors"],
)
def test_the_repository_passes(command: tuple[str, ...]) -> None:
    """Lint, format and the floors hold everywhere; the output says where they do not."""
    program, *words = command
    done = subprocess.run(
        [PROGRAMS / program, *words], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_script_runs_the_same() -> None:
    """A check that is added to the script is added here, too."""
    lines = (ROOT / "scripts" / "check").read_text().splitlines()
    checks = [line for line in lines if line and not line.startswith(("#", "set ", "cd "))]
    assert checks == ["ruff format --check .", "ruff check .", "basedpyright", "lint-imports"]
