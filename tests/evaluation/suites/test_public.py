"""Suites in the formats that their authors publish."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from agentsys.errors import UserError
from agentsys.evaluation.scorers import Comparison
from agentsys.evaluation.suites import Task, load_suite

DATA = Path(__file__).parents[4] / "shared" / "data"
here = pytest.mark.skipif(not DATA.is_dir(), reason="the public data are not here")

GSM8K = {"question": "How many?", "answer": "It is 2*9=<<2*9=18>>18.\n#### 1,018"}
SVAMP = {
    "ID": "chal-7",
    "Body": "Mia has 3 pens.",
    "Question": "How many?",
    "Equation": "( 3.0 - 1.0 )",
    "Answer": 2.0,
    "Type": "Subtraction",
}
GSM_HARD = {"input": "How many?", "code": "def solution(): ...", "target": 3431580.5}
STRATEGYQA = {"qid": "q1", "question": "Is it?", "answer": True, "facts": ["It is."]}
HOTPOTQA = {"_id": "h1", "question": "Who?", "answer": "Ada", "context": [["Ada", ["She was."]]]}


def written(path: Path, items: list[dict[str, Any]], *, as_lines: bool) -> str:
    text = "\n".join(map(json.dumps, items)) if as_lines else json.dumps(items)
    path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())
    return str(path)


@pytest.mark.parametrize("file", ["tasks.json", "tasks.json.gz"])
@pytest.mark.parametrize("as_lines", [True, False])
@pytest.mark.parametrize(
    ("name", "item", "task"),
    [
        ("gsm8k", GSM8K, Task("gsm8k-1", {"question": "How many?"}, 1018)),
        (
            "svamp",
            SVAMP,
            Task("chal-7", {"question": "Mia has 3 pens. How many?"}, 2, "( 3.0 - 1.0 )"),
        ),
        ("gsm-hard", GSM_HARD, Task("gsm-hard-1", {"question": "How many?"}, 3431580.5)),
        ("strategyqa", STRATEGYQA, Task("q1", {"question": "Is it?"}, True)),
        ("hotpotqa", HOTPOTQA, Task("h1", {"question": "Who?"}, "Ada")),
    ],
)
def test_a_format_is_read(tmp_path, name, item, task, as_lines, file):
    """As lines or as an array, plain or packed, an item becomes the same task."""
    suite = load_suite(name, file=written(tmp_path / file, [item], as_lines=as_lines))
    assert suite.tasks == (task,)
    suite.scorer.require(suite.tasks)


@pytest.mark.parametrize(
    ("name", "item", "says"),
    [
        ("gsm8k", {"answer": "#### 1"}, "there is no 'question'"),
        ("gsm8k", {"question": "?", "answer": "18"}, "does not end in '#### N'"),
        ("gsm8k", {"question": "?", "answer": "#### some"}, "the answer 'some' is no number"),
        ("gsm8k", {"question": " ", "answer": "#### 1"}, "'question' is not text: ' '"),
        ("svamp", SVAMP | {"Answer": None}, "there is no 'Answer'"),
        ("gsm-hard", {"input": "?", "target": "x"}, "the answer 'x' is no number"),
        ("gsm-hard", {"input": "?", "target": True}, "the answer 'True' is no number"),
        ("strategyqa", STRATEGYQA | {"answer": "yes"}, "neither true nor false"),
        ("hotpotqa", {"_id": "h1", "question": "Who?"}, "there is no 'answer'"),
        ("hotpotqa", HOTPOTQA | {"answer": 3}, "'answer' is not text: '3'"),
    ],
)
def test_what_is_missing_is_named_with_its_line(tmp_path, name, item, says):
    """One line names the file, the line and what is wrong."""
    first = {"gsm8k": GSM8K, "svamp": SVAMP, "gsm-hard": GSM_HARD, "hotpotqa": HOTPOTQA}
    file = written(tmp_path / "t.jsonl", [first.get(name, STRATEGYQA), item], as_lines=True)
    with pytest.raises(UserError, match="line 2: ") as refused:
        load_suite(name, file=file)
    assert says in refused.value.message
    assert refused.value.message.startswith(file)


def test_items_of_an_array_are_named_by_their_number(tmp_path):
    """Lines say little in a file that a program has written."""
    file = written(tmp_path / "t.json", [GSM8K, {}], as_lines=False)
    with pytest.raises(UserError, match=r"t\.json, item 2: there is no 'question'"):
        load_suite("gsm8k", file=file)


def test_a_public_suite_needs_its_file():
    """The data are not in the package."""
    with pytest.raises(UserError, match="Give --file PATH"):
        load_suite("gsm8k")


def test_a_made_suite_takes_no_file(tmp_path):
    """What is given is not passed over in silence."""
    with pytest.raises(UserError, match="is made without a file"):
        load_suite("word-problems", file=tmp_path / "t.jsonl")


@here
@pytest.mark.parametrize(
    ("name", "file", "tasks", "scorer"),
    [
        ("gsm8k", "gsm8k_test.jsonl.gz", 1319, "numeric ±1e-06"),
        ("svamp", "svamp.json.gz", 1000, "numeric ±1e-06"),
        ("gsm-hard", "gsm_hard.jsonl.gz", 1319, "numeric ±1e-06"),
        ("strategyqa", "strategyqa/dev.json", 229, "yes-no"),
        ("strategyqa", "strategyqa/train.json", 2061, "yes-no"),
        ("hotpotqa", "hotpotqa_100/questions.jsonl", 100, "text"),
    ],
)
def test_the_published_files_are_read_whole(name, file, tasks, scorer):
    """Every item is a task, and each reference is right by the usual scorer."""
    suite = load_suite(name, file=DATA / "tasks" / file)
    assert (len(suite.tasks), suite.scorer.name) == (tasks, scorer)
    suite.scorer.require(suite.tasks)


@here
def test_numbers_of_real_models_are_read_as_their_graders_did():
    """On all strictly parseable replies of two models, but for one that says a time of day."""
    folder = DATA / "recorded" / "gsm8k"
    suite = load_suite(str(folder / "tasks.jsonl.gz"))
    references = {task.id: task.reference for task in suite.tasks}
    assert isinstance(suite.scorer, Comparison)
    judged, unlike = 0, []
    with gzip.open(folder / "calls.jsonl.gz", "rt", encoding="utf-8") as calls:
        for call in map(json.loads, calls):
            try:
                output = json.loads(call["output"])
            except ValueError:
                continue
            if not isinstance(output, dict) or "answer" not in output:
                continue
            judged += 1
            if suite.scorer(output, references[call["task_id"]]) is not call["correct"]:
                unlike.append(output["answer"])
    assert judged > 2_000
    assert set(unlike) == {"2:00 pm"}
