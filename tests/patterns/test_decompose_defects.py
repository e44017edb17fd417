"""What the released code of DaSLaM gets wrong, each kept from happening here."""

import json
import re
from collections import Counter
from random import Random
from typing import Any

import pytest

from agentsys import Abstain, Attempted, InvalidOutput, Node, Solved, SubTask, decompose, step
from agentsys.evaluation.suites import Task
from agentsys.verdict import Candidate, Verdict
from tests.patterns.questions import (
    Part,
    Questions,
    attempt,
    conditioned,
    following,
    join,
    solve,
    split,
    world,
)


@pytest.mark.parametrize("questions", [("a",), ("a", "b")])
def test_fewer_than_three_sub_questions_count(questions: tuple[str, ...]) -> None:
    """Released: such a list is thrown away, and the problem is asked bare."""
    system, _ = world(said={"Split.": questions})
    run = system.run_sync(decompose(split, solve, join), "p")
    assert run.output == " ".join(questions).upper()


@pytest.mark.parametrize(
    "question", ["Add 3 to it.", "How many? And how much?", "1. is it?\n2. is it?", "¿Cuántos?", ""]
)
def test_no_question_mark_is_looked_for(question: str) -> None:
    """Released: a sub-question is whatever a regular expression finds before a "?"."""
    system, model = world(said={"Split.": (question, "b")})
    run = system.run_sync(decompose(split, solve, join), "p")
    assert run.ok
    assert [task["question"] for task in model.told("Answer.")] == [question, "b"]


def test_no_gold_rationale_reaches_the_split() -> None:
    """Released: training conditions the splitter on the reference solution.

    A task's reference is not part of what a graph takes, and fields that are not are dropped.
    """
    rich = {"questions": ["p"], "reasoning": "GOLD", "answer": "GOLD"}
    assert "GOLD" not in repr(Task("1", rich, "GOLD").fitted(Questions))
    for kind in (SubTask, Solved, Attempted):
        assert {*kind.model_fields} <= {
            "problem",
            "question",
            "known",
            "answers",
            "attempt",
            "objection",
        }


def test_the_split_sees_the_attempt_itself() -> None:
    """Released: the attempt, which the paper is about, is only used inside a reward."""
    flow = decompose(conditioned, solve, join, attempt=attempt)
    for words in ("five", "six"):
        system, model = world(said={"Try.": words})
        assert system.run_sync(flow, "the problem").output == "A B C"
        [told] = model.told("Split.")
        assert (told["problem"], told["attempt"]) == ("the problem", words)
        assert "not certain enough" in told["objection"]
    failing = attempt.check(lambda *_: "never.")
    system, model = world()
    system.run_sync(decompose(conditioned, solve, join, attempt=failing), "p")
    assert model.told("Split.") == [{"problem": "p", "attempt": None, "objection": "never."}]


def test_a_split_is_not_conditioned_unless_its_type_says_so() -> None:
    """Conditioning on the attempt did harm when it was measured: it is off."""
    system, model = world()
    system.run_sync(decompose(split, solve, join, attempt=attempt), "p")
    assert model.told("Split.") == ["p"]


def test_sub_questions_are_not_answered_independently() -> None:
    """Released: earlier answers are only in the last prompt."""
    system, model = world()
    system.run_sync(decompose(split, solve, join), "p")
    assert [len(task["known"]) for task in model.told("Answer.")] == [0, 1, 2]


def test_the_gate_is_no_oracle() -> None:
    """Released: what is decomposed is decided by comparing with the reference.

    Here a wrong attempt that is sure stays, a right one that is not is decomposed: the gate looks
    at checks and confidence alone.
    """
    flow = decompose(split, solve, join, attempt=attempt)
    assert world(sure=0.95, said={"Try.": "wrong"})[0].run_sync(flow, "p").output == "wrong"
    system, model = world(sure=0.5, said={"Try.": "right", "Join.": "right"})
    assert system.run_sync(flow, "p").output == "right"
    assert model.told("Split.")


def test_a_split_that_fails_is_not_asked_bare() -> None:
    """Released: where the split fails, the problem is asked once more as if nothing had been."""
    system, model = world(said={"Split.": ()})
    run = system.run_sync(decompose(split, solve, join), "p")
    assert (run.status, model.told("Join."), model.told("Answer.")) == ("abstained", [], [])


def injected(task: Any) -> str:
    """A wrong answer to the second sub-question."""
    return "WRONG" if task["question"] == "b" else task["question"].upper()


def right(task: Part, answer: str) -> bool | str:
    """A verifier that is a function."""
    return answer == task.question.upper() or "look again."


@step
async def verifier(candidate: Candidate[Part, str]) -> Verdict:
    """A verifier that is a judge."""
    reason = right(candidate.task, candidate.answer)
    if reason is True:
        return Verdict(label="correct")
    return Verdict(label="incorrect", reason=str(reason), judge="verifier")


