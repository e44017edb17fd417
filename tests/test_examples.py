"""Every example runs and prints what it promises."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[1] / "examples"
PROMISES = {
    "approve_a_step.py": "ok: Your tea is on its way. 1 call",
    "decide.py": "4*12-7  correct   judged correct, 96.8% -> 94.8%",
    "decompose.py": "56, 5 calls: split@llm -> expression@slm",
    "first_graph.py": "calls, $",
    "judge_an_answer.py": "incorrect because unanimous",
    "replay.py": "+  Answer with an expression.",
    "scripted_model.py": "100 of 100 right, 29 escalated",
    "vote_and_fan_out.py": "$8, 13 calls",
}


def test_every_example_has_a_promise() -> None:
    """No example is left out of the tests."""
    assert {file.name for file in EXAMPLES.glob("*.py")} == set(PROMISES)


@pytest.mark.parametrize("name", sorted(PROMISES))
def test_example_runs(name: str, tmp_path: Path) -> None:
    """The example exits cleanly and prints its promise."""
    result = subprocess.run(
        [sys.executable, str(EXAMPLES / name)],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        env={**os.environ, "AGENTSYS_HOME": str(tmp_path), "PYTHONPATH": str(EXAMPLES.parent)},
    )
    assert result.returncode == 0, result.stderr
    assert PROMISES[name] in result.stdout
