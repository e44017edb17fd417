"""`choose`: a decision with the probability of each choice."""

import math
import random
from collections.abc import AsyncIterator
from enum import Enum
from typing import Any, Literal

import pytest

from agentsys import Choice, System, Temperature, UserError, choose, fit_temperature
from agentsys.distribution import shares
from agentsys.errors import DefinitionError
from agentsys.messages import Alternative, Token
from agentsys.models.scripted import Scripted
from agentsys.models.tiers import Tiers
from agentsys.project import find
from agentsys.settings import Settings
from tests.shapes import ASK, Question

Verdict = Literal["correct", "incorrect"]


class Colour(Enum):
    RED = "red"
    GREEN = "green"
    GREY = "grey"


def told(*places: dict[str, float]) -> tuple[Token, ...]:
    """Tokens, the first of each place taken, with their alternatives and probabilities."""
    return tuple(
        Token(
            next(iter(place)),
            math.log(next(iter(place.values()))),
            alternatives=tuple(Alternative(text, math.log(p)) for text, p in place.items()),
        )
        for place in places
    )


def distribution(
    choices: list[str], *places: dict[str, float], start: int = 1
) -> dict[str, float] | None:
    """Shares by the choices of a group, which are joined by a bar."""
    tokens = told(*places)
    text = "".join(token.text for token in tokens)
    found = shares(text, tokens, start, [f'{choice}"' for choice in choices])
    if found is None:
        return None
    return {"|".join(sorted(c[:-1] for c in group)): share for group, share in found.items()}


def test_choices_share_what_leads_to_them() -> None:
    """Several tokens may begin the same choice; what leads to none of them does not count."""
    found = distribution(
        ["yes", "no"],
        {'"': 1.0},
        {"y": 0.3, "ye": 0.2, "no": 0.1, "perhaps": 0.4},
        {"es": 0.9, "ell": 0.1},
        {'"': 1.0},
    )
    assert found == {"yes": pytest.approx(0.5 / 0.6), "no": pytest.approx(0.1 / 0.6)}


def test_choices_part_more_than_once() -> None:
    """What a choice gets is multiplied along its way."""
    found = distribution(
        ["red", "redder", "blue"],
        {'"': 1.0},
        {"red": 0.75, "b": 0.25},
        {'"': 0.8, "d": 0.2},
    )
    assert found == {
        "red": pytest.approx(0.6),
        "redder": pytest.approx(0.15),
        "blue": pytest.approx(0.25),
    }


def test_a_token_may_begin_before_the_choice() -> None:
    """The quote, or a key, may be part of the token in which the choices part."""
    found = distribution(["yes", "no"], {'{"a":"n': 0.9, '{"a":"y': 0.1}, {'o"}': 1.0}, start=6)
    assert found == {"no": pytest.approx(0.9), "yes": pytest.approx(0.1)}


def test_what_begins_alike_elsewhere_stays_together() -> None:
    """Choices that part only on another way are a group, to be asked about again."""
    found = distribution(["red", "green", "grey"], {'"': 1.0}, {"r": 0.6, "gre": 0.4}, {'ed"': 1})
    assert found == {"red": pytest.approx(0.6), "green|grey": pytest.approx(0.4)}


def test_without_alternatives_there_are_no_shares() -> None:
    """Some servers give the probability of the token taken alone."""
    tokens = (Token('"', 0.0), Token("yes", -0.1), Token('"', 0.0))
    assert shares('"yes"', tokens, 1, ['yes"', 'no"']) is None


def test_a_temperature_is_found_again() -> None:
    """Probabilities that were made too sharp are made honest; the likeliest stays the likeliest."""
    draw = random.Random(3)
    honest = [{"a": (p := draw.random()), "b": 1 - p} for _ in range(2_000)]
    labels = ["a" if draw.random() < each["a"] else "b" for each in honest]
    sharp = [Temperature(1 / 3)(each) for each in honest]
    found = fit_temperature(sharp, labels)
    assert found.value == pytest.approx(3, rel=0.15)
    assert found({"a": 0.9, "b": 0.1})["a"] > 0.5
    assert sum(found({"a": 0.0, "b": 0.3, "c": 0.7}).values()) == pytest.approx(1)


def test_few_examples_that_are_all_right_prove_little() -> None:
    """What is nearly sure does not become certain, however often it was right."""
    for number in (1, 10, 100):
        found = fit_temperature([{"a": 0.97, "b": 0.03}] * number, ["a"] * number)
        assert 0.3 < found.value < 1
        assert found({"a": 0.8, "b": 0.2})["a"] < 0.99


