"""Panels: who is asked, in which order, and what comes of it."""

import logging
from pathlib import Path
from typing import Any

import pytest

from agentsys import Agent, Budget, Candidate, System, judge_panel, open_store, step
from agentsys.calibration import Platt
from agentsys.errors import DefinitionError, Unreachable
from agentsys.models.scripted import Scripted
from agentsys.patterns.judging import judge_by_solving
from agentsys.reliability import Reliability
from agentsys.verdict import Verdict
from tests.patterns.judging.doubles import (
    ASK,
    RIGHT,
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
    says,
    sure,
)

YES, NO = '"correct"', '"incorrect"'


def models(**tiers: Any) -> System:
    """Each tier of a family of its own."""
    return System(
        {tier: Scripted(script, name=tier, family=tier) for tier, script in tiers.items()}
    )


def panel(*tiers: str, **more: Any) -> Any:
    """Quick judges, one a tier, called like it."""
    return judge_panel(*(quick(tier, tier) for tier in tiers), **more)


async def test_two_that_agree_are_enough() -> None:
    """The third is asked on a split only."""
    system = models(a=YES, b=YES, c=NO)
    verdict = (await system.run(panel("a", "b", "c"), candidate())).output
    assert (verdict.label, verdict.stopped_because, verdict.margin) == ("correct", "unanimous", 1)
    assert [each.judge for each in verdict.first_round] == ["a", "b"]
    assert asked(system, "c") == []
    split = models(a=YES, b=NO, c=NO)
    verdict = (await split.run(panel("a", "b", "c"), candidate())).output
    assert (verdict.label, verdict.stopped_because) == ("incorrect", "lead")
    assert [each.label for each in verdict.first_round] == ["correct", "incorrect", "incorrect"]
    assert verdict.margin == pytest.approx(1 / 3)


async def test_each_after_the_second_is_asked_alone() -> None:
    """Of five that would all agree, three are enough."""
    system = models(a=YES, b=YES, c=YES, d=YES, e=YES)
    run = await system.run(panel("a", "b", "c", "d", "e"), candidate())
    assert (run.output.stopped_because, run.cost.calls) == ("unanimous", 3)


async def test_a_run_is_as_sure_as_those_who_decided() -> None:
    """Who was outvoted, or could not tell, makes it neither less sure nor doubtful."""
    hardly = {"correct": 0.45, "incorrect": 0.55, "unknown": 1e-9}
    tiers = {"a": Deciding(lambda _r: hardly), "b": Deciding(sure(0.9)), "c": Deciding(sure(0.8))}
    run = await System(tiers).run(panel("a", "b", "c"), candidate())
    assert (run.output.label, run.status) == ("correct", "ok")
    assert run.confidence == pytest.approx(0.8)
    cannot = System({**tiers, "a": Scripted('"unknown"')})
    assert (await cannot.run(panel("a", "b", "c"), candidate())).status == "ok"


async def test_the_first_two_are_of_different_families() -> None:
    """The second judge is passed over for the first stranger, and asked next."""
    kin = {tier: Scripted(YES if tier != "c" else NO, family="x") for tier in "ab"}
    system = System({**kin, "c": Scripted(NO, family="y")})
    verdict = (await system.run(panel("a", "b", "c"), candidate())).output
    assert [each.judge for each in verdict.first_round] == ["a", "c", "b"]


async def test_a_failed_check_outranks_all_judges() -> None:
    """It is a reason against the answer, and nobody is asked."""

    def right_value(task: Question, answer: Answer) -> bool | str:
        return answer.value == 41 or "the tests fail."

    system = models(a=YES, b=YES)
    checked = panel("a", "b", checks=[right_value])
    wrong = (await system.run(checked, candidate(WRONG))).output
    assert (wrong.label, wrong.stopped_because, wrong.p_correct) == ("incorrect", "check", 0)
    assert wrong.objection == "judge-panel finds it wrong: the tests fail."
    assert asked(system, "a") == []
    passed = (await system.run(checked, candidate())).output
    assert (passed.label, passed.stopped_because) == ("correct", "unanimous")


