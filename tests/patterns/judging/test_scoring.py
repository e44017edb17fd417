"""Rubrics: a score from 1 to 5 for each criterion."""

import pytest

from agentsys import System
from agentsys.errors import DefinitionError
from agentsys.models.scripted import Scripted
from agentsys.patterns.judging import rubric
from tests.patterns.judging.doubles import SUMS, Answer, Question, asked, candidate, shown

CRITERIA = {"clarity": "Is it easy to follow?", "copy of units": "Are all units there?"}


async def test_each_criterion_has_a_score() -> None:
    """In any words; the model thinks before it scores."""
    said = {"reasoning": "No units.", "scores": {"clarity": 4, "copy of units": 1}}
    async with System({"slm": Scripted(said)}) as system:
        scores = (await system.run(rubric(Question, Answer, SUMS, CRITERIA), candidate())).output
    assert scores.by_criterion == {"clarity": 4, "copy of units": 1}
    assert (scores.mean, scores.reason, scores.judge) == (2.5, "No units.", "rubric")
    [request] = asked(system)
    assert all(asks in request.messages[0].content for asks in CRITERIA.values())
    assert shown(request)["answer"] == candidate().answer.model_dump()
    assert request.schema is not None
    assert list(request.schema["properties"]) == ["reasoning", "scores"]


@pytest.mark.parametrize("scores", [{"clarity": 6, "copy of units": 1}, {"clarity": 3}])
async def test_a_score_is_one_of_five(scores: dict[str, int]) -> None:
    """One that is none is put back, as is one that is left out."""
    right = {"reasoning": "", "scores": {"clarity": 5, "copy of units": 1}}
    script = Scripted([{"reasoning": "", "scores": scores}, right])
    async with System({"slm": script}) as system:
        run = await system.run(rubric(Question, Answer, SUMS, CRITERIA), candidate())
    assert (run.output.by_criterion["clarity"], run.cost.calls) == (5, 2)


def test_a_rubric_has_criteria() -> None:
    """Without, there is nothing to score."""
    with pytest.raises(DefinitionError, match="without criteria"):
        rubric(Question, Answer, SUMS, {})
