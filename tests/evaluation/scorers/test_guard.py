"""What runs while an answer is scored: in processes of their own, as an audit hook stays."""

import subprocess
import sys
from pathlib import Path

import pytest

from agentsys.evaluation.scorers.worker import Worker

SCRIPT = """
import traceback
from agentsys.evaluation.scorers.guard import formula, guarded, nothing
try:
    with guarded({passes}):
        {code}
except Exception:  # SymPy hides the cause
    said = traceback.format_exc().splitlines()
    refused = [line for line in said if line.startswith("PermissionError: ")]
    print("refused", refused[0].partition(": ")[2])
else:
    print("passed")
"""

SYMPY = "import sympy; x = sympy.parse_expr({0!r}); sympy.simplify(x - 1)"
OPEN = "S('exec')(" + "+".join(f"S('eval')('chr')({ord(letter)})" for letter in "open(1)") + ")"


def guarded(passes: str, code: str) -> str:
    script = SCRIPT.format(passes=passes, code=code)
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


@pytest.mark.parametrize(
    "code",
    [
        "eval('1 + 1')",
        "exec('x = 1')",
        "open('/etc/hostname')",
        "open('made', 'w')",
        "import os; os.system('true')",
        "import os; os.listdir('/')",
        "import subprocess; subprocess.Popen(['true'])",
        "import socket; socket.socket()",
        "import ctypes; ctypes.CDLL(None)",
        SYMPY.format("1 + 1"),
    ],
)
def test_no_code_runs_and_nothing_is_reached(code):
    """Where nothing passes, a formula does not either."""
    assert guarded("nothing", code).startswith("refused")


@pytest.mark.parametrize(
    "text",
    ["2*x**3 - 1/3", "sqrt(2)*sin(x) + exp(y)/E", "log(x, 2)", "-C + pi", "(x + y)**2 - x*y*z"],
)
def test_formulas_are_evaluated(text):
    """Numbers, variables and functions, with all that SymPy needs for them."""
    assert guarded("formula", SYMPY.format(text)) == "passed"


@pytest.mark.parametrize(
    "text",
    [
        OPEN,
        "eval",
        "open(1)",
        "S(1)",
        "N('2')",
        "sin('open(1)')",
        "x.__class__",
        "Symbol('x').subs",
        "(lambda: 1)()",
        "__import__('os')",
        "f'{open(1)}'",
        "'{0.__class__}'.format(x)",
        "Lambda(x, x)",
    ],
)
def test_anything_else_is_not(text):
    """Whichever way it is written, the code that would run has names that do not pass."""
    assert guarded("formula", SYMPY.format(text)).startswith("refused exec")


def test_modules_are_loaded_meanwhile():
    """A library that loads its parts when it needs them works."""
    assert guarded("nothing", "import email.message, dataclasses, fractions") == "passed"


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="reads /proc")
def test_the_process_that_scores_has_no_keys(monkeypatch):
    """Nor a home, and it cannot write a file."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    before = _children()
    worker = Worker()
    try:
        worker.ask({"kind": "ready"})
        [process] = _children() - before
        environment = Path(f"/proc/{process}/environ").read_text()
        assert "sk-secret" not in environment
        assert "HOME=" not in environment
        limits = Path(f"/proc/{process}/limits").read_text().splitlines()
        [size] = [line.split()[3:5] for line in limits if line.startswith("Max file size")]
        assert size == ["0", "0"]
    finally:
        worker.close()


def _children() -> set[str]:
    lists = Path("/proc/self/task").glob("*/children")
    return {process for each in lists for process in each.read_text().split()}
