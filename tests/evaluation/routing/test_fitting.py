"""Routers fitted on labels."""

import random
from pathlib import Path

import pytest

from agentsys.errors import UserError
from agentsys.evaluation.routing.fitting import FOLDS, cross_validated, fit, folds
from agentsys.evaluation.routing.measures import worth
from tests.evaluation.routing.test_measures import recorded

WORDS = "apple pear plum grape melon lemon cherry orange peach mango".split()


def drawn(count: int, seed: int = 0) -> tuple[list[str], list[bool]]:
    """Texts of which those about melons are hard."""
    draw = random.Random(seed)
    texts = [" ".join(draw.choices(WORDS, k=draw.randint(3, 9))) for _ in range(count)]
    return texts, ["melon" not in text for text in texts]


def test_what_can_be_told_from_the_text_is_learned() -> None:
    """On texts that it has not seen."""
    router = fit(*drawn(200), version="v", begin="llm")
    texts, labels = drawn(200, seed=1)
    right = [(router.p(text) > 0.5) == label for text, label in zip(texts, labels, strict=True)]
    assert sum(right) > 195
    assert router.said("melon melon").tier == "llm"
    assert router.said("apple pear").tier == ""


def test_a_fit_is_the_same_every_time() -> None:
    """To the last bit, whatever the order in which sets are walked."""
    texts, labels = drawn(60)
    assert fit(texts, labels) == fit(texts, labels)


def test_folds_have_every_text_once_and_as_many_of_each_label() -> None:
    """So that no fold is without one."""
    _, labels = drawn(57)
    found = folds(labels, seed=3)
    assert sorted(number for fold in found for number in fold) == list(range(57))
    wins = [sum(labels[number] for number in fold) for fold in found]
    assert max(wins) - min(wins) <= 1
    assert len(found) == FOLDS


def test_labels_that_are_all_the_same_are_refused() -> None:
    """There is nothing to tell apart."""
    with pytest.raises(UserError, match="nothing to tell apart"):
        fit(["a", "b"], [True, True])


def test_a_router_beats_prompt_length_on_real_outcomes() -> None:
    """On Mixtral's and GPT-4's, graded by the number on the last line; by cross-validation."""
    texts, small, large = recorded("correct_regraded")
    likely = cross_validated(texts, [bool(one) for one in small], 0)
    routed = worth([1 - p for p in likely], small, large)
    by_length = worth([len(text) for text in texts], small, large)
    assert routed is not None
    assert by_length is not None
    assert routed.apgr > by_length.apgr > 0.5


def test_nothing_of_scikit_learn_is_needed_to_route() -> None:
    """Only a fit imports it."""
    sources = Path(__file__).parents[3] / "agentsys"
    having = [file.name for file in sources.rglob("*.py") if "sklearn" in file.read_text()]
    assert having == ["fitting.py"]