@pytest.mark.parametrize(
    ("match", "label"), [(True, "correct"), (False, "incorrect"), (None, None)]
)
async def test_a_reference_outranks_all_judges_after_the_checks(
    match: bool | None, label: str | None
) -> None:
    """Where it can tell, it does; a failed check comes first."""
    system = models(a=NO, b=NO)
    verdict = (await system.run(panel("a", "b", matches=lambda _t, _a: match), candidate())).output
    assert verdict.label == (label or "incorrect")
    assert verdict.stopped_because == ("unanimous" if match is None else "reference")
    assert len(asked(system, "a")) == (1 if match is None else 0)
    known, first = panel("a", "b", matches=lambda _t, _a: True, quick=quick("q", "a")), "reference"
    assert (await system.run(known, candidate())).output.stopped_because == first
    both = panel("a", "b", matches=lambda _t, _a: True, checks=[lambda _t, _a: "no."])
    assert (await system.run(both, candidate())).output.stopped_because == "check"


@pytest.mark.parametrize(("p", "label"), [(0.97, "correct"), (0.03, "incorrect"), (0.6, None)])
async def test_a_sure_quick_verdict_needs_no_panel(p: float, label: str | None) -> None:
    """On both sides; what is between goes on to the panel, which has it on record."""
    system = System({"q": Deciding(sure(p)), "a": Scripted(YES), "b": Scripted(YES)})
    node = panel("a", "b", quick=quick("q", "q", sure=0.9))
    verdict = (await system.run(node, candidate())).output
    assert verdict.label == (label or "correct")
    assert verdict.stopped_because == ("quick" if label else "unanimous")
    assert verdict.before is not None
    assert verdict.before.p_correct == pytest.approx(p)
    assert len(asked(system, "a")) == (0 if label else 1)


async def test_a_tie_goes_to_the_larger_model() -> None:
    """And to it only then; whose word is not shown to it."""
    node = panel("a", "b", larger=quick("large", "llm"))
    system = models(a=YES, b=NO, llm=NO)
    verdict = (await system.run(node, candidate())).output
    assert (verdict.label, verdict.stopped_because) == ("incorrect", "larger_model")
    assert verdict.after is not None
    assert verdict.after.judge == "large"
    agreed = models(a=YES, b=YES, llm=NO)
    assert (await agreed.run(node, candidate())).output.label == "correct"
    assert asked(agreed, "llm") == []
    with_human = panel("a", "b", larger=quick("large", "llm"), human=True)
    assert (await system.run(with_human, candidate())).output.stopped_because == "larger_model"


async def test_a_tie_that_nobody_breaks_is_unknown() -> None:
    """The run is of low confidence."""
    system = models(a=YES, b=NO, llm='"unknown"')
    run = await system.run(panel("a", "b", larger=quick("large", "llm")), candidate())
    assert (run.status, run.output.label, run.output.stopped_because) == (
        "low_confidence",
        "unknown",
        "undecided",
    )
    assert run.output.objection == ""


async def test_a_human_breaks_a_tie(tmp_path: Path) -> None:
    """The run waits, another process goes on with it, and no judge is paid twice."""
    url, node = f"sqlite:///{tmp_path}/runs.db", panel("a", "b", human=True)
    tiers = {"a": Scripted(YES), "b": Scripted(NO)}
    first = System(tiers, store=open_store(url))
    run = await first.run(node, candidate(), run_id="r")
    assert run.status == "interrupted"
    question = run.questions[0].question
    assert (question["task"], question["answer"]) == (ASK.model_dump(), RIGHT.model_dump())
    assert [each["label"] for each in question["verdicts"]] == ["correct", "incorrect"]
    again = System({"a": Scripted(NO), "b": Scripted(NO)}, store=open_store(url))
    asked_again = await again.run(node, resume="r", answer="perhaps")
    assert "'perhaps' is none of them" in asked_again.questions[0].question["question"]
    last = await again.run(node, resume="r", answer="correct")
    assert (last.status, last.output.label, last.output.stopped_because) == (
        "ok",
        "correct",
        "human",
    )
    assert last.output.after == Verdict(label="correct", judge="human")
    assert (last.cost.calls, asked(again, "a"), asked(again, "b")) == (2, [], [])