@pytest.mark.parametrize("verified", [solve.check(right), solve.check(verifier)])
def test_a_wrong_sub_answer_is_recovered_from(verified: Node[Part, str]) -> None:
    """Released: nothing verifies a sub-answer, so one that is wrong makes the result wrong.

    A verifier is a check on the solver: it answers again, told the reason, so often and no more.
    """
    said = {"Answer.": injected, "Answer. Again.": "B"}
    assert world(said=said)[0].run_sync(decompose(split, solve, join), "p").output == "A WRONG C"
    system, model = world(said=said)
    run = system.run_sync(decompose(split, verified, join), "p")
    assert (run.status, run.output, run.cost.calls) == ("ok", "A B C", 6)
    assert "look again." in model.requests[3].messages[-1].content
    stubborn = world(said={"Answer.": injected})[0].run_sync(decompose(split, verified, join), "p")
    assert (stubborn.status, stubborn.cost.calls) == ("abstained", 4)


def test_the_split_can_react_to_a_sub_answer() -> None:
    """Released: all sub-questions are there before the first answer is. Interleaved, none is."""
    seen: list[Any] = []

    def after(solved: Any) -> str | None:
        seen.append([known["answer"] for known in solved["answers"]])
        return "b" if seen[-1] == ["A"] else None if seen[-1] else "a"

    system, _ = world(said={"Next.": after})
    system.run_sync(decompose(following, solve, join, max_questions=3), "p")
    assert seen == [[], ["A"], ["A", "B"]]


def test_nothing_is_cut_off_a_prompt() -> None:
    """Released: prompts end after 256 and 2,048 tokens, whatever stands behind."""
    problem = "word " * 5_000 + "the end"
    system, model = world()
    system.run_sync(decompose(split, solve, join, attempt=attempt), problem)
    assert model.told("Split.") == model.told("Try.") == [problem]
    assert {task["problem"] for task in model.told("Answer.")} == {problem}


def test_an_answer_is_not_looked_for_in_a_text() -> None:
    """Released: the answer is the last `[[Answer: …]]` before `###`. Here it is an object."""
    text = "[[Answer: 3]] no, [[Answer: 4]] ### [[Answer: 5]]"
    run = world(said={"Join.": text})[0].run_sync(decompose(split, solve, join), "p")
    assert run.output == text


def test_nobody_is_asked_at_a_temperature() -> None:
    """Released: splits are drawn at 0.2, answers at 0.9: a run cannot be had again."""
    system, model = world()
    system.run_sync(decompose(split, solve, join, attempt=attempt), "p")
    assert {request.temperature for request in model.requests} == {0.0}


def test_the_attempt_counts_as_cost() -> None:
    """Published: token costs leave out the first attempt."""
    calls = [
        world()[0].run_sync(flow, "p").cost.calls
        for flow in (decompose(split, solve, join), decompose(split, solve, join, attempt=attempt))
    ]
    assert calls == [5, 6]


def fuzzed(random: Random) -> str:
    """What a model might say instead of a split."""
    odd = ["How many?", "", "#1", "x" * 300, "\ud800", "é\n\t", "½", "null", '"', "{}"]
    words = [
        random.choice(odd) + random.choice(["", "<0", "<1", f"<{random.randrange(-2, 9)}"][:reach])
        for reach in (random.randrange(1, 5) for _ in range(random.randrange(12)))
    ]
    others: list[Any] = [None, 7, {}, [], "text", True, words, [words], {"questions": None}]
    value = random.choice([*([{"questions": words}] * 20), *others])
    text = json.dumps(value, ensure_ascii=random.random() < 0.5)
    return text if random.random() < 0.85 else text[: random.randrange(len(text) + 1)]


def needed(question: str) -> list[int]:
    """Any number behind a `<`."""
    return [int(found) for found in re.findall(r"<(-?\d+)", question)]


@pytest.mark.parametrize(
    "flow",
    [
        decompose(split, solve, join, depends_on=needed),
        decompose(split, solve, join, depends_on=needed, attempt=attempt, max_questions=5),
    ],
)
def test_a_thousand_fuzzed_splits(flow: Node[str, str]) -> None:
    """Each is a valid list of sub-questions that are answered, or a typed failure."""
    model_said = {str(n): fuzzed(Random(f"split {n}")) for n in range(500)}
    system, _ = world(said={"Split.": lambda problem: model_said[str(problem)]})
    ends: Counter[str] = Counter()
    for problem in model_said:
        run = system.run_sync(flow, problem)
        ends[run.status] += 1
        if run.has_output:
            assert isinstance(run.output, str)
        else:
            assert isinstance(run.cause, Abstain | InvalidOutput)
            assert run.error
    assert ends["ok"] > 20
    assert ends["failed"] + ends["abstained"] + ends["low_confidence"] > 50
    assert ends.keys() <= {"ok", "failed", "abstained", "low_confidence"}
