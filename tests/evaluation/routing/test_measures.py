"""APGR and CPT, as RouteLLM defines them."""

import gzip
import json
import random
from pathlib import Path

import pytest

from agentsys.evaluation.routing.measures import worth

DATA = Path(__file__).parents[4] / "shared" / "data" / "recorded" / "routellm_gsm8k"


def recorded(grade: str) -> tuple[list[str], list[float], list[float]]:
    """RouteLLM's tasks without those that its training data had, and both models' outcomes."""
    if not DATA.is_dir():
        pytest.skip(f"{DATA} is not there")

    def lines(name: str) -> list[dict[str, object]]:
        with gzip.open(DATA / name, "rt", encoding="utf-8") as opened:
            return [json.loads(line) for line in opened]

    tasks = [task for task in lines("tasks.jsonl.gz") if not task.get("contaminated")]
    graded = {
        (call["task_id"], str(call["model"]).split("-")[0]): float(bool(call[grade]))
        for call in lines("calls.jsonl.gz")
    }
    texts = [str(task["input"]["question"]) for task in tasks]  # pyright: ignore
    small, large = (
        [graded[task["task_id"], model] for task in tasks] for model in ("mixtral", "gpt")
    )
    return texts, small, large


def test_prompt_length_is_worth_what_was_published_of_it() -> None:
    """0.598, which is RouteLLM's own arithmetic on its own labels."""
    texts, small, large = recorded("correct")
    found = worth([len(text) for text in texts], small, large)
    assert found is not None
    assert found.apgr == pytest.approx(0.598, abs=0.001)
    assert 0 < found.cpt_50 < found.cpt_80 < 1


def test_chance_is_worth_a_half() -> None:
    """On average, on whatever labels."""
    draw = random.Random(0)
    small = [float(draw.random() < 0.6) for _ in range(500)]
    large = [float(draw.random() < 0.9) for _ in range(500)]
    found = [worth([draw.random() for _ in small], small, large) for _ in range(400)]
    apgr = [one.apgr for one in found if one is not None]
    assert sum(apgr) / len(apgr) == pytest.approx(0.5, abs=0.01)


def test_who_knows_the_outcomes_recovers_the_lead_at_once() -> None:
    """With few tasks that the large model wins, all of it but for the first tenth of the calls."""
    small = [0.0] * 10 + [1.0] * 90
    large = [1.0] * 100
    found = worth([1 - one for one in small], small, large)
    assert found is not None
    assert found.apgr == pytest.approx(0.95)
    assert (found.cpt_50, found.cpt_80) == (pytest.approx(0.05), pytest.approx(0.08))
    backwards = worth(small, small, large)
    assert backwards is not None
    assert backwards.apgr == pytest.approx(0.05)


def test_only_the_order_of_the_scores_counts() -> None:
    """Monotone transformations change nothing."""
    draw = random.Random(1)
    scores = [draw.random() for _ in range(301)]
    small = [float(draw.random() < 0.5) for _ in scores]
    large = [float(draw.random() < 0.8) for _ in scores]
    found = worth(scores, small, large)
    assert found == worth([3 * score + 7 for score in scores], small, large)
    assert found == worth([score**3 for score in scores], small, large)


def test_without_a_lead_there_is_nothing_to_measure() -> None:
    """It is said, not divided by; without an order it is chance."""
    assert worth([0.1, 0.2], [1, 1], [1, 0]) is None
    found = worth([0.5, 0.5], [0, 0], [1, 1])
    assert found is not None
    assert (found.apgr, found.cpt_50, found.cpt_80) == (0.5, 0.5, 0.8)
