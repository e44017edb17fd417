"""Pairs: both orders are asked, and a place that is preferred decides nothing."""

import json
import math
from collections.abc import Callable, Mapping

import pytest

from agentsys import System
from agentsys.models.base import Request
from agentsys.models.scripted import Scripted
from agentsys.patterns.judging import Pair, Preference, pairwise
from tests.patterns.judging.doubles import (
    ASK,
    RIGHT,
    SUMS,
    WRONG,
    Answer,
    Deciding,
    Question,
    asked,
    shown,
)

JUDGE = pairwise(Question, Answer, SUMS)


def pair(a: Answer = RIGHT, b: Answer = WRONG) -> Pair[Question, Answer]:
    return Pair[Question, Answer](task=ASK, a=a, b=b)


def biased(liking: float, bias: float) -> Callable[[Request], Mapping[str, float]]:
    """Log-odds for the right answer, and for the first place."""

    def shares(request: Request) -> Mapping[str, float]:
        right_first = shown(request)["first"]["value"] == 41
        odds = (liking if right_first else -liking) + bias
        first = 1 / (1 + math.exp(-odds))
        return {"first": first, "second": 1 - first}

    return shares


async def test_both_orders_are_asked() -> None:
    """The same two answers, each once in the first place."""
    async with System({"slm": Deciding(biased(2, 0))}) as system:
        run = await system.run(JUDGE, pair())
    assert run.cost.calls == 2
    told = [(shown(r)["first"]["value"], shown(r)["second"]["value"]) for r in asked(system)]
    assert sorted(told) == [(41, 55), (55, 41)]


@pytest.mark.parametrize("bias", [-1.0, 0.0, 1.5])
async def test_a_preferred_place_is_measured_and_taken_out(bias: float) -> None:
    """The bias is that of the log-odds, and the same answer wins in either slot."""
    async with System({"slm": Deciding(biased(2, bias))}) as system:
        right_a = (await system.run(JUDGE, pair())).output
        right_b = (await system.run(JUDGE, pair(WRONG, RIGHT))).output
    assert (right_a.winner, right_b.winner) == ("a", "b")
    assert right_a.position_bias == pytest.approx(bias)
    assert right_a.p_a == pytest.approx(1 - right_b.p_a)
    first, swapped = (1 / (1 + math.exp(-odds)) for odds in (2 + bias, -2 + bias))
    assert right_a.p_a == pytest.approx((first + 1 - swapped) / 2)


async def test_a_bias_that_outweighs_the_answers_is_a_tie() -> None:
    """Whichever comes first wins: that says nothing about either."""
    async with System({"slm": Deciding(biased(1, 3))}) as system:
        found = (await system.run(JUDGE, pair())).output
    assert (found.winner, found.consistent) == ("tie", False)
    assert found.position_bias == pytest.approx(3)


async def test_without_log_probabilities_both_orders_must_agree() -> None:
    """What was said stands for certainty; there is no bias to tell."""
    by_value = Scripted(lambda r: '"first"' if shown(r)["first"]["value"] == 41 else '"second"')
    async with System({"slm": by_value}) as system:
        fair = (await system.run(JUDGE, pair())).output
    async with System({"slm": Scripted('"first"')}) as system:
        always_first = (await system.run(JUDGE, pair())).output
    assert (fair.winner, fair.p_a, fair.position_bias) == ("a", 1, None)
    assert (always_first.winner, always_first.p_a) == ("tie", 0.5)


def test_even_odds_are_a_tie() -> None:
    """Nobody wins by a rounding."""
    assert Preference.of(0.5, 0.5).winner == "tie"
    assert Preference.of(0.5, 0.2).winner == "tie"


async def test_a_pair_names_no_author() -> None:
    """A task and two answers is all that is shown."""
    async with System({"slm": Deciding(biased(2, 0))}) as system:
        await system.run(JUDGE, pair())
    for request in asked(system):
        assert set(shown(request)) == {"task", "first", "second"}
        assert "order means nothing" in json.dumps([m.content for m in request.messages])
