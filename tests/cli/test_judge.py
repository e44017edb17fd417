"""`agentsys judge`: gold sets, calibration and leaderboards, in a project of their own."""

import json
import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Command

ROOT = Path(__file__).parents[2]

JUDGE = '''
"""Judges sums."""
import asyncio, os, signal
from pydantic import BaseModel
from agentsys import Abstain, step
from agentsys.verdict import Candidate, Verdict

class Sum(BaseModel):
    a: int
    b: int

class Total(BaseModel):
    total: int

runs = 0

@step
async def NAME(candidate: Candidate[Sum, Total]) -> Verdict:
    global runs
    runs += 1
    with open("shown", "a") as shown:
        print("NAME", candidate.model_dump_json(), file=shown)
    if runs == int(os.environ.get("HANG_AT", "0")):
        open("hangs", "w").close()
        await asyncio.Event().wait()
    if runs == int(os.environ.get("INTERRUPT_AT", "0")):
        os.kill(os.getpid(), signal.SIGINT)
        await asyncio.Event().wait()
    a, b, total = candidate.task.a, candidate.task.b, candidate.answer.total
    RULE
    label = "correct" if right else "incorrect"
    return Verdict(label=label, confidence=SURE, failing_step=None if right else 1)
'''

RULES = {
    "exact": ("right = a + b == total", "0.9"),
    "odd": ("right = (a + b - total) % 2 == 0", "0.99"),
    "shy": ('if a > 7: raise Abstain("too large.")\n    right = a + b == total', "None"),
}


def judge(name: str, rule: str = "", sure: str = "") -> str:
    found = RULES.get(name, ("", ""))
    text = JUDGE.replace("NAME", name).replace("RULE", rule or found[0])
    return text.replace("SURE", sure or found[1])


