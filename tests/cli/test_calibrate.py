"""`agentsys calibrate`: thresholds on the command line, with the models that come along."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import Command, Result

ROOT = Path(__file__).parents[2]
FIT = ("calibrate", "--graph", "slm_fallback", "--suite", "word-problems", "--limit", "80")
LOADED = ("--objective", "loaded-cps", "--fail-cost", "0.05")
TASK = "Mia has 4 boxes of 12 pens and gives 7 away. How many pens are left?"

GRAPH = '''
"""Solves word problems; its last step is where somebody presses Ctrl-C."""
import asyncio, os, signal
from pydantic import BaseModel, Field
from agentsys import Agent, step
from agentsys.tools.arithmetic import evaluate

class Question(BaseModel):
    text: str

class Solution(BaseModel):
    expression: str = Field(pattern=r"^[0-9+*/().-]{1,120}$")

class Answer(BaseModel):
    value: float

runs = 0

@step
async def value(solution: Solution) -> Answer:
    global runs
    runs += 1
    if runs == int(os.environ.get("INTERRUPT_AT", "0")):
        os.kill(os.getpid(), signal.SIGINT)
        await asyncio.Event().wait()
    return Answer(value=evaluate(solution.expression))

solver = Agent(Question, Solution, "Answer with one arithmetic expression.", repairs=0,
               min_confidence=0.6, escalate="llm", name="solver")
own = solver >> value
'''

JUDGE = """
from agentsys import step
from agentsys.verdict import Candidate, Verdict
from .own import Answer, Question

@step
async def own_judge(candidate: Candidate[Question, Answer]) -> Verdict:
    even = candidate.answer.value % 2 == 0
    return Verdict(label="correct" if even else "unknown")
"""


@pytest.fixture(scope="module")
def fitted(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A ledger with a calibration in it, and what that printed."""
    home = tmp_path_factory.mktemp("fitted")
    done = subprocess.run(
        [sys.executable, "-m", "agentsys", *FIT, *LOADED],
        env={**os.environ, "PYTHONPATH": str(ROOT), "AGENTSYS_HOME": str(home)},
        cwd=home,
        capture_output=True,
        text=True,
        check=True,
    )
    return home, done.stdout


