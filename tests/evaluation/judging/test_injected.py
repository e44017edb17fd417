"""Gold sets that are made of solved tasks."""

import re
from collections import Counter
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentsys import ToolFailed, UserError
from agentsys.evaluation.judging.injected import KINDS, gold_set, inject, plain
from agentsys.evaluation.scorers import Numeric
from agentsys.evaluation.suites import Suite, Task, load_suite
from agentsys.evaluation.word_problems import problems
from agentsys.evaluation.word_problems.plan import has_held_out_pair
from agentsys.tools.arithmetic import evaluate

LINES = list(gold_set(load_suite("word-problems", limit=200, seed=3)))
RIGHT = {p.id: p for p in problems("held_out", 200, 3)}
WRONG = [line for line in LINES if line["label"] == "incorrect"]

TOKEN = re.compile(r"\d+|[-+*/]")


def differences(right: str, wrong: str) -> list[int]:
    """The places at which two expressions differ, brackets aside."""
    one, other = TOKEN.findall(right), TOKEN.findall(wrong)
    assert len(one) == len(other)
    return [at for at, (a, b) in enumerate(zip(one, other, strict=True)) if a != b]


def test_half_of_the_answers_are_wrong_and_kinds_take_turns():
    """As many of each label, and about as many of each kind of error."""
    assert Counter(line["label"] for line in LINES) == {"correct": 100, "incorrect": 100}
    kinds = Counter(line["error"] for line in WRONG)
    assert set(kinds) == set(KINDS)
    assert all(20 <= n <= 30 for n in kinds.values())


def test_labels_are_true():
    """Right answers come to the value of their problem; wrong ones to another one."""
    for line in LINES:
        value = evaluate(line["answer"]["expression"])
        assert (value == RIGHT[line["id"]].value) == (line["label"] == "correct")


def test_one_thing_is_wrong_and_the_step_says_where():
    """A wrong answer differs at one number or sign, in the operation that is named."""
    for line in WRONG:
        (at,) = differences(RIGHT[line["id"]].expression, line["answer"]["expression"])
        assert line["failing_step"] == max(1, (at + 1) // 2)


@pytest.mark.parametrize("kind", KINDS)
def test_the_kind_is_what_was_done(kind):
    """Another operand of the same solution, another sign, a factor of a unit, one more or less."""
    of_kind = [line for line in WRONG if line["error"] == kind]
    assert of_kind
    for line in of_kind:
        right = TOKEN.findall(RIGHT[line["id"]].expression)
        wrong = TOKEN.findall(line["answer"]["expression"])
        ((was, became),) = [(a, b) for a, b in zip(right, wrong, strict=True) if a != b]
        if kind == "operator":
            assert {was, became} <= set("+-*/")
        elif kind == "operand":
            assert became in right
        elif kind == "unit":
            small, large = sorted((int(was), int(became)))
            assert large / small in (10, 12, 60, 100, 1000)
        else:
            assert abs(int(was) - int(became)) == 1


def test_right_and_wrong_look_alike():
    """No bracket that is not needed gives a wrong answer away; nor does a number's length."""
    for line in LINES:
        expression = line["answer"]["expression"]
        assert plain(expression) == expression
        assert all(len(number) <= 4 for number in re.findall(r"\d+", expression))


def test_the_same_suite_makes_the_same_gold_set():
    """By seed, and so that a longer one begins like a shorter one."""
    suite = load_suite("word-problems", limit=40, seed=3)
    assert list(gold_set(suite)) == LINES[:40]
    assert list(gold_set(load_suite("word-problems", limit=40, seed=4))) != LINES[:40]


def test_pairs_answer_every_task_twice():
    """Right, then wrong, with ids of their own; the kinds take turns here, too."""
    found = list(gold_set(load_suite("word-problems", limit=20, seed=3), pairs=True))
    assert [line["label"] for line in found] == ["correct", "incorrect"] * 20
    assert len({line["id"] for line in found}) == 40
    assert [line["task"] for line in found[::2]] == [line["task"] for line in found[1::2]]
    assert [line["error"] for line in found[1:9:2]] == [*KINDS]


def test_only_held_out_problems_are_used():
    """No model that was trained on the language has seen one of these."""
    assert all(line["id"].startswith("held_out-") for line in LINES)
    assert all(has_held_out_pair(RIGHT[line["id"]].frames) for line in LINES)


expressions = st.lists(
    st.tuples(st.sampled_from("+-*/"), st.integers(1, 50)), min_size=0, max_size=5
).map(lambda rest: "7" + "".join(f"{op}{number}" for op, number in rest))


@settings(max_examples=150, deadline=None)
@given(expressions, st.sampled_from(KINDS), st.integers(0, 10**6))
def test_what_is_injected_changes_the_value(expression, kind, seed):
    """Whatever the solution and the kind, the value is another one, and there is one."""
    value = evaluate(expression)
    wrong = inject(Random(seed), expression, kind, lambda x: evaluate(x) == value)
    assert evaluate(wrong.expression) != value
    assert 1 <= wrong.failing_step <= max(1, len(re.findall(r"[-+*/]", expression)))
    assert wrong.error in KINDS


def test_what_stays_right_is_no_error():
    """2+2 with another operand, or times instead of plus, comes to the same: one is not taken."""
    found = {
        inject(Random(seed), "2+2", "operator", lambda x: evaluate(x) == 4).expression
        for seed in range(50)
    }
    assert found == {"2-2", "2/2"}
    operand = inject(Random(0), "2+2", "operand", lambda x: evaluate(x) == 4)
    assert operand.error == "operator"


def test_what_divides_by_zero_is_no_answer():
    """An error after which there is no value is not taken."""
    found = inject(Random(1), "5*0", "operator", lambda x: evaluate(x) == 0)
    assert found.expression in ("5+0", "5-0")


def test_where_no_error_can_be_put_in_that_is_said():
    """A scorer that takes everything leaves no wrong answer."""
    with pytest.raises(UserError, match=r"No error in '1\+1' changes its value"):
        inject(Random(0), "1+1", "unit", lambda _: True)


@pytest.mark.parametrize(("given", "same"), [("(1 + 2) + 3", "1+2+3"), ("2*(3+4)", "2*(3+4)")])
def test_expressions_are_plain(given, same):
    """Without spaces, and without brackets that change nothing."""
    assert plain(given) == same


@pytest.mark.parametrize("hostile", ["2+", "", "(" * 500, "9" * 6_000 + "**", "a\0b"])
def test_what_is_no_expression_fails(hostile):
    """A solution that cannot be read is named as such; nothing of it is run."""
    with pytest.raises(ToolFailed):
        plain(hostile)


def test_a_suite_without_solutions_makes_none():
    """It says which suite has some."""
    with pytest.raises(UserError, match="'word-problems-free' has no solutions"):
        list(gold_set(load_suite("word-problems-free", limit=2)))


def test_a_solution_that_is_not_right_is_a_mistake_of_the_suite():
    """Gold is only what was checked."""
    suite = Suite("sums", (Task("t1", {"text": "1+1"}, 3, "1+1"),), Numeric())
    with pytest.raises(UserError, match="'1\\+1' of the task 't1' is not right"):
        list(gold_set(suite))
