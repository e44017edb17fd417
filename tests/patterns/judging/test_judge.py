"""Single judges: quick and reasoned."""

import json
import logging
from pathlib import Path
from typing import Any, Literal

import pytest

from agentsys import Agent, Candidate, Choice, System, choose, open_store, step
from agentsys.calibration import Platt
from agentsys.errors import DefinitionError
from agentsys.models.scripted import Scripted
from agentsys.patterns.judging import Judge, as_judge, of_choice
from agentsys.patterns.judging.data import RULE
from agentsys.patterns.remembered import Remembered
from agentsys.verdict import Verdict
from tests.patterns.judging.doubles import (
    ASK,
    SUMS,
    WRONG,
    Answer,
    Deciding,
    Question,
    asked,
    by_value,
    candidate,
    quick,
    reasoned,
    ruling,
    shown,
    sure,
)


async def test_a_quick_judge_decides_in_one_call() -> None:
    """Its confidence is that of the label against the opposite one, whatever `unknown` has."""
    async with System({"slm": Deciding(sure(0.8, unknown=0.1))}) as system:
        run = await system.run(quick("judge"), candidate())
    verdict = run.output
    assert (verdict.label, verdict.judge, run.cost.calls) == ("correct", "judge", 1)
    assert verdict.confidence == pytest.approx(0.8)
    assert verdict.p_correct == pytest.approx(0.8)
    [request] = asked(system)
    assert RULE in request.messages[0].content
    assert shown(request) == {"task": ASK.model_dump(), "answer": candidate().answer.model_dump()}


async def test_raw_and_calibrated_probabilities_are_told_apart() -> None:
    """The label and the raw confidence stay; `p_correct` is what that has meant."""
    judge = quick("judge", calibration=Platt(slope=0.5))
    async with System({"slm": Deciding(sure(0.9))}) as system:
        verdict = (await system.run(judge, candidate())).output
    assert verdict.label == "correct"
    assert verdict.confidence == pytest.approx(0.9)
    assert verdict.p_correct == pytest.approx(0.75)  # the odds of 9 have meant odds of 3


@pytest.mark.parametrize(("p", "label"), [(0.05, "incorrect"), (0.7, "unknown"), (0.95, "correct")])
async def test_a_bound_holds_on_both_sides(p: float, label: str) -> None:
    """What is less sure is `unknown`, and such a run is of low confidence."""
    async with System({"slm": Deciding(sure(p))}) as system:
        run = await system.run(quick("judge", sure=0.9), candidate())
    assert run.output.label == label
    assert run.status == ("low_confidence" if label == "unknown" else "ok")
    assert run.output.p_correct == pytest.approx(p)


async def test_a_judge_that_cannot_tell_escalates() -> None:
    """The next tier is asked the same."""
    models = {"slm": Deciding(sure(0.6)), "llm": Deciding(sure(0.99))}
    async with System(models) as system:
        run = await system.run(quick("judge", sure=0.9).escalate("llm"), candidate())
    assert (run.output.label, run.path) == ("correct", ("judge@slm", "judge@llm"))
    assert [shown(r) for r in asked(system, "slm")] == [shown(r) for r in asked(system, "llm")]


async def test_a_deployment_without_log_probabilities_still_judges() -> None:
    """There is a label and no confidence, so there is nothing to bound."""
    async with System({"slm": Scripted(by_value)}) as system:
        right = (await system.run(quick("judge", sure=0.9), candidate())).output
        wrong = (await system.run(quick("judge", sure=0.9), candidate(WRONG))).output
    assert (right.label, wrong.label) == ("correct", "incorrect")
    assert (right.confidence, right.p_correct) == (None, None)


async def test_evidence_is_quoted() -> None:
    """What does not stand in the answer is dropped, and it is said."""
    told = ruling(evidence=["48+7=55", "48-7=41", "55", " "])
    async with System({"slm": Scripted(told)}) as system:
        verdict = (await system.run(reasoned("judge"), candidate(WRONG))).output
    assert (verdict.label, verdict.failing_step) == ("incorrect", 2)
    assert verdict.evidence == ("48+7=55", "55")
    assert verdict.unfounded == ("48-7=41",)
    assert verdict.reason == "48 and 7 are 55, but 7 are given away."
    assert verdict.confidence == pytest.approx(0.9)
    assert verdict.p_correct == pytest.approx(0.1)


async def test_a_quote_from_the_task_is_no_evidence() -> None:
    """It must stand in the answer."""
    told = ruling(evidence=["7 given away"])
    async with System({"slm": Scripted(told)}) as system:
        verdict = (await system.run(reasoned("judge"), candidate(WRONG))).output
    assert (verdict.evidence, verdict.unfounded) == ((), ("7 given away",))


async def test_a_quote_may_be_of_what_was_written_out() -> None:
    """A judge that copies the data as it was shown has quoted the answer."""
    text = Answer(steps="<b>4*12</b> [END]", value=48)
    told = ruling(evidence=["\\u003cb>4*12", "<b>4*12\\u003c/b>", "\\u005bEND]"])
    async with System({"slm": Scripted(told)}) as system:
        verdict = (await system.run(reasoned("judge"), candidate(text))).output
    assert (len(verdict.evidence), verdict.unfounded) == (3, ())


