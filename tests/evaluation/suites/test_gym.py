"""Suites of reasoning-gym, with its own scores."""

import subprocess
import sys
from pathlib import Path

import pytest

from agentsys import System
from agentsys.errors import UserError
from agentsys.evaluation.scorers import scored
from agentsys.evaluation.scorers.worker import START_S, Worker
from agentsys.evaluation.suites import load_suite
from agentsys.models.scripted import Scripted

pytest.importorskip("importlib.metadata").version("reasoning-gym")

SYSTEM = System({"slm": Scripted("")})


async def test_its_own_scorer_decides():
    """Its answers are right, others are wrong, and whole numbers may have a point."""
    suite = load_suite("reasoning-gym:chain_sum", limit=5)
    assert suite.scorer.name == "reasoning-gym:chain_sum"
    for task in suite.tasks:
        for output in (task.reference, {"answer": task.reference}, int(task.reference)):
            assert (await scored(suite.scorer, output, task, SYSTEM)).success
        assert (await scored(suite.scorer, float(task.reference), task, SYSTEM)).success
        assert not (await scored(suite.scorer, f"{task.reference}0", task, SYSTEM)).success


async def test_any_right_answer_is_right():
    """Where there are several, the library finds more than the one that it gives."""
    suite = load_suite("reasoning-gym:countdown", limit=3)
    for task in suite.tasks:
        other = f"({task.reference}) + 0 - 0"
        assert not (await scored(suite.scorer, other, task, SYSTEM)).success  # another number
        assert (await scored(suite.scorer, f"(({task.reference}))", task, SYSTEM)).success


async def test_a_nearly_right_answer_is_wrong():
    """The library gives a tenth for another way to write a list of characters."""
    [task] = load_suite("reasoning-gym:string_insertion", limit=1).tasks
    suite = load_suite("reasoning-gym:string_insertion", limit=1)
    assert (await scored(suite.scorer, task.reference, task, SYSTEM)).success
    assert not (await scored(suite.scorer, str(list(task.reference)), task, SYSTEM)).success


@pytest.mark.parametrize(
    "name", ["string_insertion", "spiral_matrix", "countdown", "simple_integration", "n_queens"]
)
@pytest.mark.parametrize(
    "code",
    [
        "__import__('pathlib').Path({path!r}).touch()",
        "open({path!r}, 'w')",
        "exec('open({path!r}, chr(119))')",
        "open({path!r}, 'w')!",
    ],
)
async def test_what_a_model_wrote_is_never_run(tmp_path: Path, name, code):
    """Some of its scorers evaluate answers as Python: such never get there."""
    path = tmp_path / "made"
    suite = load_suite(f"reasoning-gym:{name}", limit=1)
    hostile = code.format(path=str(path))
    assert not (await scored(suite.scorer, hostile, suite.tasks[0], SYSTEM)).success
    assert not path.exists()


def hidden(code: str) -> str:
    """Code as a formula: SymPy's `S` evaluates text, letter by letter here."""
    return 'S("exec")(' + "+".join(f'S("eval")("chr")({ord(letter)})' for letter in code) + ")"


@pytest.mark.parametrize(
    "name",
    [
        "countdown",
        "puzzle24",
        "polynomial_multiplication",
        "simple_integration",
        "intermediate_integration",
        "binary_matrix",
        "number_sorting",
    ],
)
async def test_code_that_looks_like_a_formula_is_never_run(tmp_path: Path, name):
    """Names of a letter, quotes and parentheses are enough for SymPy to run anything."""
    path = tmp_path / "made"
    suite = load_suite(f"reasoning-gym:{name}", limit=1)
    hostile = hidden(f"open({str(path)!r}, 'w')")
    assert not (await scored(suite.scorer, hostile, suite.tasks[0], SYSTEM)).success
    assert not path.exists()


@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("puzzle24", "({0})"),
        ("polynomial_multiplication", "0*x + {0}"),
        ("simple_integration", "({0}) + sqrt(4) - log(E)"),
        ("intermediate_integration", "{0} + exp(2) + pi"),
        ("number_sorting", " {0} "),
        ("bitwise_arithmetic", " {0} "),
    ],
)
async def test_a_right_answer_may_be_written_another_way(name, other):
    """Formulas are evaluated, and so is what the library evaluates for its own answer."""
    suite = load_suite(f"reasoning-gym:{name}", limit=2)
    for task in suite.tasks:
        written = other.format(task.reference)
        assert (await scored(suite.scorer, written, task, SYSTEM)).success


UNKNOWN = """
import dataclasses, reasoning_gym, sys
from reasoning_gym.factory import ProceduralDataset, register_dataset

@dataclasses.dataclass
class Config:
    seed: int = 0
    size: int = 1
    def validate(self): pass

class New(ProceduralDataset):
    def __getitem__(self, index):
        return {"question": "?", "answer": "1", "metadata": {}}
    def score_answer(self, answer, entry):
        return float(eval(answer))

register_dataset("new", New, Config)
from agentsys.evaluation.reasoning_gym import tasks
tasks("new", 0, 0, 1)
"""


def test_a_task_that_evaluates_in_an_unknown_way_is_refused(tmp_path: Path):
    """A later version may have some; they are refused when the suite is loaded."""
    script = tmp_path / "unknown.py"
    script.write_text(UNKNOWN)
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, check=False)
    assert done.stderr.endswith(
        "ValueError: reasoning-gym's 'new' may run answers as Python, in a way that is not "
        "known here\n"
    )


def test_the_tasks_are_the_same_every_time():
    """For a seed; a limit takes the first of them, and the halves are halves."""
    name = "reasoning-gym:leg_counting"
    every = load_suite(name, limit=20).tasks
    assert load_suite(name, limit=5).tasks == every[:5]
    assert load_suite(name, limit=5, seed=1).tasks != every[:5]
    halves = [load_suite(name, limit=5, split=half).tasks for half in ("calibration", "held-out")]
    assert len({task.id for half in halves for task in half}) == 10


def test_the_tasks_are_the_same_in_every_process(monkeypatch):
    """Some are made from sets of text: an answer is scored by the task that was asked."""
    made = list[object]()
    for seed in ("1", "2"):
        monkeypatch.setenv("PYTHONHASHSEED", seed)
        worker = Worker()
        question = {"kind": "reasoning-gym-tasks", "seed": 0, "start": 0, "count": 5}
        try:
            made.append(worker.ask(question | {"task": "isomorphic_strings"}, seconds=START_S))
        finally:
            worker.close()
    assert made[0] == made[1]


@pytest.mark.parametrize("task", ["no_such", "composite", ""])
def test_an_unknown_task_is_one_line(task):
    """As is one that needs more than a name."""
    with pytest.raises(UserError, match="reasoning-gym has no task"):
        load_suite(f"reasoning-gym:{task}")


def test_it_is_not_loaded_here():
    """It takes seconds and prints; it lives in a process of its own."""
    load_suite("reasoning-gym:chain_sum", limit=1)
    assert "reasoning_gym" not in sys.modules
