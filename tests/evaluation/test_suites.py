"""The built-in suites, and whether a graph suits them."""

import pytest
from pydantic import BaseModel

from agentsys import step
from agentsys.errors import InvalidTask, UnknownName, UserError
from agentsys.evaluation.scorers import Comparison, Exact, Numeric
from agentsys.evaluation.suites import MADE, Suite, Task, load_suite
from tests.shapes import Answer, Question, double, solve


@pytest.mark.parametrize("name", MADE)
def test_a_suite_is_the_same_every_time(name):
    """The same limit and seed give the same tasks, each with an id of its own."""
    first, second = (load_suite(name, limit=20, seed=5) for _ in range(2))
    assert first.tasks == second.tasks
    assert len({task.id for task in first.tasks}) == 20
    assert first.tasks != load_suite(name, limit=20, seed=6).tasks


@pytest.mark.parametrize("name", MADE)
def test_the_tasks_are_questions_with_a_number(name):
    """Any graph from a text to something with a value can be run on them."""
    suite = load_suite(name, limit=5)
    suite.require("solve", solve)
    for task in suite.tasks:
        assert isinstance(task.fitted(Question), Question)
        assert isinstance(suite.scorer, Comparison)
        assert suite.scorer({"value": task.reference}, task.reference)
        assert not suite.scorer({"value": task.reference + 1}, task.reference)


def test_word_problems_are_500_without_a_limit():
    """The whole suite is 500 problems of the held-out split."""
    assert len(load_suite("word-problems").tasks) == 500


def test_the_free_suite_is_a_hundred_problems():
    """A limit beyond the end gives what there is."""
    assert len(load_suite("word-problems-free").tasks) == 100
    assert len(load_suite("word-problems-free", limit=1_000).tasks) == 100


def test_an_unknown_suite_gets_a_suggestion():
    """A slip of the pen names what is meant."""
    with pytest.raises(UnknownName, match="Did you mean 'word-problems'"):
        load_suite("word-problem")


@pytest.mark.parametrize("limit", [0, -3])
def test_a_limit_leaves_at_least_one_task(limit):
    """Nothing to do is a mistake."""
    with pytest.raises(UserError, match="leaves no task"):
        load_suite("word-problems", limit=limit)


def test_a_graph_of_another_input_does_not_suit():
    """The first task that does not fit is named with its type."""
    suite = Suite("sums", (Task("t1", {"text": "1+1"}, 2),), Numeric())
    with pytest.raises(InvalidTask, match="Task 't1' is not a Answer: value"):
        suite.require("double", double)


class Verdict(BaseModel):
    """An output without a number."""

    correct: bool


@step
async def judge(question: Question) -> Verdict:
    return Verdict(correct=bool(question.text))


@step
async def count(question: Question) -> int:
    return len(question.text)


def test_a_graph_without_the_scored_field_does_not_suit():
    """It would score zero on every task, which says nothing about it."""
    suite = Suite("sums", (Task("t1", {"text": "1+1"}, 2),), Numeric())
    with pytest.raises(UserError, match="'judge' gives Verdict, which has no field 'value'"):
        suite.require("judge", judge)


def test_plain_outputs_and_whole_outputs_suit():
    """A bare number can be scored as a number, and anything can be compared whole."""
    tasks = (Task("t1", {"text": "1+1"}, 3),)
    Suite("sums", tasks, Numeric()).require("count", count)
    Suite("sums", tasks, Exact()).require("judge", judge)


def test_tasks_may_be_models():
    """A model fits every type that takes its JSON."""
    assert Task("t1", Answer(value=2), 2).fitted(Answer) == Answer(value=2)
