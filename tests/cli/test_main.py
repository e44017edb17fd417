"""The front door: overview, version, mistakes, crashes and Ctrl-C."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from agentsys.cli.main import COMMANDS
from tests.cli.conftest import Command

WAITING = """import asyncio, sys
from agentsys import step

@step
async def waiting(word: str) -> str:
    print("waiting", file=sys.stderr, flush=True)
    await asyncio.Event().wait()
    return word
"""


@pytest.mark.parametrize("words", [(), ("--help",), ("-h",)])
def test_the_overview_names_every_command(agentsys: Command, words: tuple[str, ...]) -> None:
    """Without a command, or asked for help, every command has a line."""
    result = agentsys(*words)
    assert result.code == 0
    for name, (_, summary) in COMMANDS.items():
        assert any(line.split(maxsplit=1) == [name, summary] for line in result.out.splitlines())


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself(agentsys: Command, name: str) -> None:
    """`--help` of a command loads it and prints its usage."""
    result = agentsys(name, "--help")
    assert result.code == 0
    assert result.out.startswith(f"Usage: agentsys {name} ")


def test_version(agentsys: Command) -> None:
    """`--version` prints the version of the package."""
    assert agentsys("--version").out == "agentsys 0.1.0\n"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("rnu",), "No such command 'rnu'. Did you mean 'run'?"),
        (("--nonsense",), "No such option: --nonsense. See 'agentsys --help'."),
        (("run",), "Missing argument 'GRAPH'. See 'agentsys run --help'."),
        (("init", ""), "DIR is empty. Name a folder"),
        (("compare", "", ""), "A or B is empty. Give GRAPH, BENCH"),
        (("plan", "unanimous"), "write one of your own with 'agentsys init DIR'"),
    ],
)
def test_a_wrong_command_line_is_one_line(
    agentsys: Command, words: tuple[str, ...], message: str
) -> None:
    """What is wrong with the command line is one line, and the exit code is 2."""
    result = agentsys(*words)
    assert (result.code, result.err.count("\n"), result.out) == (2, 1, "")
    assert message in result.err


def test_a_mistake_has_a_traceback_only_for_debug(agentsys: Command, here: Path) -> None:
    """`--debug`, wherever it stands, shows where an error was raised."""
    assert "Traceback" not in agentsys("run", "nothing", "x").err
    for words in (("--debug", "run", "nothing", "x"), ("run", "nothing", "x", "--debug")):
        result = agentsys(*words)
        assert "Traceback" in result.err
        assert result.code == 2


def test_a_home_that_cannot_be_is_named(
    agentsys: Command, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is the environment that has to be mended, not agentsys.toml."""
    monkeypatch.setenv("AGENTSYS_HOME", str(here / "graphs" / "add.py"))
    result = agentsys("report")
    assert (result.code, result.err.count("\n")) == (2, 1)
    assert result.err.startswith("error: AGENTSYS_HOME is ")


def test_a_closed_pipe_is_no_crash(here: Path) -> None:
    """`agentsys graphs | head -0` prints no traceback."""
    piped = f"{sys.executable} -m agentsys graphs --json | head -c 0"
    done = subprocess.run(piped, shell=True, cwd=here, capture_output=True, text=True)
    assert done.stderr == ""


def test_ctrl_c_leaves_with_130(here: Path) -> None:
    """An interrupted run ends at once, without a traceback, and says how it goes on."""
    (here / "graphs" / "waiting.py").write_text(WAITING)
    words = [sys.executable, "-m", "agentsys", "run", "waiting", "a"]
    with subprocess.Popen(words, cwd=here, stderr=subprocess.PIPE, text=True) as running:
        assert running.stderr is not None
        assert running.stderr.readline() == "waiting\n"
        running.send_signal(signal.SIGINT)
        lines = running.stderr.read().splitlines()
    assert lines[0].startswith("What has finished is kept. Go on: agentsys resume ")
    assert lines[1:] == ["error: interrupted."]
    assert running.returncode == 130


def test_debug_after_two_dashes_is_a_word(agentsys: Command) -> None:
    """What comes after `--` is the task, even if it looks like an option."""
    assert agentsys("run", "slm_fallback", "--", "--debug").out.startswith("status  abstained")
