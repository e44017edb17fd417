"""`--record` and `--replay` on `run` and `bench`, and recordings in agentsys.toml."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Command

ROOT = Path(__file__).parents[2]

TASK = "Mia has 4 boxes of 12 pens and gives 7 away. How many pens are left?"
BENCH = ("bench", "word-problems", "--graph", "slm_fallback", "--limit", "12", "--json")

BROKEN = """
[[deployments]]
name = "nothing"
tier = "slm"
gguf = "there-is-no-such-file.gguf"
usd_per_hour = 1
"""

REPLAYED = """
[[deployments]]
name = "small"
tier = "slm"
recorded = "calls"

[[deployments]]
name = "large"
tier = "llm"
recorded = "calls"

[[deployments]]
name = "any"
tier = "recorded"
recorded = "calls"
"""


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder, the current directory."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def figures(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What depends neither on the clock nor, as resampling does, on which task ended first."""
    timed = ("p50_s", "p95_s", "cps_ci")
    return [{key: value for key, value in row.items() if key not in timed} for row in rows]


def calls(folder: Path) -> list[dict[str, Any]]:
    lines = (folder / "calls.jsonl").read_text().splitlines()
    return [data for data in map(json.loads, lines) if "recording" not in data]


def test_bench_again(agentsys: Command, here: Path) -> None:
    """A bench on its own recording has the same figures to the last digit, and loads no model."""
    before = agentsys(*BENCH, "--record", "calls")
    assert before.code == 0
    (here / "agentsys.toml").write_text(BROKEN)
    after = agentsys(*BENCH, "--replay", "calls")
    assert after.code == 0, after.err
    assert figures(after.json()) == figures(before.json())
    assert before.json()[0]["escalation_rate"] > 0
    again = agentsys("report", "--bench", "last")
    assert "Replayed from the recording calls: no model was asked, nothing was paid." in again.out


def test_recorded_deployments(agentsys: Command, here: Path) -> None:
    """Deployments that replay a recording stand behind tiers; `models` says how much they have."""
    before = agentsys("run", "slm_fallback", TASK, "--json", "--record", "calls").json()
    (here / "agentsys.toml").write_text(REPLAYED)
    after = agentsys("run", "slm_fallback", TASK, "--json").json()
    assert after["path"] == before["path"]
    assert after["output"] == before["output"]
    assert after["confidence"] == before["confidence"]
    assert after["cost"]["usd"] == before["cost"]["usd"]
    listed = {row["tier"]: row for row in agentsys("models", "--json").json()}
    assert listed["recorded"]["health"] == "1 call on record"
    assert listed["llm"]["health"] == "0 calls on record"
    assert listed["slm"]["model"] == "calls"


def test_difference_is_shown(agentsys: Command, here: Path) -> None:
    """Where a task is not on record, the run says what comes near, line by line."""
    agentsys("run", "slm_fallback", TASK, "--record", "calls")
    missed = agentsys("run", "slm_fallback", TASK.replace("7", "8"), "--replay", "calls")
    assert missed.code == 1
    assert "failed: not recorded: the recording 'calls' has no such request" in missed.err
    assert "-  Mia has 4 boxes of 12 pens and gives 7 away." in missed.err.splitlines()
    assert "+  Mia has 4 boxes of 12 pens and gives 8 away." in missed.err.splitlines()


def test_bench_names_what_is_missing(agentsys: Command) -> None:
    """Tasks that are not on record fail, and the report counts and names them."""
    agentsys(*BENCH, "--record", "calls")
    more = agentsys(*BENCH[:5], "14", "--replay", "calls")
    assert re.search("2 failed, mostly: not recorded: .*/calls' has no such request", more.out)
    assert "2 of 2 failed because nothing is recorded for them: " in more.out


def test_gone_on_with(agentsys: Command, here: Path) -> None:
    """A bench that replays goes on replaying, without being told again."""
    agentsys(*BENCH, "--record", "calls")
    replayed = agentsys(*BENCH, "--replay", "calls")
    bench = re.search(r"bench (\S+);", replayed.err)
    assert bench is not None
    (here / "agentsys.toml").write_text(BROKEN)
    again = agentsys("bench", "--resume", bench[1])
    assert again.code == 0
    other = agentsys("bench", "--resume", bench[1], "--replay", "elsewhere")
    assert other.code == 2
    assert "--replay" in other.err
    file = here / "calls" / "calls.jsonl"
    lines = file.read_bytes().splitlines(keepends=True)
    file.write_bytes(b"".join(lines[:-1]))
    changed = agentsys("bench", "--resume", bench[1])
    assert changed.code == 2
    assert f"{here / 'calls'} has changed since the bench was begun" in changed.err


