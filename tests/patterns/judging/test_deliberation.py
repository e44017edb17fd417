"""Deliberation: off unless asked for, and no verdict changes without a named error."""

from typing import Any

import pytest

from agentsys import Budget, System, judge_panel
from agentsys.models.base import Request
from agentsys.models.scripted import Scripted
from agentsys.verdict import Label
from tests.patterns.judging.doubles import (
    RIGHT,
    WRONG,
    asked,
    candidate,
    reasoned,
    revises,
    ruling,
    says,
    shown,
)

NAMED = {"error": "48-7 is meant, not 48+7", "quote": "48+7=55"}
UNNAMED = {"error": "", "quote": ""}


def mind(label: Label, then: Label, reasons: str = "", **named: Any) -> Scripted:
    """A judge that says one thing, and after a discussion another, as often as it is asked."""

    def says_it(request: Request) -> dict[str, Any]:
        if not revises(request):
            step = 2 if label == "incorrect" else None
            return ruling(label, failing_step=step, reasoning=reasons)
        return {"reasoning": "", "verdict": then, "confidence": 0.8, **UNNAMED, **named}

    return Scripted(says_it)


SPLIT: tuple[Label, ...] = ("correct", "incorrect", "correct")
OTHER: dict[Label, Label] = {"correct": "incorrect", "incorrect": "correct"}


def firm(*labels: Label) -> dict[str, Scripted]:
    """Judges that keep to what they say."""
    return {name: mind(label, label) for name, label in zip("abcde", labels, strict=False)}


def panel(rounds: int = 2) -> Any:
    """Three judges that think first."""
    return judge_panel(*(reasoned(name, name) for name in "abc"), rounds=rounds)


def discussions(system: System, tier: str) -> list[dict[str, Any]]:
    return [shown(request) for request in asked(system, tier) if revises(request)]


async def test_it_is_off_unless_asked_for() -> None:
    """A split is decided by the votes."""
    minds = {"a": mind("correct", "incorrect"), "b": mind("incorrect", "correct")}
    system = System({**minds, "c": mind("correct", "incorrect")})
    plain = judge_panel(*(reasoned(name, name) for name in "abc"))
    run = await system.run(plain, candidate(WRONG))
    assert (run.output.label, run.output.stopped_because, run.cost.calls) == ("correct", "lead", 3)
    assert (run.output.rounds_used, run.output.flips) == (0, ())


async def test_no_verdict_changes_without_a_named_error() -> None:
    """Debate is a martingale: left to itself it flips right verdicts as easily as wrong ones."""
    mirrored: tuple[Label, ...] = tuple(OTHER[label] for label in SPLIT)
    for first in (SPLIT, mirrored):
        minds = {name: mind(each, OTHER[each]) for name, each in zip("abc", first, strict=True)}
        verdict = (await System(minds).run(panel(), candidate(WRONG))).output
        assert [each.label for each in verdict.last_round] == list(first)
        assert [flip.counted for flip in verdict.flips] == [False] * 3
        assert verdict.label == verdict.first_label
        assert (verdict.stopped_because, verdict.rounds_used) == ("no_change", 1)
        assert not verdict.changed_by_deliberation


@pytest.mark.parametrize(
    "named", [{"error": "wrong sign", "quote": "48-7=41"}, {"error": "", "quote": "48+7=55"}]
)
async def test_an_error_is_named_in_words_of_the_answer(named: dict[str, str]) -> None:
    """Neither an error that is nowhere counts, nor a quote without an error."""
    minds = firm("correct", "incorrect")
    system = System({**minds, "c": mind("correct", "incorrect", **named)})
    verdict = (await system.run(panel(), candidate(WRONG))).output
    assert (verdict.label, [flip.counted for flip in verdict.flips]) == ("correct", [False])


async def test_a_named_error_changes_a_verdict_and_both_are_kept() -> None:
    """The first round stays on record, with who was moved by what."""
    minds = firm("correct", "incorrect")
    system = System({**minds, "c": mind("correct", "incorrect", **NAMED)})
    verdict = (await system.run(panel(), candidate(WRONG))).output
    assert (verdict.label, verdict.first_label) == ("incorrect", "correct")
    assert verdict.changed_by_deliberation
    assert [each.label for each in verdict.first_round] == ["correct", "incorrect", "correct"]
    assert [each.label for each in verdict.last_round] == ["correct", "incorrect", "incorrect"]
    [flip] = verdict.flips
    assert (flip.judge, flip.round, flip.before, flip.after) == ("c", 1, "correct", "incorrect")
    assert (flip.error, flip.quote, flip.counted) == (NAMED["error"], NAMED["quote"], True)
    assert verdict.last_round[2].evidence == ("48+7=55",)
    assert verdict.last_round[2].p_correct == pytest.approx(0.2)


async def test_joining_another_judge_is_flagged() -> None:
    """Who changes to what another has said joins it; who stands alone in it does not."""
    minds = {"a": mind("correct", "correct"), "b": mind("incorrect", "unknown", **NAMED)}
    system = System({**minds, "c": mind("correct", "incorrect", **NAMED)})
    verdict = (await system.run(panel(rounds=1), candidate(WRONG))).output
    assert {flip.judge: flip.joined for flip in verdict.flips} == {"b": False, "c": True}
    assert verdict.sycophancy_events == 1


