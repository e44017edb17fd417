"""Nothing heavy is loaded until it is needed."""

import subprocess
import sys

import pytest

HEAVY = [
    "altair",
    "bm25s",
    "jinja2",
    "langgraph",
    "litellm",
    "numpy",
    "pydantic_monty",
    "pynvml",
    "redis",
    "scipy",
    "torch",
    "vl_convert",
    "xllamacpp",
]

LIGHT = [
    "import agentsys",
    "from agentsys import Agent, Node, Tool, step, tool",
    "from agentsys import System, Run, Settings",
    "from agentsys.cli.main import main; main(['--help'])",
    "from agentsys.cli.main import main; main(['run', '--help'])",
    "from agentsys.cli.main import main; main(['bench', '--help'])",
    "from agentsys.cli.main import main; main(['report', '--help'])",
    "from agentsys.cli.main import main; main(['compare', '--help'])",
    "from agentsys.cli.main import main; main(['judge', 'calibrate', '--help'])",
    "from agentsys.cli.main import main; main(['vllm', 'up', '--help'])",
    "from agentsys.cli.main import main; main(['run', 'slm_fallback', ''])",
]


@pytest.mark.parametrize("code", LIGHT)
def test_loads_no_heavy_library(code: str) -> None:
    """A fresh interpreter that does this has none of the libraries in memory."""
    report = f"import sys; print('LOADED', *(m for m in {HEAVY!r} if m in sys.modules))"
    program = f"try:\n    {code}\nexcept SystemExit:\n    pass\n{report}"
    printed = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert "Traceback" not in printed.stderr
    assert printed.stdout.splitlines()[-1].split() == ["LOADED"]


def test_import_alone_loads_no_pydantic() -> None:
    """`import agentsys` costs next to nothing."""
    code = "import agentsys, sys; print('pydantic' in sys.modules)"
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert printed.stdout == "False\n"
