"""`agentsys what-if`."""

import os
import subprocess
import sys
from pathlib import Path

from tests.cli.conftest import Command, agentsys

__all__ = ["agentsys"]

ROOT = Path(__file__).parents[2]


def benched(agentsys: Command) -> None:
    graphs = [w for name in ("slm_only", "llm_only", "slm_fallback") for w in ("--graph", name)]
    assert agentsys("bench", "word-problems", "--limit", "60", *graphs, "--json").code == 0


def test_what_if_at_the_real_threshold_is_the_report(agentsys: Command) -> None:
    """The same success and the same cost, and nothing more in the ledger."""
    benched(agentsys)
    before = agentsys("report", "--bench", "last", "--json").json()
    (row,) = agentsys("what-if", "--graph", "slm_fallback", "--threshold", "0.6", "--json").json()
    (was,) = [one for one in before if one["graph"] == "slm_fallback"]
    assert row["unknown"] == 0
    for key in ("tasks", "success_rate", "success_ci", "cps_usd", "escalation_rate", "nano_usd"):
        assert row[key] == row["was"][key] == was[key], key
    assert row["success_difference"] == 0
    assert agentsys("report", "--bench", "last", "--json").json() == before


def test_several_thresholds_are_a_curve(agentsys: Command) -> None:
    """A row for each; what is not known is counted, and the first ten are named."""
    benched(agentsys)
    words = ("what-if", "--graph", "slm_fallback", "--threshold", "0,0.6,0.999999")
    low, same, high = agentsys(*words, "--json").json()
    assert low["escalation_rate"] < same["escalation_rate"]
    assert low["nano_usd"] < same["nano_usd"]
    assert high["tasks"] + high["unknown"] == 60
    assert high["unknown"] == high["unknown_for_conversation"] == len(high["unknown_tasks"]) > 10
    assert high["approximate"]["tasks"] == 60
    told = agentsys(*words).out
    assert "as it was" in told
    assert "~ threshold 0.999999" in told
    assert f"{high['unknown']} tasks are not known" in told
    assert told.count("held_out-") == 10


def test_another_graph_is_known_where_its_requests_were_made(agentsys: Command) -> None:
    """It need not have been in the bench; votes and tiers are variants, too."""
    agentsys("bench", "word-problems", "--limit", "20", "--graph", "slm_fallback", "--json")
    (row,) = agentsys("what-if", "--graph", "slm_only", "--json").json()
    assert (row["tasks"], row["unknown"], row["was"]) == (20, 0, None)
    (row,) = agentsys("what-if", "--graph", "slm_only", "--at", "llm", "--json").json()
    assert (row["tasks"], row["unknown"]) == (0, 20)
    (row,) = agentsys("what-if", "--graph", "slm_only", "--votes", "1", "--json").json()
    assert (row["tasks"], row["unknown"]) == (20, 0)


def test_mistakes_are_told(agentsys: Command) -> None:
    """In one line each, with exit code 2."""
    assert agentsys("what-if", "--graph", "slm_only").code == 2
    benched(agentsys)
    told = {
        ("slm_fallback", "--threshold", "a"): "is no number",
        ("slm_only", "--threshold", "0.5"): "No agent of 'slm_only' goes on to another tier",
        ("nothing",): "no graph 'nothing'",
        ("slm_fallback", "--votes", "0"): "has no voter",
        ("slm_only", "--at", "nope"): "no tier 'nope'. There are: llm, slm.",
    }
    for words, reason in told.items():
        found = agentsys("what-if", "--graph", *words)
        assert (found.code, reason in found.err) == (2, True), found.err


def test_a_narrow_terminal_breaks_no_figure(agentsys: Command, tmp_path: Path) -> None:
    """Columns go below each other, and what stays beside is broken between words alone."""
    benched(agentsys)
    environment = {**os.environ, "FORCE_COLOR": "1", "COLUMNS": "40"}
    environment |= {"TERM": "dumb", "NO_COLOR": "1", "PYTHONPATH": str(ROOT)}
    for words in (["what-if", "--graph", "slm_fallback", "--threshold", "0,0.6"],
                  ["compare", "slm_only", "slm_fallback"]):  # fmt: skip
        wide = agentsys(*words).out
        done = subprocess.run(
            [sys.executable, "-m", "agentsys", *words],
            env=environment, cwd=tmp_path, capture_output=True, text=True, check=True,
        )  # fmt: skip
        assert {word for word in wide.split() if "." in word} <= set(done.stdout.split())


def test_one_task_is_no_tasks(agentsys: Command) -> None:
    """Words agree with their numbers."""
    agentsys("bench", "word-problems", "--limit", "1", "--graph", "slm_only", "--json")
    told = agentsys("what-if", "--graph", "slm_only", "--at", "llm").out
    assert "at llm: 1 task is not known, " in told
    assert agentsys("compare", "slm_only", "slm_only").out.splitlines()[2].startswith("1 task  ")
    assert ", 1 request, 2,368 tokens, for " in agentsys("plan", "slm_only").out
