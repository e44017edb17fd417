"""Halves of suites, limits, and suites that are made again."""

from pathlib import Path

import pytest

from agentsys.errors import UserError
from agentsys.evaluation.scorers import Exact, Numeric, Text
from agentsys.evaluation.suites import Source, load_again, load_suite


@pytest.fixture
def file(tmp_path: Path) -> str:
    """A hundred tasks."""
    lines = (f'{{"id": "t{n}", "question": "{n}?", "answer": "{n}"}}' for n in range(100))
    (tmp_path / "tasks.jsonl").write_text("\n".join(lines))
    return str(tmp_path / "tasks.jsonl")


def ids(name: str, **how) -> set[str]:
    return {task.id for task in load_suite(name, **how).tasks}


def test_the_halves_are_disjoint_and_all_there_is(file):
    """For one seed; another one divides otherwise."""
    calibration, held_out = (ids(file, split=half) for half in ("calibration", "held-out"))
    assert calibration | held_out == ids(file)
    assert not calibration & held_out
    assert 30 < len(calibration) < 70
    assert ids(file, split="calibration", seed=1) != calibration


@pytest.mark.parametrize("name", ["file", "word-problems", "word-problems-free"])
def test_a_limit_takes_of_the_half_alone(file, name):
    """What is taken of a half is of that half, however many."""
    name = file if name == "file" else name
    calibration = ids(name, split="calibration")
    for limit in (1, 7, 20):
        some = ids(name, split="calibration", limit=limit)
        assert len(some) == limit
        assert some <= calibration
        assert not some & ids(name, split="held-out", limit=limit)


def test_a_task_stays_in_its_half_when_others_come(file):
    """The halves are a matter of each task, not of their number."""
    before = ids(file, split="calibration")
    with open(file, "a") as opened:
        opened.write('\n{"id": "new", "question": "?", "answer": "1"}')
    assert ids(file, split="calibration") - {"new"} == before


def test_an_empty_half_is_refused(tmp_path):
    """Nothing to do is a mistake."""
    (tmp_path / "one.jsonl").write_text('{"id": "t", "question": "?", "answer": "1"}')
    assert ids(str(tmp_path / "one.jsonl"), split="calibration") == {"t"}
    with pytest.raises(UserError, match=r"has no tasks in .*one\.jsonl, split 'held-out'"):
        load_suite(str(tmp_path / "one.jsonl"), split="held-out")


@pytest.mark.parametrize(
    ("scorer", "field", "is_"),
    [
        (None, None, Numeric(field="*")),
        (None, "n", Numeric(field="n")),
        ("text", None, Text("*")),
        ("numeric:0.5", "n", Numeric(field="n", tolerance=0.5)),
        (Exact("n"), None, Exact("n")),
    ],
)
def test_a_suite_can_be_made_again(file, scorer, field, is_):
    """From its source and what a bench has on record, with the same tasks and scorer."""
    suite = load_suite(file, split="held-out", limit=9, seed=4, scorer=scorer, field=field)
    assert suite.scorer == is_
    source = Source.from_json(suite.source.to_json())
    assert load_again(suite.name, source, limit=9, seed=4) == suite


def test_a_scorer_of_ones_own_has_its_field(file):
    """Two fields would contradict each other."""
    with pytest.raises(UserError, match="has its own field"):
        load_suite(file, scorer=Exact("n"), field="m")


def test_a_file_that_has_changed_is_noticed(file):
    """Tasks that are others now are not taken for those of before."""
    suite = load_suite(file)
    with open(file, "a") as opened:
        opened.write("\n ")
    with pytest.raises(UserError, match=r"tasks\.jsonl has changed since the bench was begun"):
        load_again(suite.name, suite.source, limit=None, seed=0)


def test_a_bench_of_a_newer_version_is_one_line():
    """What it says more than is known here cannot be passed over."""
    with pytest.raises(UserError, match="begun by a newer agentsys"):
        Source.from_json({"file": "", "moon": "full"})


def test_benches_of_before_had_no_source():
    """They are made again from the name alone."""
    suite = load_suite("word-problems", limit=3)
    assert load_again("word-problems", Source.from_json(None), limit=3, seed=0) == suite