def lines(n: int) -> list[dict[str, Any]]:
    """Sums, every second one wrong: by 1 or by 2, in turn."""
    found: list[dict[str, Any]] = []
    for at in range(n):
        off = (0, 1, 0, 2)[at % 4]
        label = {"label": "incorrect", "failing_step": 1} if off else {"label": "correct"}
        a, b = at % 10, at
        task, answer = {"a": a, "b": b}, {"total": a + b + off}
        found.append({"id": f"s{at}", "task": task, "answer": answer, **label})
    return found


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with three judges that need no model, and a gold set of 20 sums."""
    (tmp_path / "graphs").mkdir()
    for name in RULES:
        (tmp_path / "graphs" / f"{name}.py").write_text(judge(name))
    write(tmp_path / "gold.jsonl", lines(20))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AGENTSYS_HOME", str(tmp_path / "home"))
    return tmp_path


def write(file: Path, rows: list[dict[str, Any]]) -> None:
    file.write_text("".join(f"{json.dumps(row)}\n" for row in rows))


def shown(project: Path) -> Counter[str]:
    """What judges were shown, with how often."""
    return Counter((project / "shown").read_text().splitlines())


BOARD = ("judge", "leaderboard", "--gold", "gold.jsonl", "--graph", "exact", "--graph", "odd")
FIT = ("judge", "calibrate", "--gold", "gold.jsonl", "--graph", "exact")


def test_a_leaderboard_ranks(agentsys: Command):
    """The judge that is right more often comes first, with figures that are known beforehand."""
    done = agentsys(*BOARD, "--json")
    assert done.code == 0
    found = done.json()
    best, other = found["judges"]
    assert (best["graph"], best["accuracy"], best["found"], best["refused"]) == ("exact", 1, 1, 0)
    assert (other["graph"], other["accuracy"], other["found"]) == ("odd", 0.75, 0.5)
    assert best["rating"] > 1_000 > other["rating"]
    assert best["rating_ci"][0] > other["rating_ci"][1]
    assert (best["kappa"], other["kappa"]) == (1, 0.5)
    assert (best["ece"], other["ece"]) == (pytest.approx(0.1), pytest.approx(0.245))
    assert other["brier"] == pytest.approx((15 * 0.01**2 + 5 * 0.99**2) / 20)
    assert (best["step_rate"], best["abstention_rate"], best["order_flip_rate"]) == (1, 0, None)
    assert found["agreement"]["gwet_ac1"] > 0
    (pair,) = found["pairs"]
    assert (pair["graphs"], pair["accuracy_difference"]) == (["exact", "odd"], 0.25)
    assert (found["gold"], found["items"]) == ("gold.jsonl", 20)


def test_a_leaderboard_is_read_by_people(agentsys: Command):
    """A column a judge, the best first, and lines that say how far they agree and differ."""
    out = agentsys(*BOARD).out
    table = dict(line.split(maxsplit=1) for line in out.splitlines())
    assert table["judge"].split() == ["exact", "odd"]
    assert table["accuracy"].startswith("100.0% (83.9% to 100.0%)")
    assert table["order"].split() == ["flips", "-", "-"]
    assert "Fleiss' kappa" in out
    assert "exact against odd on the same items: accuracy +25.0 points (+3.8 to +46.9)." in out


def test_abstentions_are_not_right(agentsys: Command):
    """A judge that says nothing of a fifth of the items has them against it, and says how many."""
    done = agentsys("judge", "leaderboard", "--gold", "gold.jsonl", "--graph", "shy", "--json")
    (row,) = done.json()["judges"]
    assert (row["accuracy"], row["abstention_rate"], row["failed"]) == (0.8, 0.2, 0)
    assert (row["kappa"], row["ece"]) == (1, None)
    assert done.json()["agreement"] is None


def test_without_a_name_all_judges_of_such_answers_judge(agentsys: Command, project: Path):
    """Those of other answers, and graphs that are no judges, are left alone."""
    (project / "graphs" / "broken.py").write_text("1 +")
    found = agentsys("judge", "leaderboard", "--gold", "gold.jsonl", "--json").json()
    assert {row["graph"] for row in found["judges"]} == set(RULES)


def test_a_calibration_is_fitted_kept_and_used(agentsys: Command):
    """On one half of the items; the leaderboard then has what is left of the error elsewhere."""
    before = agentsys(*BOARD, "--json").json()
    assert before["judges"][0]["ece_calibrated"] is None
    (row,) = agentsys(*FIT, "--json").json()
    assert (row["labels"], row["accuracy"], row["held_out"]) == (10, 1, 10)
    assert (row["method"], row["held_out_accuracy"]) == ("platt", 1)
    assert row["weight"] == pytest.approx(2.398, abs=1e-3)
    assert row["ece_calibrated"] < row["ece"] == pytest.approx(0.1)
    after = agentsys(*BOARD, "--json").json()
    assert after["judges"][0]["ece_calibrated"] == pytest.approx(row["ece_calibrated"])
    assert after["judges"][1]["ece_calibrated"] is None


def test_a_judge_that_tells_no_probabilities_is_weighed(agentsys: Command):
    """Nothing to calibrate, but its vote has a weight; abstentions are no labels."""
    (row,) = agentsys(
        "judge", "calibrate", "--gold", "gold.jsonl", "--graph", "shy", "--json"
    ).json()
    assert (row["method"], row["ece"], row["brier"]) == (None, None, None)
    assert row["accuracy"] == 1
    assert 5 <= row["labels"] <= 10


def test_a_calibration_is_read_by_people(agentsys: Command):
    """Raw and calibrated beside each other, and how long it is used."""
    out = agentsys(*FIT).out
    assert re.search(r"calibration error +0\.100, calibrated 0\.0\d\d", out)
    assert "Kept, and good until prompts, code or models change: exact." in out


def test_nothing_is_judged_twice(agentsys: Command, project: Path):
    """A leaderboard takes the verdicts of a calibration, and of itself; another seed does not."""
    agentsys(*FIT)
    assert "20 verdicts were there before and not paid again." in agentsys(*BOARD).err
    assert "40 verdicts were there before" in agentsys(*BOARD).err
    assert set(shown(project).values()) == {1}
    agentsys(*BOARD, "--seed", "1")
    assert set(shown(project).values()) == {2}


def test_a_judge_does_not_see_the_label(agentsys: Command, project: Path):
    """It is shown the task and the answer, and nothing else of a line."""
    agentsys(*FIT)
    for line in shown(project):
        assert set(json.loads(line.partition(" ")[2])) == {"task", "answer"}


def test_another_judge_of_the_name_is_not_calibrated_by_the_first(agentsys: Command, project: Path):
    """When the code changes, one line says so, what was kept is not used, and it judges anew."""
    agentsys(*FIT)
    file = project / "graphs" / "exact.py"
    file.write_text(file.read_text().replace("0.9", "0.8"))
    words = [sys.executable, "-m", "agentsys", *BOARD[:6], "--json"]
    changed = subprocess.run(words, capture_output=True, text=True, check=True)
    (row,) = json.loads(changed.stdout)["judges"]
    assert row["ece_calibrated"] is None
    assert row["ece"] == pytest.approx(0.2)
    assert changed.stderr.count("\n") == 1
    assert re.match(
        r"warning: the calibration of 'exact' is not used: since \S+ \S+ UTC, its prompts or its "
        r"code have changed. 'agentsys judge calibrate' makes a new one.",
        changed.stderr,
    )
    file.write_text(file.read_text().replace("0.8", "0.9"))
    back = subprocess.run(words, capture_output=True, text=True, check=True)
    assert json.loads(back.stdout)["judges"][0]["ece_calibrated"] is not None


COMMAND = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)  # it may be ignored in the background
from agentsys.cli.main import main
main()
"""