async def test_a_judge_that_gives_no_verdict_is_no_vote() -> None:
    """Its reason is kept, and the next one is asked."""
    system = models(a=YES, b=Unreachable("gone"), c=YES)
    run = await system.run(panel("a", "b", "c"), candidate())
    assert (run.status, run.output.label, run.output.stopped_because) == ("ok", "correct", "lead")
    assert (run.output.first_round[1].label, run.output.first_round[1].reason) == (
        "unknown",
        "gone",
    )


@pytest.mark.parametrize(
    ("calls", "heard", "label"), [(0, 0, "unknown"), (1, 1, "correct"), (2, 2, "unknown")]
)
async def test_a_budget_leaves_the_votes_there_are(calls: int, heard: int, label: str) -> None:
    """The verdict says so, and so does the run; nothing is spent beyond it."""
    system = models(a=YES, b=NO, c=NO)
    budget = Budget(calls=calls) if calls else Budget(tokens=1)
    run = await system.run(panel("a", "b", "c"), candidate(), budget=budget)
    assert (run.status, run.output.stopped_because) == ("budget_exceeded", "budget")
    assert (len(run.output.first_round), run.output.label, run.cost.calls) == (heard, label, calls)


async def test_a_judge_without_budget_ends_the_panel() -> None:
    """Also where it is the judge's own: who limits what judging costs wants no larger model."""
    own = quick("b", "b").within(Budget(tokens=1))
    node = judge_panel(quick("a", "a"), own, quick("c", "c"), larger=quick("large", "llm"))
    system = models(a='"unknown"', b=YES, c=YES, llm=YES)
    run = await system.run(node, candidate())
    assert (run.output.label, run.output.stopped_because) == ("unknown", "budget")
    assert (asked(system, "c"), asked(system, "llm")) == ([], [])


async def test_a_tie_without_budget_for_the_larger_model_says_so() -> None:
    """Somebody was left to ask: the reason is the budget, not that nobody was."""
    node = panel("a", "b", larger=quick("large", "llm"))
    system = models(a=YES, b=NO, llm=NO)
    run = await system.run(node, candidate(), budget=Budget(calls=2))
    assert (run.status, run.output.label) == ("budget_exceeded", "unknown")
    assert run.output.stopped_because == "budget"
    assert asked(system, "llm") == []


async def test_measured_judges_are_calibrated() -> None:
    """What they tell is put on record as what it has meant."""
    known = {name: Reliability(0.9, 500, Platt(slope=0.5)) for name in "ab"}
    system = System({name: Deciding(sure(0.9)) for name in "ab"})
    verdict = (await system.run(panel("a", "b", reliability=known), candidate())).output
    assert [each.p_correct for each in verdict.first_round] == [pytest.approx(0.75)] * 2
    assert verdict.p_correct == pytest.approx(0.9)  # odds of 3, twice


async def test_measured_judges_count_by_what_was_measured() -> None:
    """One that is right far more often wins alone, and its worth is on the verdict."""
    known = {"a": Reliability(0.99, 500), "b": Reliability(0.6, 500), "c": Reliability(0.6, 500)}
    system = models(a=YES, b=NO, c=NO)
    verdict = (
        await system.run(panel("a", "b", "c", reliability=known, correlation=0.5), candidate())
    ).output
    assert (verdict.label, verdict.stopped_because) == ("correct", "lead")
    assert [each.judge for each in verdict.first_round] == ["a", "b"]
    assert verdict.n_eff == pytest.approx(2 / 1.5)
    assert verdict.p_correct is not None
    assert 0.9 < verdict.p_correct < 0.98


async def test_the_verdict_has_what_those_found_that_agree_with_it() -> None:
    """Evidence, the first failing step, and reasons with who gave them."""
    system = System(
        {"slm": Scripted([ruling(), ruling(evidence=["48+7=55", "55"], failing_step=1)])}
    )
    run = await system.run(judge_panel(reasoned("a"), reasoned("b")), candidate(WRONG))
    assert (run.output.evidence, run.output.failing_step) == (("48+7=55", "55"), 1)
    assert run.output.reason.startswith("a: 48 and 7")
    assert "b: 48 and 7" in run.output.reason