def test_run_gone_on_with(agentsys: Command, here: Path) -> None:
    """A replayed run that a budget stopped goes on with the recording."""
    before = agentsys("run", "slm_fallback", TASK, "--record", "calls", "--json").json()
    (here / "agentsys.toml").write_text(BROKEN)
    words = ("run", "slm_fallback", TASK, "--replay", "calls", "--run-id", "one")
    assert "budget_exceeded" in agentsys(*words, "--budget", "0.000000001").err
    went_on = agentsys("resume", "one", "--replay", "calls", "--budget", "1", "--json")
    assert went_on.json()["output"] == before["output"], went_on.err


def started(folder: Path, *words: str) -> subprocess.Popen[bytes]:
    """A bench in a process of its own."""
    environment = {**os.environ, "AGENTSYS_HOME": str(folder / "home"), "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "agentsys", *words]
    return subprocess.Popen(command, cwd=folder, env=environment, stderr=subprocess.DEVNULL)


def wait_for(file: Path, lines: int, process: subprocess.Popen[bytes]) -> None:
    while not file.exists() or file.read_bytes().count(b"\n") < lines:
        assert process.poll() is None, "it ended before"
        time.sleep(0.01)


def test_killed_while_recording(agentsys: Command, here: Path) -> None:
    """After a kill, what was recorded is whole, and the bench and its recording go on."""
    words = ("bench", "word-problems", "--graph", "slm_fallback", "--limit", "60")
    process = started(here, *words, "--record", "calls")
    wait_for(here / "calls" / "calls.jsonl", 10, process)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert len(calls(here / "calls")) >= 9
    resumed = started(here, "bench", "--resume", "last", "--record", "calls")
    assert resumed.wait() == 0
    replayed = agentsys(*words, "--replay", "calls", "--json")
    assert replayed.json()[0]["statuses"].get("failed", 0) == 0
    live = agentsys(*words, "--json")
    assert replayed.json()[0]["success_rate"] == live.json()[0]["success_rate"]


def test_two_processes_record(agentsys: Command, here: Path) -> None:
    """Two benches that record into one folder at once lose and tear nothing."""
    seeds = ("1", "2")
    words = [(*BENCH[:-2], "8", "--seed", seed) for seed in seeds]
    both = [started(here, *each, "--record", "calls") for each in words]
    assert [process.wait() for process in both] == [0, 0]
    for each in words:
        replayed = agentsys(*each, "--replay", "calls", "--json")
        assert replayed.code == 0, replayed.err
        assert "failed" not in replayed.json()[0]["statuses"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--replay", "nothing"), "nothing: calls.jsonl cannot be read"),
        (("--recorded", "a", "--replay", "b"), "both stand in for the models"),
        (("--slm", "x"), "Add --recorded."),
        (("--recorded", "nothing"), "Leave the suite out."),
    ],
)
def test_mistakes(agentsys: Command, words: tuple[str, ...], said: str) -> None:
    """What does not go together, or is not there, is refused in one line."""
    refused = agentsys(*BENCH, *words)
    assert refused.code == 2
    assert said in refused.err
    assert refused.err.count("\n") == 1


def test_a_recording_is_not_written_while_it_is_read(agentsys: Command, here: Path) -> None:
    """It would get a copy of itself; and a file is no folder to record in."""
    agentsys("run", "slm_fallback", TASK, "--record", "calls")
    before = (here / "calls" / "calls.jsonl").read_bytes()
    words = ("run", "slm_fallback", TASK, "--replay", "calls")
    refused = agentsys(*words, "--record", "./calls/")
    assert (refused.code, "would be written while it is read" in refused.err) == (2, True)
    assert (here / "calls" / "calls.jsonl").read_bytes() == before
    refused = agentsys(*words, "--record", "calls/calls.jsonl")
    assert (refused.code, "calls/calls.jsonl is a file." in refused.err) == (2, True)
