"""The controlled English and its problems."""

import re
from itertools import pairwise

import pytest

from agentsys.evaluation.word_problems import Problem, Split, free_problems, problem, problems
from agentsys.evaluation.word_problems.frames import all_frames, third_person
from agentsys.evaluation.word_problems.plan import has_held_out_pair
from agentsys.evaluation.word_problems.quantities import LIMIT, is_held_out_number

SPLITS: tuple[Split, ...] = ("train", "validation", "held_out")


def value_of(expression: str) -> float:
    """What an expression comes to; the expressions here are our own."""
    assert re.fullmatch(r"[0-9+*/().-]+", expression)
    return eval(expression)


def numbers_of(text: str) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", text)]


@pytest.fixture(scope="module", params=SPLITS)
def drawn(request: pytest.FixtureRequest) -> list[Problem]:
    return problems(request.param, 200, seed=11)


def test_same_seed_gives_same_problems() -> None:
    """A problem depends on split, seed and index alone."""
    assert problems("held_out", 20, 5) == problems("held_out", 20, 5)
    assert problems("held_out", 20, 5)[13] == problem("held_out", 5, 13)
    assert problems("held_out", 20, 5) != problems("held_out", 20, 6)


def test_the_expression_gives_the_value(drawn: list[Problem]) -> None:
    """Evaluating the expression gives the value, a whole number within the limits."""
    for p in drawn:
        assert value_of(p.expression) == p.value
        assert 0 <= p.value <= LIMIT


def test_the_expression_uses_the_numbers_of_the_text_in_order(drawn: list[Problem]) -> None:
    """Every number of the text is used once, and no other."""
    for p in drawn:
        assert numbers_of(p.text) == numbers_of(p.expression)


def test_parentheses_are_needed(drawn: list[Problem]) -> None:
    """No pair of parentheses can be left out without changing the meaning of the expression."""
    for p in drawn:
        assert not re.search(r"\(\d+([*/]\d+)*\)", p.expression)


def test_steps_and_sub_questions_lead_to_the_value(drawn: list[Problem]) -> None:
    """Each operation is one step and one sub-question; the last gives the answer."""
    for p in drawn:
        assert len(p.steps) == len(p.sub_questions) == len(re.findall(r"[-+*/]", p.expression))
        assert p.steps[-1].result == p.sub_questions[-1].value == p.value
        for question in p.sub_questions:
            assert value_of(question.expression) == question.value


def test_sub_questions_refer_to_earlier_answers_only(drawn: list[Problem]) -> None:
    """`#k` in the question number n has k < n, and its expression states that answer."""
    for p in drawn:
        for n, question in enumerate(p.sub_questions):
            for reference in re.findall(r"#(\d+)", question.text):
                assert int(reference) <= n
                answer = p.sub_questions[int(reference) - 1].value
                assert answer in numbers_of(question.expression)


@pytest.mark.parametrize("steps", [1, 2, 3, 4, 5])
def test_the_number_of_steps_can_be_chosen(steps: int) -> None:
    """`steps` fixes the number of operations."""
    assert {len(p.steps) for p in problems("train", 50, 1, steps=steps)} == {steps}


@pytest.mark.parametrize("split", ["train", "validation"])
def test_training_never_sees_what_is_held_out(split: Split) -> None:
    """No held-out number and no held-out pair of frames is in training or validation."""
    for p in problems(split, 400, seed=2):
        assert not any(is_held_out_number(number) for number in numbers_of(p.text))
        assert not has_held_out_pair(p.frames)


def test_held_out_problems_have_a_held_out_combination() -> None:
    """Each has two neighbouring frames that no training problem has side by side."""
    pairs = {pair for p in problems("train", 1500, seed=3) for pair in pairwise(p.frames)}
    for p in problems("held_out", 300, seed=3):
        assert has_held_out_pair(p.frames)
        assert any(pair not in pairs for pair in pairwise(p.frames))


def test_held_out_names_are_not_in_training() -> None:
    """Some people of held-out problems never turn up in training."""
    train = {p.text.split()[0] for p in problems("train", 2000, seed=4)}
    held_out = {p.text.split()[0] for p in problems("held_out", 500, seed=4)}
    assert len(held_out - train) > 100


def test_there_are_a_few_hundred_frames_with_unique_ids() -> None:
    """The language is small enough to be listed and large enough to be varied."""
    frames = all_frames()
    assert 250 <= len(frames) == len({frame.id for frame in frames})
    assert len({(frame.kind, frame.text) for frame in frames}) == len(frames)


def test_a_frame_says_one_thing() -> None:
    """The same sentence never stands for two operations in the same place."""
    kinds: dict[tuple[str, bool], str] = {}
    for frame in all_frames():
        place = frame.text, frame.kind.startswith("start")
        assert kinds.setdefault(place, frame.kind) == frame.kind


def test_the_example_of_the_readme_is_in_the_language() -> None:
    """Its three frames exist; only names, things and numbers differ."""
    texts = {frame.text for frame in all_frames()}
    assert {"[have] {a} {xs} of {b} {t}", "[give] {a} away", "How many {t} are left?"} <= texts


@pytest.mark.parametrize(
    ("verb", "conjugated"), [("buy", "buys"), ("pass", "passes"), ("have", "has")]
)
def test_verbs_are_conjugated(verb: str, conjugated: str) -> None:
    """Regular verbs take -s or -es; `have` is `has`."""
    assert third_person(verb) == conjugated


def test_the_free_suite_has_a_hundred_problems() -> None:
    """Unique ids and texts, each with an answer."""
    free = free_problems()
    assert len(free) == len({p.id for p in free}) == len({p.text for p in free}) == 100
    assert all(p.value >= 0 for p in free)
