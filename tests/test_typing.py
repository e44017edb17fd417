"""The type checker finds every planted wiring mistake, and nothing else."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent / "typing"
MARK = re.compile(r"# error: (\w+)$")


@pytest.fixture(scope="module")
def found() -> dict[str, set[tuple[int, str]]]:
    """What the checker reports: `(line, rule)` by file name."""
    command = [sys.executable, "-m", "basedpyright", "--outputjson", "-p", str(HERE)]
    command += ["--pythonpath", sys.executable]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    reported: dict[str, set[tuple[int, str]]] = {"right.py": set(), "wrong.py": set()}
    for item in json.loads(result.stdout)["generalDiagnostics"]:
        line = item["range"]["start"]["line"] + 1
        reported[Path(item["file"]).name].add((line, item.get("rule", item["message"])))
    return reported


def planted(name: str) -> set[tuple[int, str]]:
    """The mistakes marked in a file."""
    lines = enumerate((HERE / name).read_text(encoding="utf-8").splitlines(), start=1)
    return {(number, match[1]) for number, line in lines if (match := MARK.search(line))}


def test_every_planted_mistake_is_found(found: dict[str, set[tuple[int, str]]]) -> None:
    """Exactly the marked lines of `wrong.py` are errors, each by the rule that is named."""
    assert len(planted("wrong.py")) >= 10
    assert found["wrong.py"] == planted("wrong.py")


def test_correct_wiring_raises_no_alarm(found: dict[str, set[tuple[int, str]]]) -> None:
    """`right.py` uses the whole algebra and has no errors."""
    assert found["right.py"] == set()
