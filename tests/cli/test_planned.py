"""`agentsys bench` on files of tasks: scorers, halves, repeats, and going on with all that."""

import json
import os
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Command

ROOT = Path(__file__).parents[2]
DATA = ROOT.parent / "shared" / "data" / "tasks"

GRAPHS = '''
"""Adds the numbers of a question; a judge of that, and one without a clear field."""
import asyncio, os, re
from pydantic import BaseModel
from agentsys import step
from agentsys.verdict import Candidate, Verdict

class Asked(BaseModel):
    question: str

class Total(BaseModel):
    reasoning: str
    answer: float

class Pair(BaseModel):
    left: float
    right: float

@step
async def total(asked: Asked) -> Total:
    with open("runs", "a") as runs:
        runs.write(asked.question + "\\n")
    if os.path.getsize("runs") > int(os.environ.get("HANG_AFTER", "1000000000")):
        open("hangs", "w").close()
        await asyncio.Event().wait()
    return Total(reasoning="…", answer=sum(map(int, re.findall(r"\\d+", asked.question))))

@step
async def pair(asked: Asked) -> Pair:
    return Pair(left=1, right=2)

@step
async def strict(candidate: Candidate[Asked, Total]) -> Verdict:
    return Verdict(label="correct" if candidate.answer.answer > 8 else "unknown")
'''

MAIN = "from agentsys.cli.main import main; main()"


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with three graphs that need no model, tasks, and a ledger that is its own."""
    (tmp_path / "graphs").mkdir()
    (tmp_path / "graphs" / "total.py").write_text(GRAPHS)
    for name in ("pair", "strict"):
        (tmp_path / "graphs" / f"{name}.py").write_text(f"from .total import {name}")
    lines = [{"question": f"{n} and 1?", "answer": f"So …\n#### {n + 1}"} for n in range(40)]
    (tmp_path / "gsm.jsonl").write_text("\n".join(map(json.dumps, lines)))
    (tmp_path / "mine.csv").write_text("question,answer\n1 and 2?,3\n3 and 4?,8\n5 and 6?,11\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AGENTSYS_HOME", str(tmp_path / "home"))
    return tmp_path


GSM8K = ("bench", "gsm8k", "--file", "gsm.jsonl", "--graph", "total")
MINE = ("bench", "mine.csv", "--graph", "total")


def rows(agentsys: Command, *words: str) -> list[dict[str, Any]]:
    done = agentsys(*words, "--json")
    assert done.code == 0, done.err
    return done.json()


def figures(agentsys: Command, *words: str) -> tuple[int, float]:
    [row] = rows(agentsys, *words)
    return row["tasks"], row["success_rate"]


def test_a_public_file_fits_any_graph_of_a_text(agentsys: Command):
    """Whatever the field of its input is called; of the output, the answer counts."""
    assert figures(agentsys, *GSM8K) == (40, 1.0)
    assert figures(agentsys, *GSM8K, "--limit", "7", "--repeat", "3") == (21, 1.0)


def test_the_table_tells_of_repeats_and_of_the_scorer(agentsys: Command):
    """The share of tasks that are right every time, and what decided it."""
    out = agentsys(*MINE, "--repeat", "2", "--scorer", "numeric:0.01").out
    lines = dict(line.split("  ", 1) for line in out.splitlines() if "  " in line)
    assert lines["pass^1 to pass^2"].strip() == "66.7%, 66.7%"
    assert lines["scorer"].strip() == "numeric ±0.01"
    assert "pass^" not in agentsys(*MINE).out


def test_halves_make_a_whole(agentsys: Command, project: Path):
    """Every task is in one of them."""
    for half in ("calibration", "held-out"):
        rows(agentsys, *GSM8K, "--split", half)
    runs = Counter((project / "runs").read_text().splitlines())
    assert len(runs) == 40
    assert set(runs.values()) == {1}


@pytest.mark.parametrize(
    ("words", "rate"),
    [
        ((), 2 / 3),
        (("--scorer", "numeric:1"), 1.0),
        (("--scorer", "exact"), 0.0),
        (("--scorer", "text"), 2 / 3),
        (("--scorer", "judge:strict"), 1 / 3),
        (("--scorer", "numeric", "--field", "reasoning"), 0.0),
    ],
)
def test_the_scorer_is_chosen_by_name(agentsys: Command, words: tuple[str, ...], rate: float):
    """Each finds other things right; the report says which one it was."""
    assert figures(agentsys, *MINE, *words) == (3, pytest.approx(rate))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("bench", "gsm8k", "--graph", "total"), "is a file of yours. Give --file PATH."),
        ((*GSM8K[:3], "none.jsonl", "--graph", "total"), "none.jsonl cannot be read: No such file"),
        (("bench", "svamp", *GSM8K[2:]), "gsm.jsonl, line 1: there is no 'Body'."),
        ((*MINE, "--scorer", "numerical"), "Did you mean 'numeric'?"),
        ((*MINE, "--scorer", "judge:stricter"), "Did you mean 'strict'?"),
        ((*MINE, "--scorer", "judge:total"), "The graph 'total' is no judge"),
        ((*MINE, "--scorer", "choice"), "Another scorer may suit: --scorer NAME."),
        ((*MINE, "--field", "value"), "gives Total, which has no field 'value'."),
        ((*MINE[:3], "pair"), "Say which field is scored: --field NAME."),
        ((*MINE, "--repeat", "0"), "0 repeats run nothing. Give 1 or more."),
        ((*MINE, "--split", "third"), "third"),
        (("bench", "mine.txt", "--graph", "total"), "There is no suite 'mine.txt'."),
        (("bench", "reasoning-gym:x", *GSM8K[2:]), "is made without a file. Leave it out."),
    ],
)
def test_mistakes_are_one_line(agentsys: Command, words: tuple[str, ...], said: str):
    """Before anything runs; the exit code is 2."""
    refused = agentsys(*words)
    assert (refused.code, refused.out, refused.err.count("\n")) == (2, "", 1), refused.err
    assert said in refused.err
    assert not Path("runs").exists()


@pytest.mark.skipif(not DATA.is_dir(), reason="the public data are not here")
@pytest.mark.parametrize(
    ("suite", "file"), [("gsm8k", "gsm8k_test.jsonl.gz"), ("svamp", "svamp.json.gz")]
)
def test_ready_made_graphs_run_on_published_files(agentsys: Command, suite: str, file: str):
    """The miniatures know none of these words, and say so."""
    words = ("bench", suite, "--file", str(DATA / file), "--graph", "slm_fallback", "--limit", "4")
    [row] = rows(agentsys, *words)
    assert (row["tasks"], row["scorer"]) == (4, "numeric ±1e-06")
    assert "abstained" in row["statuses"]


HOW = ("--split", "held-out", "--scorer", "numeric:0.5", "--field", "answer", "--repeat", "3")


def killed(project: Path, *words: str) -> Counter[str]:
    """A bench that is killed, without a chance to say good-bye; gives the runs of each task."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "HANG_AFTER": "200"}
    bench = [sys.executable, "-c", MAIN, *words, "--concurrency", "2"]
    with subprocess.Popen(bench, env=environment, stderr=subprocess.DEVNULL) as working:
        while not (project / "hangs").exists():
            assert working.poll() is None
        working.kill()
    return Counter((project / "runs").read_text().splitlines())