async def test_judges_see_opinions_without_names_or_confidences() -> None:
    """The verdict, its step and its evidence of each other one, and their own apart from them."""
    minds = zip("abc", SPLIT, strict=True)
    system = System({n: mind(each, each, f"as {n} has it.") for n, each in minds})
    await system.run(panel(), candidate(WRONG))
    [told] = discussions(system, "a")
    assert told["candidate"]["answer"] == WRONG.model_dump()
    assert set(told) == {"candidate", "own", "reasons", "others"}
    assert told["reasons"] == "as a has it."
    assert told["own"]["verdict"] == "correct"
    assert sorted(other["verdict"] for other in told["others"]) == ["correct", "incorrect"]
    assert {frozenset(other) for other in told["others"]} == {
        frozenset({"verdict", "failing_step", "evidence"})
    }
    texts = [m.content for r in asked(system, "a") for m in r.messages]
    assert not any(f'"{name}"' in text or f"as {name}" in text for text in texts for name in "bc")


async def test_the_order_of_opinions_means_nothing() -> None:
    """It differs from answer to answer, and is the same when asked again."""
    orders: list[tuple[str, ...]] = []
    for number in (*range(12), 0):
        system = System(firm(*SPLIT))
        answer = WRONG.model_copy(update={"value": number})
        await system.run(panel(), candidate(answer))
        [told] = discussions(system, "a")
        orders.append(tuple(other["verdict"] for other in told["others"]))
    assert len(set(orders)) == 2
    assert orders[0] == orders[-1]


async def test_it_ends_when_all_agree() -> None:
    """A second round would cost for nothing."""
    minds = {"a": mind("correct", "incorrect", **NAMED), "b": mind("incorrect", "incorrect")}
    system = System({**minds, "c": mind("correct", "incorrect", **NAMED)})
    verdict = (await system.run(panel(), candidate(WRONG))).output
    assert (verdict.rounds_used, verdict.stopped_because) == (1, "unanimous")


async def test_it_ends_after_two_rounds() -> None:
    """However often somebody changes its mind."""
    turns: list[Label] = ["incorrect", "correct", "incorrect", "correct"]

    def wavers(request: Request) -> dict[str, Any]:
        if not revises(request):
            return ruling("correct", failing_step=None)
        return {"reasoning": "", "verdict": turns.pop(0), "confidence": 0.8, **NAMED}

    minds = firm("correct", "incorrect")
    system = System({**minds, "c": Scripted(wavers)})
    verdict = (await system.run(panel(), candidate(WRONG))).output
    assert (verdict.rounds_used, verdict.stopped_because) == (2, "max_rounds")
    assert [flip.round for flip in verdict.flips] == [1, 2]
    assert verdict.label == verdict.first_label


async def test_who_cannot_think_again_keeps_to_its_verdict() -> None:
    """A step takes part in the vote, and its opinion is told."""
    system = System({"a": mind("correct", "incorrect", **NAMED)})
    node = judge_panel(reasoned("a", "a"), says("b", "incorrect"), rounds=1)
    verdict = (await system.run(node, candidate(WRONG))).output
    assert (verdict.label, verdict.stopped_because) == ("incorrect", "unanimous")
    assert [each.label for each in verdict.last_round] == ["incorrect", "incorrect"]


async def test_who_says_nothing_in_a_round_keeps_to_its_verdict() -> None:
    """A reply that will not do is no change of mind."""
    broken = Scripted(lambda r: "no JSON" if revises(r) else ruling("correct", failing_step=None))
    minds = {"a": broken, "b": mind("incorrect", "incorrect"), "c": mind("correct", "correct")}
    verdict = (await System(minds).run(panel(), candidate(RIGHT))).output
    assert (verdict.label, verdict.flips, verdict.stopped_because) == ("correct", (), "no_change")


async def test_a_budget_that_ends_in_a_round_leaves_the_votes_there_are() -> None:
    """What was said in time counts, and there is no other round."""
    minds = firm("correct", "incorrect", "correct")
    system = System({**minds, "a": mind("correct", "incorrect", **NAMED)})
    run = await system.run(panel(), candidate(WRONG), budget=Budget(calls=4))
    assert (run.status, run.output.stopped_because) == ("budget_exceeded", "budget")
    assert (run.cost.calls, run.output.rounds_used) == (4, 1)
    assert (run.output.first_label, run.output.label) == ("correct", "incorrect")


async def test_a_vote_that_is_over_is_not_talked_about() -> None:
    """Where a judge was not asked because it could change nothing, there is no round."""
    minds = firm("correct", "correct", "incorrect", "correct", "incorrect")
    node = judge_panel(*(reasoned(name, name) for name in "abcde"), rounds=2)
    run = await System(minds).run(node, candidate())
    assert (run.output.stopped_because, run.output.rounds_used, run.cost.calls) == ("lead", 0, 4)


async def test_a_changed_verdict_has_to_be_as_sure_as_the_first() -> None:
    """One that is not has no vote."""
    judges = [reasoned("a", "a"), reasoned("b", "b", sure=0.9), reasoned("c", "c", sure=0.6)]
    minds = {
        "a": mind("incorrect", "incorrect"),
        "b": mind("correct", "incorrect", **NAMED),
        "c": mind("correct", "incorrect", **NAMED),
    }
    run = await System(minds).run(judge_panel(*judges, rounds=1), candidate(WRONG))
    last = {each.judge: each.label for each in run.output.last_round}
    assert last == {"a": "incorrect", "b": "unknown", "c": "incorrect"}