@contextmanager
def command(*words: str, **environment: str) -> "Generator[subprocess.Popen[str]]":
    """A process that judges one after the other; it ends with the block, whatever happens."""
    with subprocess.Popen(
        [sys.executable, "-c", COMMAND, *words, "--concurrency", "1"],
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as working:
        try:
            yield working
        finally:
            working.kill()


@pytest.mark.parametrize("words", [BOARD, FIT])
def test_ctrl_c_keeps_the_verdicts(agentsys: Command, project: Path, words: tuple[str, ...]):
    """It says how to go on; the same command then does what is left and gives the whole."""
    with command(*words, "--json", INTERRUPT_AT="7") as stopped:
        out, err = stopped.communicate(timeout=60)
    assert (stopped.returncode, out) == (130, "")
    assert err.splitlines() == [
        "Verdicts are kept. The same command goes on.",
        "error: interrupted.",
    ]
    before = sum(shown(project).values())
    gone_on = agentsys(*words, "--json")
    assert gone_on.code == 0
    assert re.match(r"\d+ verdicts were there before", gone_on.err)
    again = [line for line, times in shown(project).items() if times > 1]
    assert before >= 7
    assert len(again) == 1  # the verdict that was under way


def test_what_a_kill_leaves_is_gone_on_with(agentsys: Command, project: Path):
    """After a kill in the middle, only what had no verdict is judged, and the table is the same."""
    with command(*BOARD, HANG_AT="9") as killed:
        wait_for(project / "hangs", killed)
        killed.kill()
    resumed = agentsys(*BOARD, "--json")
    assert resumed.code == 0
    assert sum(times > 1 for times in shown(project).values()) == 1
    assert len(shown(project)) == 40
    assert resumed.json()["judges"][1]["accuracy"] == 0.75


def test_two_do_not_have_one_judge_judge(agentsys: Command, project: Path):
    """While one works, another is refused in one line; one with another judge is not."""
    with command(*FIT, HANG_AT="5") as working:
        wait_for(project / "hangs", working)
        refused = agentsys(*BOARD)
        assert (refused.code, refused.out, refused.err.count("\n")) == (2, "", 1)
        assert f"The judge 'exact' is being worked on by process {working.pid}" in refused.err
        assert agentsys(*BOARD[:4], "--graph", "odd").code == 0
    assert agentsys(*BOARD).code == 0


def wait_for(file: Path, process: "subprocess.Popen[str]") -> None:
    while not file.exists():
        assert process.poll() is None


def test_what_failed_is_tried_again(agentsys: Command, project: Path):
    """Runs that break have no verdict and count as not right; given again, they are run again."""
    rule = 'assert a != 3 or __import__("os").path.exists("mended"), "three."\n    right = True'
    (project / "graphs" / "breaks.py").write_text(judge("breaks", rule, "0.7"))
    words = ("judge", "leaderboard", "--gold", "gold.jsonl", "--graph", "breaks", "--json")
    broken = agentsys(*words)
    (row,) = broken.json()["judges"]
    assert (broken.code, row["failed"], row["accuracy"]) == (0, 2, 0.5)
    assert "2 runs of 'breaks' failed, mostly: AssertionError: three." in broken.err
    (project / "mended").touch()
    mended = agentsys(*words)
    assert mended.err == "18 verdicts were there before and not paid again.\n"
    assert mended.json()["judges"][0]["failed"] == 0


def test_a_judge_that_only_fails_is_no_success(agentsys: Command, project: Path):
    """The exit code is 1, and nothing is kept of it."""
    (project / "graphs" / "breaks.py").write_text(judge("breaks", "right = 1 / 0", "0.7"))
    for what in ("leaderboard", "calibrate"):
        done = agentsys("judge", what, "--gold", "gold.jsonl", "--graph", "breaks")
        assert done.code == 1
        assert "20 runs of 'breaks' failed, mostly: ZeroDivisionError" in done.err
        assert "Kept" not in done.out


def test_verdicts_and_calibrations_are_kept_in_redis(
    agentsys: Command, project: Path, redis_url: str
):
    """Wherever the store is, nothing is judged twice, and a calibration is found again."""
    settings = '[[deployments]]\nname = "m"\ntier = "slm"\ngguf = "mini-slm"\nusd_per_hour = 1\n'
    (project / "agentsys.toml").write_text(f'store = "{redis_url}"\n{settings}')
    agentsys(*FIT)
    found = agentsys(*BOARD, "--json")
    assert "20 verdicts were there before" in found.err
    assert found.json()["judges"][0]["ece_calibrated"] is not None
    assert set(shown(project).values()) == {1}


PAIRS = '''
"""Prefers what comes first, unless the other one is far off."""
from pydantic import BaseModel
from agentsys import step
from agentsys.patterns.judging import Pair, Preference
from .exact import Sum, Total

def off(pair, answer):
    return abs(pair.task.a + pair.task.b - answer.total)

@step
async def first(pair: Pair[Sum, Total]) -> Preference:
    a, b = off(pair, pair.a), off(pair, pair.b)
    if abs(a - b) < 2:
        return Preference.of(0.8, 0.8)
    return Preference.of(0.8, 0.2) if a < b else Preference.of(0.2, 0.8)
'''


def test_a_judge_of_pairs_is_ranked_where_there_are_pairs(agentsys: Command, project: Path):
    """It is asked of each right answer with a wrong one; how often the order turns it is shown."""
    (project / "graphs" / "first.py").write_text(PAIRS)
    words = (*BOARD, "--graph", "first")
    refused = agentsys(*words)
    assert refused.code == 2
    assert "no task with a correct and an incorrect answer, which the judge of pairs" in refused.err
    assert {row["graph"] for row in agentsys(*BOARD[:4], "--json").json()["judges"]} == set(RULES)
    rows = lines(20)[::4]  # all right
    for row in lines(20)[::4]:
        off = 1 if len(rows) % 2 else 2
        answer = {"total": row["answer"]["total"] + off}
        rows.append({**row, "id": f"{row['id']}w", "answer": answer, "label": "incorrect"})
    write(project / "gold.jsonl", rows)
    found = agentsys(*words, "--json").json()
    *others, last = found["judges"]
    assert {row["graph"] for row in others} == {"exact", "odd"}
    assert (last["graph"], last["items"], last["accuracy"]) == ("first", 5, 0.4)
    assert (last["order_flip_rate"], last["rating"]) == (0.6, None)
    assert last["position_bias"] == pytest.approx(1.386 * 0.6, abs=1e-3)
    again = agentsys(*words)
    assert "25 verdicts were there before and not paid again." in again.err
    assert re.search(r"order flips +- +- +60\.0%, bias \+0\.832 \(0\.277 to 1\.386\)", again.out)
    none = agentsys("judge", "calibrate", "--gold", "gold.jsonl", "--graph", "first")
    assert (none.code, none.err.count("\n")) == (2, 1)


OTHER = """from agentsys import step

@step
async def other(word: str) -> str:
    return word
"""


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("judge", "leaderboard"), "Missing option '--gold'"),
        (("judge", "leaderboard", "--gold", "none"), "none cannot be read: No such file"),
        (("judge", "calibrate", "--gold", "bad.jsonl"), "bad.jsonl, line 2: it is not JSON"),
        (("judge", "calibrate", "--gold", "few.jsonl"), "few.jsonl has 8 items: too few"),
        (("judge", "calibrate", "--gold", "right.jsonl"), "right.jsonl has no incorrect answers"),
        ((*BOARD, "--graph", "exat"), "Did you mean 'exact'"),
        ((*BOARD, "--graph", "other"), "'other' is no judge: it takes str and gives str"),
        ((*BOARD, "--graph", "judge_slm"), "Line 1 is no Candidate[Question, Solution]: task."),
        ((*BOARD, "--limit", "0"), "leaves no item"),
        ((*BOARD, "--concurrency", "0"), "runs nothing"),
        ((*BOARD, "--config", "none.toml"), "none.toml cannot be read"),
        (("judge", "leaderboard", "--gold", "words.jsonl"), "No graph judges the answers of"),
        (("judge", "gold", "word-problem", "--out", "x"), "Did you mean 'word-problems'"),
        (("judge", "gold", "word-problems-free", "--out", "x"), "has no solutions that an error"),
        (("judge", "gold", "word-problems", "--out", "gold.jsonl"), "gold.jsonl is there already"),
        (("judge", "gold", "word-problems", "--out", "no/x"), "no/x cannot be written: No such"),
        (("judge", "gold", "word-problems", "--out", "x", "--limit", "0"), "leaves no task"),
        (("judge", "judge"), "No such command 'judge'"),
    ],
)
def test_mistakes_are_one_line(agentsys: Command, project: Path, words: tuple[str, ...], said: str):
    """The exit code is 2, nothing is judged, and the line says what to do instead."""
    (project / "graphs" / "other.py").write_text(OTHER)
    (project / "bad.jsonl").write_text(json.dumps(lines(1)[0]) + "\n{")
    write(project / "few.jsonl", lines(8))
    write(project / "right.jsonl", lines(60)[::2])
    write(project / "words.jsonl", [{"id": "1", "task": "a", "answer": "b", "label": "correct"}])
    refused = agentsys(*words)
    assert (refused.code, refused.out, refused.err.count("\n")) == (2, "", 1)
    assert said in refused.err
    assert not (project / "shown").exists()