def test_a_killed_bench_loses_nothing_that_was_finished(agentsys: Command, project: Path):
    """All that it was begun with is on record: what is left is done."""
    before = killed(project, *GSM8K, *HOW)
    assert before.total() > 10
    done = agentsys("bench", "--resume", "last", "--json")
    [row] = done.json()
    assert (row["tasks"] % 3, row["success_rate"]) == (0, 1.0)
    skipped = re.search(r"(\d+) tasks were finished before", done.err)
    assert skipped is not None
    assert int(skipped[1]) >= before.total() - 2  # those that were under way
    runs = Counter((project / "runs").read_text().splitlines())
    assert row["tasks"] == len(runs) * 3
    assert runs.total() <= row["tasks"] + 2
    assert min(runs.values()) == 3


def test_a_file_that_has_changed_is_noticed(agentsys: Command, project: Path):
    """Its tasks may be others now: the rest is not done on them."""
    killed(project, *GSM8K, *HOW)
    with (project / "gsm.jsonl").open("a") as opened:
        opened.write("\n")
    refused = agentsys("bench", "--resume", "last")
    assert (refused.code, refused.out, refused.err.count("\n")) == (2, "", 1)
    assert "gsm.jsonl has changed since the bench was begun." in refused.err


@pytest.mark.parametrize(
    "words",
    [
        ("--file", "mine.csv"),
        ("--split", "all"),
        ("--scorer", "numeric"),
        ("--field", "value"),
        ("--repeat", "2"),
        ("mine.csv",),
    ],
)
def test_resume_refuses_what_contradicts_the_bench(agentsys: Command, words: tuple[str, ...]):
    """It says what the bench is; the same again is no contradiction."""
    rows(agentsys, *GSM8K, *HOW, "--limit", "2")
    refused = agentsys("bench", "--resume", "last", *words)
    assert (refused.code, refused.out, refused.err.count("\n")) == (2, "", 1)
    says = (
        "--split held-out, --scorer numeric:0.5, --field answer, --repeat 3, --limit 2 and --seed 0"
    )
    assert says in refused.err
    assert figures(agentsys, "bench", "gsm8k", "--resume", "last", *GSM8K[2:], *HOW) == (6, 1.0)


def test_a_judge_is_found_again(agentsys: Command):
    """The scorer of a bench that goes on is the project's graph of that name."""
    scored = (*MINE, "--scorer", "judge:strict")
    assert figures(agentsys, *scored) == (3, pytest.approx(1 / 3))
    again = agentsys("bench", "--resume", "last")
    assert again.code == 0
    assert "2 of 3 outcomes count as failures without a verdict, mostly: unknown" in again.out
