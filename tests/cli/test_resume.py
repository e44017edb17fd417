"""`agentsys run --run-id`, `resume` and `runs`: what was stopped goes on, in another process."""

import json
import os
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import Command

ROOT = Path(__file__).parents[2]

APPROVAL = '''"""Count the letters of a word, which a human approves."""
import asyncio, os, pathlib, signal
from pydantic import BaseModel
from agentsys import interrupt, step


class Word(BaseModel):
    text: str


class Count(BaseModel):
    letters: int
    approved: bool | str = False


@step
async def count(word: Word) -> Count:
    with open("counted", "a") as file:
        file.write("x")
    return Count(letters=len(word.text))


@step
async def approve(count: Count) -> Count:
    match os.environ.get("STOP"):
        case "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        case "wait":
            pathlib.Path("waiting").touch()
            await asyncio.Event().wait()
    return Count(letters=count.letters, approved=interrupt({"letters": count.letters}))


approval = count >> approve
'''

COMMAND = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)  # it may be ignored in the background
from agentsys.cli.main import main
main()
"""


@pytest.fixture(autouse=True)
def project(here: Path) -> Path:
    (here / "graphs" / "approval.py").write_text(APPROVAL)
    return here


def start(*words: str, stop: str) -> "subprocess.Popen[str]":
    """A command in a process of its own, which stops half-way."""
    return subprocess.Popen(
        [sys.executable, "-c", COMMAND, *words],
        env={**os.environ, "PYTHONPATH": str(ROOT), "STOP": stop},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def row(agentsys: Command, run_id: str) -> dict[str, object]:
    """The run as `agentsys runs` has it."""
    (found,) = [run for run in agentsys("runs", "--json").json() if run["run_id"] == run_id]
    return found


def test_a_question_prints_the_command_that_answers_it(agentsys: Command, project: Path) -> None:
    """A run that asks leaves with 1 and says what it asks; its command goes on with it."""
    asked = agentsys("run", "approval", "seven", "--run-id", "a run")
    assert asked.code == 1
    assert "status  interrupted" in asked.out
    assert 'It asks: {"letters": 5}' in asked.err
    line = asked.err.splitlines()[-1]
    assert line == "Answer: agentsys resume 'a run' --answer TEXT_OR_JSON"
    words = shlex.split(line.partition("agentsys ")[2].replace("TEXT_OR_JSON", "true"))
    answered = agentsys(*words, "--json")
    assert answered.code == 0
    assert answered.json()["output"] == {"letters": 5, "approved": True}
    assert (project / "counted").read_text() == "x"
    again = agentsys("resume", "a run", "--json").json()
    assert again == answered.json()


def test_json_has_the_questions(agentsys: Command) -> None:
    """Programs find what is asked in the run; an answer that is no JSON is text."""
    asked = agentsys("run", "approval", "seven", "--json")
    assert asked.code == 1
    assert asked.json()["questions"] == [{"letters": 5}]
    run_id = asked.json()["run_id"]
    answered = agentsys("resume", run_id, "--answer", "if you like", "--json")
    assert answered.json()["output"]["approved"] == "if you like"


def test_stream_prints_what_happens_from_now_on(agentsys: Command) -> None:
    """What had happened before is not printed again."""
    run_id = agentsys("run", "approval", "seven", "--json").json()["run_id"]
    lines = agentsys("resume", run_id, "--answer", "fine", "--stream").out.splitlines()
    assert lines[:3] == [
        f"resumed   {run_id}  with the answer fine",
        "step      approve",
        "finished  ok",
    ]
    assert lines[4] == "letters   5"
    asked = agentsys("run", "approval", "seven", "--stream", "--json").out.splitlines()
    kinds = [json.loads(line).get("kind") for line in asked]
    assert kinds == ["RunStarted", "StepFinished", "RunInterrupted", None]


@pytest.mark.parametrize("options", [(), ("--run-id", "x")])
def test_a_killed_run_is_listed_and_goes_on(
    agentsys: Command, project: Path, options: tuple[str, ...]
) -> None:
    """After a kill, `runs` says which run can be resumed, and `resume` does what was left."""
    killed = start("run", "approval", "seven", *options, stop="kill")
    assert killed.wait() == -signal.SIGKILL
    killed.communicate()
    (listed,) = agentsys("runs", "--json").json()
    assert (listed["status"], listed["resumable"]) == ("unfinished", True)
    assert listed["graph"] == "approval"
    assert "can be resumed" in agentsys("runs").out
    assert agentsys("resume", listed["run_id"]).code == 1
    assert row(agentsys, listed["run_id"])["status"] == "interrupted"
    assert agentsys("resume", listed["run_id"], "--answer", "yes").code == 0
    assert (project / "counted").read_text() == "x"
    ended = row(agentsys, listed["run_id"])
    assert (ended["status"], ended["resumable"], ended["usd"]) == ("ok", False, "0")


def test_ctrl_c_says_how_to_go_on(agentsys: Command, project: Path) -> None:
    """A run that is stopped by hand keeps what has finished; until then nobody can take it up."""
    stopped = start("run", "approval", "seven", "--run-id", "x", stop="wait")
    while not (project / "waiting").exists():
        assert stopped.poll() is None
    refused = agentsys("resume", "x")
    assert refused.code == 2
    assert refused.err.count("\n") == 1
    assert f"is being worked on by process {stopped.pid}" in refused.err
    assert row(agentsys, "x")["status"] == "running"
    stopped.send_signal(signal.SIGINT)
    _, err = stopped.communicate()
    assert stopped.returncode == 130
    assert err.splitlines()[0] == "What has finished is kept. Go on: agentsys resume x"
    assert row(agentsys, "x")["status"] == "failed"
    assert agentsys("resume", "x").code == 1
    assert agentsys("resume", "x", "--answer", "yes").code == 0
    assert (project / "counted").read_text() == "x"


def test_mistakes_are_one_line(agentsys: Command, project: Path) -> None:
    """An id that is taken, unknown or of a graph that is gone is named, with what to do."""
    assert agentsys("run", "letters", "seven", "--run-id", "x").code == 0
    for words, reason in (
        (("run", "letters", "seven", "--run-id", "x"), "There is a run 'x' already. Go on with it"),
        (("run", "letters", "seven", "--run-id", "-x"), "'-x' is not an id of a run."),
        (("resume", "y"), "There is no run 'y'. 'agentsys runs' lists them."),
        (("resume", "x", "--answer", "1"), "The run 'x' waits for no answer."),
    ):
        result = agentsys(*words)
        assert result.code == 2
        assert reason in result.err
        assert result.err.count("\n") == 1
    (project / "graphs" / "letters.py").unlink()
    gone = agentsys("resume", "x")
    assert (gone.code, gone.err.count("\n")) == (2, 1)
    assert "There is no graph 'letters'. The run 'x' is of it" in gone.err


def test_runs_are_the_newest_first(agentsys: Command) -> None:
    """The list is as long as it may be, and says on whose account each run was."""
    assert agentsys("runs", "--json").json() == []
    for number in range(3):
        agentsys("run", "letters", f"word{number}", "--run-id", f"r{number}", "--tenant", "acme")
    found = agentsys("runs", "--limit", "2", "--json").json()
    assert [run["run_id"] for run in found] == ["r2", "r1"]
    assert {run["tenant"] for run in found} == {"acme"}
    assert found[0]["started"].endswith("+00:00")
    assert agentsys("runs").out.splitlines()[1].split()[:4] == ["r2", "letters", "acme", "ok"]
