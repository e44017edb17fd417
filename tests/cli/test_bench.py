"""`agentsys bench` and `agentsys report`, in a project of their own."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import Command
from tests.loopback import Loopback, fail

ROOT = Path(__file__).parents[2]

GRAPH = '''
"""Multiplies the numbers of the text."""
import asyncio, math, os, re, signal
from pydantic import BaseModel
from agentsys import step

class Question(BaseModel):
    text: str

class Answer(BaseModel):
    value: int

runs = 0

@step
async def NAME(question: Question) -> Answer:
    global runs
    runs += 1
    if runs == int(os.environ.get("HANG_AT", "0")):
        open("hangs", "w").close()
        await asyncio.Event().wait()
    if runs == int(os.environ.get("INTERRUPT_AT", "0")):
        os.kill(os.getpid(), signal.SIGINT)
        await asyncio.Event().wait()
    return Answer(value=math.FUNCTION(map(int, re.findall(r"\\d+", question.text))))
'''


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with two graphs that need no model, and a ledger that is its own."""
    (tmp_path / "graphs").mkdir()
    for name, function in (("product", "prod"), ("total", "fsum")):
        text = GRAPH.replace("NAME", name).replace("FUNCTION", function)
        (tmp_path / "graphs" / f"{name}.py").write_text(text)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AGENTSYS_HOME", str(tmp_path / "home"))
    return tmp_path


BENCH = ("bench", "word-problems", "--graph", "product", "--graph", "total", "--limit", "12")


def bench_id(out: str) -> str:
    found = re.search(r"bench (\S+); 'agentsys report", out)
    assert found is not None
    return found[1]


def test_a_bench_prints_table_notes_and_id(agentsys: Command):
    """One column a graph, the best by each column, and how to see it again."""
    done = agentsys(*BENCH)
    assert done.code == 0
    lines = dict(line.split(maxsplit=1) for line in done.out.splitlines() if " " in line)
    assert lines["graph"].split() == ["product", "total"]
    assert lines["tasks"].split() == ["12", "12"]
    assert "Best by success: " in done.out
    assert "product against total on the same 12 tasks" in done.out
    assert bench_id(done.out)


def test_a_report_repeats_the_bench(agentsys: Command):
    """From the ledger, the same table to the letter."""
    table = agentsys(*BENCH).out
    again = agentsys("report", "--bench", bench_id(table))
    assert again.code == 0
    assert again.out == "".join(table.splitlines(keepends=True)[:-1])
    assert agentsys("report", "--bench", "last").out == again.out


def test_json_is_only_the_rows(agentsys: Command):
    """Standard output is JSON and nothing else; the bench's id goes to standard error."""
    done = agentsys(*BENCH, "--json")
    assert [row["graph"] for row in done.json()] == ["product", "total"]
    assert agentsys("report", "--bench", bench_id(done.err), "--json").json() == done.json()


@pytest.mark.parametrize("by", ["graph", "model", "node", "day"])
def test_reports_are_by_something(agentsys: Command, by: str):
    """Each grouping prints; these graphs ask no model, so two have no rows."""
    agentsys(*BENCH)
    reported = agentsys("report", "--by", by, "--since", "2020-01-01", "--json")
    assert reported.code == 0
    assert sum(row["tasks"] for row in reported.json()) == (0 if by in ("model", "node") else 24)


def test_since_leaves_out_what_was_before(agentsys: Command):
    """A time after everything leaves nothing, and says what to do."""
    agentsys(*BENCH)
    reported = agentsys("report", "--since", "2999-01-01")
    assert reported.code == 0
    assert reported.out.startswith("The ledger has no runs for this.")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("bench", "word-problem", "--graph", "total"), "Did you mean 'word-problems'"),
        (("bench", "word-problems", "--graph", "totale"), "Did you mean 'total'"),
        (("bench", "word-problems"), "There is no graph."),
        (("bench",), "There is no suite. Give one of: word-problems, "),
        (
            ("bench", "nosuch", "--graph", "slm_only"),
            "reasoning-gym:TASK, or a .jsonl or .csv file.",
        ),
        (("bench", "--recorded", "r", "--llm", "A", "--llm", "B"), "--llm is given 2 times"),
        (("bench", "word-problems", "--graph", "total", "--limit", "0"), "leaves no task"),
        (("bench", "word-problems", "--graph", "total", "--concurrency", "0"), "runs nothing"),
        (("bench", "--resume", "nope"), "There is no bench 'nope'."),
        (("bench", "--resume", "last"), "There is no bench 'last'. Begin with 'agentsys bench'."),
        (("report", "--bench", "nope"), "There is no bench 'nope'."),
        (("report", "--by", "moon"), "moon"),
        (("report", "--since", "yesterday"), "a valid datetime"),
        (("report", "--config", "none.toml"), "none.toml cannot be read"),
    ],
)
def test_mistakes_are_one_line(agentsys: Command, words: tuple[str, ...], said: str):
    """The exit code is 2, and the line says what to do instead."""
    refused = agentsys(*words)
    assert (refused.code, refused.out, refused.err.count("\n")) == (2, "", 1)
    assert said in refused.err