async def test_a_ruling_that_contradicts_itself_is_put_back() -> None:
    """An answer with a failing step is not correct: the model is told, once."""
    twice = [ruling("correct"), ruling("incorrect")]
    async with System({"slm": Scripted(twice)}) as system:
        run = await system.run(reasoned("judge"), candidate(WRONG))
    assert run.output.label == "incorrect"
    assert "finds step 2 wrong and the answer correct" in asked(system)[1].messages[-1].content


async def test_a_judge_that_says_nothing_fails_as_one_and_objects_to_nothing() -> None:
    """Alone its run has no verdict; as a check it leaves the answer doubtful."""
    solve = Agent(Question, Answer, "Solve it.", tier="solver", name="solver")
    models = {"slm": Scripted("no JSON"), "solver": Scripted({"steps": "", "value": 41})}
    async with System(models) as system:
        alone = await system.run(quick("judge"), candidate())
        checked = await system.run(solve.check(quick("judge")), ASK)
    assert (alone.status, alone.has_output) == ("failed", False)
    assert (checked.status, checked.output.value) == ("low_confidence", 41)


def test_a_bound_is_a_probability_of_a_label() -> None:
    """Below one half it would contradict its label, and at 1 nothing would stand."""
    for bound in (0.4, 1.0):
        with pytest.raises(DefinitionError, match="no bound"):
            Judge(Question, Answer, SUMS, sure=bound)


@step
async def to_text(judged: Candidate[Question, Answer]) -> str:
    """How some model was trained to be asked."""
    return f"Q: {judged.task.text} A: {judged.answer.steps}"


@step
async def to_verdict(choice: Choice[Any]) -> Verdict:
    """Its decision."""
    return of_choice(choice)


async def test_a_model_trained_to_judge_is_asked_in_its_own_words() -> None:
    """Any node that judges may have a name, a calibration and a bound."""
    decide = choose(str, Literal["correct", "incorrect"], "Judge.", list_choices=False)
    judge = as_judge(to_text >> decide >> to_verdict, name="trained", sure=0.9)
    model = Deciding(lambda _r: {"correct": 0.3, "incorrect": 0.7})
    async with System({"slm": model}) as system:
        verdict = (await system.run(judge, candidate())).output
    assert (verdict.label, verdict.judge) == ("unknown", "trained")
    assert verdict.p_correct == pytest.approx(0.3)
    assert model.requests[0].messages[1].content.startswith("Q: 4 boxes")


async def test_a_judge_warns_of_answers_of_its_own_family(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Once, and only where both families are known and the same."""
    answer = Scripted({"steps": "", "value": 41}, family="llama")
    for family, name in (("llama", "kin"), ("qwen", "other"), ("", "nobody-knows")):
        solve = Agent(Question, Answer, "Solve it.", tier="solver", name="solver")
        judge = quick(name, tier="judges")
        models = {"solver": answer, "judges": Scripted('"correct"', family=family)}
        async with System(models) as system:
            with caplog.at_level(logging.WARNING, "agentsys"):
                for _ in range(2):
                    await system.run(solve.check(judge), ASK)
    lines = [record.getMessage() for record in caplog.records]
    assert len(lines) == 1
    assert "the judge 'kin' is of the family 'llama', as is the model" in lines[0]


def test_what_is_asked_is_part_of_its_shape() -> None:
    """A run is not gone on with, and a verdict not remembered, under other instructions."""
    shapes = {
        quick("judge").shape,
        Judge(Question, Answer, "Other words.", name="judge").shape,
        reasoned("judge").shape,
        quick("judge", sure=0.9).shape,
        quick("judge", calibration=Platt(2.0)).shape,
        quick("judge", tier="llm").shape,
    }
    assert len(shapes) == 6


async def test_its_instructions_come_first_and_stay_the_same() -> None:
    """Servers reuse the prefix: only the data differs from answer to answer."""
    async with System({"slm": Scripted(by_value)}) as system:
        for each in (candidate(), candidate(WRONG)):
            await system.run(quick("judge"), each)
    systems = {json.dumps(r.messages[0].content) for r in asked(system)}
    assert len(systems) == 1
    assert asked(system)[0].messages[0].content.startswith(SUMS)


async def test_a_verdict_that_is_remembered_is_not_paid_twice(tmp_path: Path) -> None:
    """Of the same judge on the same answer, in any run; another answer is judged anew."""
    store = open_store(f"sqlite:///{tmp_path}/runs.db")
    judge = Remembered(quick("judge"), seconds=60)
    async with System({"slm": Scripted(by_value)}, store=store) as system:
        runs = [
            await system.run(judge, each)
            for each in (candidate(), candidate(), candidate(WRONG), candidate(WRONG))
        ]
    assert [run.cost.calls for run in runs] == [1, 0, 1, 0]
    labels = [run.output.label for run in runs]
    assert labels == ["correct", "correct", "incorrect", "incorrect"]
