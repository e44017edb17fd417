"""The presets are what their papers call so, as far as it is known."""

import logging
from typing import Any

import pytest

from agentsys import System
from agentsys.errors import DefinitionError
from agentsys.models.base import Request
from agentsys.models.scripted import Scripted
from agentsys.patterns.judging import maj, poll, quick, reconcile
from agentsys.patterns.judging.presets import PROFILES
from tests.patterns.judging.doubles import (
    SUMS,
    WRONG,
    Answer,
    Deciding,
    Question,
    asked,
    candidate,
    revises,
    ruling,
    sure,
)

YES, NO = '"correct"', '"incorrect"'


async def test_quick_is_one_call() -> None:
    """Of one judge."""
    async with System({"llm": Deciding(sure(0.8))}) as system:
        run = await system.run(quick(Question, Answer, SUMS, tier="llm"), candidate())
    assert (run.output.label, run.cost.calls) == ("correct", 1)


async def test_poll_is_the_majority_of_independent_judges() -> None:
    """No judge sees another one's word."""
    async with System({"a": Scripted(YES), "b": Scripted(NO), "c": Scripted(NO)}) as system:
        run = await system.run(poll(Question, Answer, SUMS, tiers="abc"), candidate())
    assert (run.output.label, run.cost.calls, run.output.rounds_used) == ("incorrect", 3, 0)
    prompts = {tuple(m.content for m in asked(system, tier)[0].messages) for tier in "abc"}
    assert len(prompts) == 1
    with pytest.raises(DefinitionError, match="'judge-a'"):
        poll(Question, Answer, SUMS, tiers="aa")


async def test_maj_is_three_readings_that_deliberate(caplog: pytest.LogCaptureFixture) -> None:
    """Each in words of its own; all are one model, and the log says what that means."""

    def reads(request: Request) -> dict[str, Any]:
        if revises(request):
            named = {"error": "the sign", "quote": "48+7=55"}
            return {"reasoning": "", "verdict": "incorrect", "confidence": 0.9, **named}
        logical = "logical reader" in request.messages[0].content
        return ruling("incorrect") if logical else ruling("correct", failing_step=None)

    with caplog.at_level(logging.WARNING, "agentsys"):
        async with System({"slm": Scripted(reads, family="one")}) as system:
            verdict = (await system.run(maj(Question, Answer, SUMS), candidate(WRONG))).output
    assert [each.judge for each in verdict.first_round] == list(PROFILES)
    assert (verdict.first_label, verdict.label) == ("correct", "incorrect")
    assert verdict.changed_by_deliberation
    assert any("of the family 'one' and err alike" in r.getMessage() for r in caplog.records)
    openings = {r.messages[0].content.split("\n\n")[0] for r in asked(system) if not revises(r)}
    assert openings == set(PROFILES.values())


async def test_reconcile_votes_by_rescaled_confidence() -> None:
    """One that is certain outweighs two that are hardly sure."""
    models = {
        "a": Scripted(ruling("correct", failing_step=None, confidence=0.95)),
        "b": Scripted(ruling("incorrect", confidence=0.7)),
        "c": Scripted(ruling("incorrect", confidence=0.7)),
    }
    node = reconcile(Question, Answer, SUMS, tiers="abc", rounds=0)
    async with System(models) as system:
        verdict = (await system.run(node, candidate())).output
    assert (verdict.label, verdict.stopped_because) == ("correct", "lead")
    assert verdict.margin == pytest.approx((0.8 - 0.6) / 1.4)