@pytest.fixture
def version(
    fitted: tuple[Path, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, agentsys: Command
) -> str:
    """The version of it, in a ledger of the test's own."""
    home, out = fitted
    shutil.copytree(home, tmp_path / "home")
    monkeypatch.chdir(tmp_path)
    found = re.search(r"Kept as (\S+),", out)
    assert found is not None
    return found[1]


def run(agentsys: Command, *words: str) -> Result:
    return agentsys("run", "slm_fallback", TASK, *words)


def test_what_it_prints(fitted: tuple[Path, str]) -> None:
    """It shows what was fitted, the curve with the chosen point, and what was measured beside."""
    _, out = fitted
    assert "slm_fallback, least cost per success, $0.05 a failure: 4" in out
    assert re.search(r"^solver@slm +mini-slm +\d+ +\d+\.\d%", out, re.M)
    assert re.search(r"^chosen +\d\.\d{4} ", out, re.M)
    assert re.search(r"^held out +calibrated +as defined +at slm +at llm", out, re.M)
    assert re.search(r"^success +\d+\.\d% \(", out, re.M)
    assert "Against the definitions' own threshold, on the same tasks" in out
    assert re.search(r"^Kept as \S+, and ", out, re.M)


def test_runs_use_it_until_it_is_put_out_of_use(agentsys: Command, version: str) -> None:
    """The receipt names the version in use; `off` and `use` change that, for new runs."""
    assert f"thresholds  {version}" in run(agentsys).out
    assert run(agentsys, "--json").json()["thresholds"] == version
    said = agentsys("calibrate", "off", "--graph", "slm_fallback").out
    assert f"'agentsys calibrate use {version}'" in said
    again = agentsys("calibrate", "--resume", version)
    assert (again.code, f"Kept as {version}, and not in use: " in again.out) == (0, True)
    assert "thresholds" not in run(agentsys).out
    assert run(agentsys, "--json").json()["thresholds"] is None
    assert agentsys("calibrate", "use", version).code == 0
    assert f"thresholds  {version}" in run(agentsys).out


def test_versions_are_listed_and_shown(agentsys: Command, version: str) -> None:
    """`list` has a line a version; `show` prints it again, and whether confidences have moved."""
    [line] = agentsys("calibrate", "list", "--json").json()
    assert (line["version"], line["graph"], line["in_use"]) == (version, "slm_fallback", True)
    assert re.search(rf"^{version} +slm_fallback +yes", agentsys("calibrate", "list").out, re.M)
    assert agentsys("calibrate", "list", "--graph", "other", "--json").json() == []
    shown = agentsys("calibrate", "show", version)
    assert agentsys("calibrate", "show", "last").out == shown.out
    assert "0 confidences since, too few to compare" in shown.out
    told = agentsys("calibrate", "show", version, "--json").json()
    assert (told["version"], told["in_use"]) == (version, True)
    assert [row["graph"] for row in told["rows"]][:2] == [
        "slm_fallback calibrated",
        "slm_fallback as defined",
    ]


def test_a_definition_that_changes_is_told_of(
    agentsys: Command, version: str, tmp_path: Path
) -> None:
    """A graph of that name which is another one keeps its own thresholds, with one warning."""
    (tmp_path / "graphs").mkdir()
    text = GRAPH.replace("own = solver", "slm_fallback = solver")
    (tmp_path / "graphs" / "slm_fallback.py").write_text(text)
    result = run(agentsys)
    assert "thresholds" not in result.out
    assert f"warning: the thresholds {version} of 'slm_fallback' are not used" in result.err


def test_ctrl_c_keeps_what_is_finished(
    agentsys: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A calibration that is stopped says how to go on, and does."""
    (tmp_path / "graphs").mkdir()
    (tmp_path / "graphs" / "own.py").write_text(GRAPH)
    monkeypatch.chdir(tmp_path)
    words = ("calibrate", "--graph", "own", "--suite", "word-problems", "--limit", "40")
    monkeypatch.setenv("INTERRUPT_AT", "12")
    stopped = agentsys(*words, *LOADED, "--concurrency", "2")
    assert stopped.code == 130
    again = re.search(r"Go on: agentsys (calibrate --resume \S+)", stopped.err)
    assert again is not None
    monkeypatch.delenv("INTERRUPT_AT")
    assert agentsys("calibrate", "list", "--json").json() == []
    refused = agentsys(*again[1].split(), "--limit", "10")
    assert (refused.code, "has its own graph, tasks and objective" in refused.err) == (2, True)
    done = agentsys(*again[1].split(), "--json").json()
    assert done["tasks"] == 20
    assert [row["tasks"] for row in done["rows"]] == [20] * 4


def test_what_judges_did_is_told(
    agentsys: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where a judge scores, what that took stands below the figures of both halves."""
    (tmp_path / "graphs").mkdir()
    (tmp_path / "graphs" / "own.py").write_text(GRAPH)
    (tmp_path / "graphs" / "own_judge.py").write_text(JUDGE)
    monkeypatch.chdir(tmp_path)
    words = ("--suite", "word-problems", "--limit", "40", "--scorer", "judge:own_judge")
    out = agentsys("calibrate", "--graph", "own", *words, *LOADED).out
    assert re.search(r"^First half: \d+ of 40 outcomes count as failures without a ver", out, re.M)
    assert re.search(r"^Other half: \d+ of 80 outcomes count as failures without a ver", out, re.M)


def test_what_cannot_be_met_leaves_with_1(
    agentsys: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A floor that no threshold comes to is said, nothing is kept, and the exit code is 1."""
    (tmp_path / "graphs").mkdir()
    right = "value=evaluate(solution.expression)"
    only_even = GRAPH.replace(right, "value=evaluate(solution.expression) // 2 * 2")
    (tmp_path / "graphs" / "own.py").write_text(only_even)
    monkeypatch.chdir(tmp_path)
    words = ("calibrate", "--graph", "own", "--suite", "word-problems", "--limit", "60")
    result = agentsys(*words, "--success-floor", "0.95")
    assert result.code == 1
    assert "Nothing is kept: no threshold comes to 95.0% success" in result.out
    assert "There are no fitted thresholds." in agentsys("calibrate", "list").out


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--suite", "word-problems", *LOADED), "There is no graph."),
        (("--graph", "slm_fallback", *LOADED), "There are no tasks."),
        (FIT[1:], "There is no objective."),
        (
            (*FIT[1:], *LOADED, "--success-floor", "0.9"),
            "There are two objectives. Give one of --fail-cost",
        ),
        ((*FIT[1:], "--success-floor", "95"), "A success floor of 95 is no share."),
        ((*FIT[1:], "--fail-cost", "much"), "--fail-cost: 'much' is no amount."),
        ((*FIT[1:], "--certify", "alpha=5,delta=0.1"), "An alpha of 5 is no share."),
        ((*FIT[1:], "--certify", "0.05"), "Give --certify alpha=0.05,delta=0.05."),
        ((*FIT[1:], "--certify", "alpha=0.05,delta=0.05"), "Give 178 or more in all"),
        *(
            ((*FIT[1:-1], limit, *LOADED), f"A limit of {limit} leaves too few tasks for both")
            for limit in ("-3", "0", "1", "39")
        ),
        (("--graph", "llm_only", *FIT[3:], *LOADED), "has a tier to escalate to"),
        (("--resume", "last"), "There is no calibration 'last'."),
        (("show", "last"), "There is no version of thresholds 'last'."),
        (("show", "v9"), "There is no version of thresholds 'v9'."),
        (("use", "v9"), "There is no version of thresholds 'v9'."),
        (("off", "--graph", "slm_fallback"), "There is no graph with thresholds"),
    ],
)
def test_mistakes_are_told_in_a_line(agentsys: Command, words: tuple[str, ...], says: str) -> None:
    """What is missing or makes no sense is refused before anything is asked, in one line."""
    result = agentsys("calibrate", *words)
    assert (result.code, result.err.count("\n")) == (2, 1)
    assert says in result.err


def test_alone_it_says_how_it_is_used(agentsys: Command) -> None:
    """Without a word more it prints its help, which tells it from calibrating judges."""
    result = agentsys("calibrate")
    assert result.code == 0
    assert "--success-floor" in result.out
    told = "At most a share A of the accepted answers wrong; a share D of all calibrations may miss"
    assert told in " ".join(result.out.split())
    assert "agentsys judge calibrate" in result.out


def test_its_benches_are_good_for_what_if(agentsys: Command, version: str) -> None:
    """They are named after versions of the graph; what counts is the graph that is asked about."""
    for bench, variants in (("last", "0.5,0.9"), (f"{version}-fit", "0.5")):
        words = ("--graph", "slm_fallback", "--bench", bench, "--threshold", variants)
        done = agentsys("what-if", *words, "--json")
        assert done.code == 0, done.err
        assert {row["tasks"] + row["unknown"] for row in done.json()} == {40}
        assert all(row["tasks"] for row in done.json())


@pytest.mark.parametrize("part", ["fit", "held-out"])
def test_its_benches_go_on_with_it(agentsys: Command, version: str, part: str) -> None:
    """Not by themselves: only the calibration knows how they run."""
    done = agentsys("bench", "--resume", f"{version}-{part}")
    assert (done.code, done.out) == (2, "")
    assert f"is a part of the calibration '{version}'" in done.err
    assert f"Go on with that: agentsys calibrate --resume {version}." in done.err


def test_a_single_task_is_too_few_for_two_halves(agentsys: Command, tmp_path: Path) -> None:
    """Which is said as such: nobody has asked for a split."""
    file = tmp_path / "one.jsonl"
    file.write_text('{"question": "What is 1 + 1?", "answer": 2}')
    result = agentsys("calibrate", "--graph", "slm_fallback", "--suite", str(file), *LOADED)
    assert result.code == 2
    assert "too few" in result.err
    assert "split" not in result.err