def test_hostile_names_do_not_reach_the_terminal(agentsys: Command, project: Path):
    """Control characters of a gold file are written out."""
    (project / "gold.jsonl").write_text('{"id": "\\u001b[2J", "task": 1}')
    (project / "evil\x1b[2J.jsonl").write_text("{")
    for name in ("gold.jsonl", "evil\x1b[2J.jsonl"):
        assert "\x1b" not in agentsys("judge", "calibrate", "--gold", name).err


def test_a_gold_set_is_made_measured_and_ranked(agentsys: Command, project: Path):
    """From the suite to the leaderboard, with the judges and the models that come along."""
    made = agentsys("judge", "gold", "word-problems", "--out", "made.jsonl", "--limit", "20")
    assert made.out == (
        "made.jsonl: 20 answers: 10 correct, 3 operand, 3 operator, 2 unit, 2 off by one.\n"
    )
    again = agentsys("judge", "gold", "word-problems", "--out", "again.jsonl", "--limit", "20")
    assert again.code == 0
    assert (project / "made.jsonl").read_bytes() == (project / "again.jsonl").read_bytes()
    graphs = ("--graph", "judge_slm", "--graph", "judge_llm")
    rows = agentsys("judge", "calibrate", "--gold", "made.jsonl", *graphs, "--json").json()
    assert [row["models"][0].split()[:2] for row in rows] == [
        ["slm:", "mini-slm"],
        ["llm:", "mini-llm"],
    ]
    found = agentsys("judge", "leaderboard", "--gold", "made.jsonl", *graphs, "--json")
    assert found.err == "40 verdicts were there before and not paid again.\n"
    ranked = {row["graph"]: row for row in found.json()["judges"]}
    assert ranked["judge_llm"]["accuracy"] >= 0.8
    assert ranked["judge_llm"]["usd_per_correct"] > 20 * ranked["judge_slm"]["usd_per_correct"]
    assert sum(row["nano_usd"] for row in rows) == sum(r["nano_usd"] for r in ranked.values())
    spent = agentsys("report", "--json").json()
    assert {row["graph"]: row["nano_usd"] for row in spent} == {
        name: row["nano_usd"] for name, row in ranked.items()
    }