def test_a_temperature_needs_labels() -> None:
    """One for each example."""
    with pytest.raises(UserError, match="one label each"):
        fit_temperature([{"a": 1.0}], [])


async def test_a_deployment_without_log_probabilities_still_decides() -> None:
    """The choice is what it said; there are no probabilities."""
    model = Scripted('"green"')
    async with System({"slm": model}) as system:
        run = await system.run(choose(Question, Colour, "Which colour?"), ASK)
    assert run.output == Choice[Colour](choice=Colour.GREEN, probabilities=None)
    assert run.confidence is None
    assert "red, green, grey" in model.requests[0].messages[0].content


async def test_what_is_no_choice_is_a_failure() -> None:
    """A model that nothing holds to the set may say something else."""
    async with System({"slm": Scripted('"blue"')}) as system:
        run = await system.run(choose(Question, Colour, "Which colour?"), ASK)
    assert run.status == "failed"
    assert "'blue' is not one of" in (run.error or "")


def test_what_is_asked_is_part_of_its_shape() -> None:
    """No run is gone on with, and no answer remembered, where it would be asked otherwise."""
    shapes = {
        choose(Question, Literal["yes", "no"], "Is it?").shape,
        choose(Question, Literal["yes", "no"], "Is it not?").shape,
        choose(Question, Literal["yes", "no", "unknown"], "Is it?").shape,
        choose(Question, Literal["yes", "no"], "Is it?", calibration=Temperature(2.0)).shape,
        choose(Question, Literal["yes", "no"], "Is it?", min_confidence=0.5).shape,
        choose(Question, Literal["yes", "no"], "Is it?", key="verdict").shape,
    }
    assert len(shapes) == 6


@pytest.mark.parametrize("choices", [Literal["one"], Literal[1, 2], str, Enum("Empty", [])])
def test_a_set_has_two_texts_or_more(choices: Any) -> None:
    """Anything else is a mistake in the definition."""
    with pytest.raises(DefinitionError, match="two choices or more"):
        choose(Question, choices, "Choose.")


@pytest.fixture(params=["mini-slm", "mini-llm"])
async def system(request: pytest.FixtureRequest) -> AsyncIterator[System]:
    """A miniature as the only tier."""
    entry = {"name": "m", "tier": "slm", "gguf": request.param, "usd_per_hour": 1}
    async with System(Tiers(Settings.model_validate({"deployments": [entry]}))) as opened:
        yield opened


def judged(answer: str) -> Any:
    """An expression for the judge."""
    question = "Mia has 4 boxes of 12 pens and gives 7 away. How many pens are left?"
    takes: Any = getattr(find("agent", "judge").value, "takes", None)
    return takes(question=question, answer=answer)


def verdict(**options: Any) -> Any:
    """The ready-made judge's verdict, as a decision."""
    return choose(
        type(judged("")), Verdict, "Judge the answer.", key="verdict", list_choices=False, **options
    )


async def test_a_miniature_decides(system: System) -> None:
    """One call of few tokens; the probabilities add up, and the choice is the likeliest."""
    for answer, right in (("4*12-7", "correct"), ("4*12+7", "incorrect")):
        run = await system.run(verdict(), judged(answer))
        assert run.output.choice == right
        assert set(run.output.probabilities) == {"correct", "incorrect"}
        assert sum(run.output.probabilities.values()) == pytest.approx(1)
        assert run.confidence == pytest.approx(run.output.probabilities[right])
        assert run.output.probabilities[right] > 0.5
        assert run.cost.calls == 1
        assert run.cost.tokens_out < 10


async def test_calibration_and_threshold_apply(system: System) -> None:
    """A flat temperature makes the same choice doubtful."""
    decide = verdict(calibration=Temperature(20.0), min_confidence=0.9)
    run = await system.run(decide, judged("4*12-7"))
    assert run.output.choice == "correct"
    assert 0.5 < run.output.probabilities["correct"] < 0.9
    assert run.status == "low_confidence"


async def test_all_choices_have_a_share(system: System) -> None:
    """Also those that begin alike; they may take another call."""
    names = Literal["apple", "apricot", "banana", "blueberry"]
    run = await system.run(choose(Question, names, "Which fruit?"), ASK)
    assert len(run.output.probabilities or {}) == 4
    assert sum((run.output.probabilities or {}).values()) == pytest.approx(1)