def test_a_store_that_is_no_database_is_one_line(agentsys: Command, project: Path):
    """The ledger's file is named; the exit code is that of a failure."""
    (project / "home").mkdir()
    (project / "home" / "agentsys.db").write_text("not a database, " * 100)
    failed = agentsys("report")
    assert failed.code == 1
    assert "agentsys.db cannot be opened: it is not an agentsys database." in failed.err


COMMAND = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)  # it may be ignored in the background
from agentsys.cli.main import main
main()
"""


def command(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", COMMAND, *words],
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


LAST = ("--bench", "last")


def test_ctrl_c_reports_what_is_finished_and_resume_goes_on(agentsys: Command):
    """The table of the finished tasks, the command that goes on, and then the rest alone."""
    stopped = command(*BENCH, "--concurrency", "1", "--json", INTERRUPT_AT="5")
    assert stopped.returncode == 130
    assert [row["tasks"] for row in json.loads(stopped.stdout)] == [4, 4]
    go_on = re.search(r"Go on: agentsys (bench --resume \S+)", stopped.stderr)
    assert go_on is not None
    assert "Traceback" not in stopped.stderr
    assert "The bench was stopped: 8 of 24 tasks are done." in agentsys("report", *LAST).out
    resumed = agentsys(*go_on[1].split(), "--json")
    assert resumed.code == 0
    assert "8 tasks were finished before" in resumed.err
    assert [row["tasks"] for row in resumed.json()] == [12, 12]
    assert "was stopped" not in agentsys("report", *LAST).out


@pytest.mark.parametrize(
    "words",
    [
        ("--limit", "5"),
        ("--seed", "3"),
        ("word-problems-free",),
        ("--graph", "other"),
    ],
)
def test_resume_refuses_what_contradicts_the_bench(agentsys: Command, words: tuple[str, ...]):
    """Nothing that is on the command line is passed over in silence."""
    begun = bench_id(agentsys(*BENCH).out)
    refused = agentsys("bench", "--resume", begun, *words)
    assert (refused.code, refused.out, refused.err.count("\n")) == (2, "", 1)
    assert "'word-problems' with product, total, --limit 12 and --seed 0." in refused.err
    same = ("--limit", "12", "--seed", "0", "--graph", "total")
    assert agentsys("bench", "--resume", begun, *same).code == 0


def test_a_damaged_model_ends_the_bench(agentsys: Command, project: Path):
    """It is no table of failed tasks: the exit code is 2, and what is finished is kept."""
    agent = "from agentsys import Agent\nfrom .total import Answer, Question\n"
    (project / "graphs" / "asks.py").write_text(f"{agent}asks = Agent(Question, Answer, 'Count.')")
    (project / "agentsys.toml").write_text(
        '[[deployments]]\nname = "mine"\ntier = "slm"\ngguf = "cut.gguf"\nusd_per_hour = 1\n'
    )
    (project / "cut.gguf").write_bytes(b"GGUF and no more")
    words = ("bench", "word-problems", "--graph", "total", "--graph", "asks", "--limit", "3")
    stopped = agentsys(*words, "--concurrency", "1", "--json")
    assert (stopped.code, stopped.out) == (2, "")
    assert "llama.cpp cannot load" in stopped.err
    assert "Go on: agentsys bench --resume" in stopped.err
    assert [row["tasks"] for row in agentsys("report", "--bench", "last", "--json").json()] == [
        1,
        0,
    ]


@pytest.mark.parametrize(
    ("params", "code", "says"),
    [
        ('api_base = "http://127.0.0.1:9/v1"', 1, "3 failed"),
        ('api_key = "os.environ/NOBODY_SET_THIS"', 2, "NOBODY_SET_THIS, which is not set"),
    ],
)
def test_a_bench_that_asks_nobody_is_no_success(
    agentsys: Command, project: Path, params: str, code: int, says: str
):
    """Where every run fails the exit code is 1; where a key is missing nothing is run."""
    agent = "from agentsys import Agent\nfrom .total import Answer, Question\n"
    (project / "graphs" / "asks.py").write_text(f"{agent}asks = Agent(Question, Answer, 'Count.')")
    (project / "agentsys.toml").write_text(
        '[[deployments]]\nname = "gone"\ntier = "slm"\nusd_per_hour = 1\n'
        f'litellm_params = {{ model = "hosted_vllm/gone", {params} }}\n'
    )
    words = ("bench", "word-problems", "--graph", "asks", "--limit", "3")
    ended = agentsys(*words)
    assert ended.code == code
    assert says in ended.out + ended.err


PRICED = """
[[deployments]]
name = "here"
tier = "slm"
litellm_params = {{ model = "hosted_vllm/x", api_base = "{url}", api_key = "k" }}
{price}
"""


@pytest.mark.parametrize(
    ("price", "said"),
    [
        ("usd_per_hour = 2.5\nshare = 0.5", "here per hour, $2.5 an hour x 0.5."),
        (
            "usd_per_mtok_in = 0.05\nusd_per_mtok_out = 0.08",
            "here per token, $0.05 in, $0.08 out per Mtok.",
        ),
    ],
)
def test_the_table_names_prices_and_reasons(
    agentsys: Command, project: Path, loopback: Loopback, price: str, said: str
):
    """Under it stand what the deployments cost, on which basis, and why runs failed."""
    agent = "from agentsys import Agent\nfrom .total import Answer, Question\n"
    (project / "graphs" / "asks.py").write_text(f"{agent}asks = Agent(Question, Answer, 'Count.')")
    (project / "agentsys.toml").write_text(PRICED.format(url=loopback.url, price=price))
    loopback.script(fail(400, "bad thing"), fail(400, "bad thing"), fail(418, "teapot"))
    words = ("bench", "word-problems", "--graph", "asks", "--limit", "4", "--concurrency", "1")
    out = agentsys(*words).out
    assert f"Prices: {said}\n" in out
    assert "3 failed, mostly: The deployment 'here' refused the request: bad thing.\n" in out
    (project / "agentsys.toml").unlink()
    assert "Prices: here, not configured here." in agentsys("report", "--bench", "last").out


def test_a_bench_that_a_budget_stopped_is_no_success(agentsys: Command):
    """The line under the table says which budget had no room, and the exit code is 1."""
    agentsys("budget", "set", "--per", "total", "--calls", "1")
    stopped = agentsys("bench", "word-problems", "--graph", "slm_only", "--limit", "3")
    assert stopped.code == 0
    assert "2 were stopped by a budget, mostly: The budget of all runs has no room" in stopped.out
    assert agentsys("bench", "word-problems", "--graph", "slm_only", "--limit", "3").code == 1


def test_resume_needs_no_suite_but_no_other_one(agentsys: Command):
    """Suite and graphs come from the ledger; what contradicts them is refused."""
    begun = bench_id(agentsys(*BENCH).out)
    refused = agentsys("bench", "word-problems-free", "--resume", begun)
    assert refused.code == 2
    assert "is 'word-problems' with product, total" in refused.err
    assert agentsys("bench", "word-problems", "--resume", begun).code == 0


def test_two_cannot_work_on_one_bench(agentsys: Command, project: Path) -> None:
    """While a process works on a bench, another is refused in one line; once it is dead, not."""
    words = [sys.executable, "-c", COMMAND, *BENCH, "--concurrency", "1"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "HANG_AT": "5"}
    with subprocess.Popen(words, env=environment, stderr=subprocess.DEVNULL) as working:
        while not (project / "hangs").exists():
            assert working.poll() is None
        refused = agentsys("bench", "--resume", "last")
        assert (refused.code, refused.err.count("\n")) == (2, 1)
        assert f"is being worked on by process {working.pid}" in refused.err
        working.kill()
    resumed = agentsys("bench", "--resume", "last", "--json")
    assert [row["tasks"] for row in resumed.json()] == [12, 12]