async def test_a_solver_is_a_judge_that_no_answer_can_talk_to() -> None:
    """It solves the task anew, and never sees the answer; where it is in doubt, it cannot tell."""

    @step
    async def solve(question: Question) -> Answer:
        return RIGHT

    by_solving = judge_by_solving(solve, lambda mine, given: mine.value == given.value)
    system = models(a=YES)
    node = judge_panel(by_solving, quick("a", "a"))
    right, wrong = [(await system.run(node, candidate(answer))).output for answer in (RIGHT, WRONG)]
    assert (right.label, wrong.label) == ("correct", "unknown")
    assert [each.label for each in wrong.first_round] == ["incorrect", "correct"]
    unsure = judge_by_solving(
        solve.check(lambda _q, _a: "not certain."), lambda mine, given: mine == given
    )
    alone = await system.run(unsure, candidate())
    assert (alone.output.label, alone.status) == ("unknown", "low_confidence")
    assert "not certain." in alone.output.reason
    doubtful = Agent(Question, Answer, "Solve it.", min_confidence=0.9, tier="a", name="solver")
    hardly = System({"a": Scripted(RIGHT.model_dump(), confidence=0.5)})
    doubted = await hardly.run(judge_by_solving(doubtful, lambda mine, given: True), candidate())
    assert doubted.output.label == "unknown"


async def test_a_panel_is_a_judge_of_a_panel() -> None:
    """It nests, and keeps what it knows."""
    inner = panel("a", "b", name="inner")
    system = models(a=YES, b=YES, c=YES)
    verdict = (await system.run(judge_panel(inner, quick("c", "c")), candidate())).output
    assert (verdict.label, [each.judge for each in verdict.first_round]) == (
        "correct",
        ["inner", "c"],
    )


async def test_a_panel_of_one_family_warns_once(caplog: pytest.LogCaptureFixture) -> None:
    """Of models of one family only, and where all are known."""
    with caplog.at_level(logging.WARNING, "agentsys"):
        for families in (("x", "x", "y"), ("x", "", "x"), ("z", "z", "z"), ("z", "z", "z")):
            tiers = {t: Scripted(by_value, family=f) for t, f in zip("abc", families, strict=True)}
            async with System(tiers) as system:
                name = f"of-{'-'.join(families)}"
                await system.run(panel("a", "b", "c", name=name), candidate())
                mixed = judge_panel(says("step", "correct"), quick("a", "a"), name="with-a-step")
                await system.run(mixed, candidate())
    lines = [record.getMessage() for record in caplog.records]
    assert len(lines) == 1
    assert "all judges of 'of-z-z-z' are of the family 'z' and err alike" in lines[0]


def test_a_panel_that_makes_no_sense_is_refused() -> None:
    """Each mistake is named, with what to do."""
    a, b = says("a", "correct"), says("b", "correct")
    for wrong, reason in (
        (lambda: judge_panel(a), "A panel of 1 is none"),
        (lambda: judge_panel(a, says("a", "unknown")), "Two judges of a panel are called 'a'"),
        (lambda: judge_panel(a, b, rounds=3), "2 rounds at most"),
        (lambda: judge_panel(a, b, rounds=1), "No judge of this panel can think again"),
        (
            lambda: judge_panel(a, b, reliability={"a": Reliability(0.9, 10)}),
            "'b' was not measured",
        ),
    ):
        with pytest.raises(DefinitionError, match=reason):
            wrong()


def test_what_it_decides_by_is_part_of_its_shape() -> None:
    """A run is not gone on with under other weights, checks or rounds."""
    known = {name: Reliability(0.9, 10) for name in "ab"}
    shapes = {
        panel("a", "b").shape,
        panel("b", "a").shape,
        panel("a", "b", reliability=known).shape,
        panel("a", "b", rounds=1).shape,
        panel("a", "b", human=True).shape,
        panel("a", "b", matches=lambda _t, _a: None).shape,
        panel("a", "b", checks=[lambda _t, _a: True]).shape,
    }
    assert len(shapes) == 7


async def test_a_candidate_need_not_name_its_types() -> None:
    """A plain `Candidate` of the right parts is taken."""
    system = models(a=YES, b=YES)
    plain: Any = Candidate(task=ASK, answer=RIGHT)
    assert (await system.run(panel("a", "b"), plain)).output.label == "correct"
