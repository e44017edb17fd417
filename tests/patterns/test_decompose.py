"""A problem is split, its sub-questions are answered, and the answers are joined."""

import asyncio
from typing import Any

import pytest

from agentsys import Agent, Reply, Request, System, decompose, step
from agentsys.errors import Abstain, DefinitionError
from agentsys.events import Call, Event
from tests.patterns.questions import (
    SAID,
    Part,
    Waiting,
    World,
    asked,
    attempt,
    conditioned,
    following,
    join,
    solve,
    split,
    world,
)


def needs(question: str) -> list[int]:
    """`c<01` needs the first two."""
    return [int(sign) for sign in question.partition("<")[2]]


def test_answers_in_turn_see_all_so_far() -> None:
    """Without dependencies a sub-question is told every earlier question and answer."""
    system, model = world()
    run = system.run_sync(decompose(split, solve, join), "the problem")
    assert (run.output, run.path) == ("A B C", ("split@slm", "solve@slm", "join@slm"))
    told = model.told("Answer.")
    assert [task["problem"] for task in told] == ["the problem"] * 3
    assert [task["question"] for task in told] == ["a", "b", "c"]
    assert [[k["answer"] for k in task["known"]] for task in told] == [[], ["A"], ["A", "B"]]


def test_a_sub_question_is_told_what_it_needs() -> None:
    """With dependencies it is told those answers alone, with their numbers."""
    system, model = world(said={"Split.": ("a", "b", "c<1")})
    run = system.run_sync(decompose(split, solve, join, depends_on=needs), "p")
    assert run.output == "A B C<1"
    last = model.told("Answer.")[-1]
    assert last["known"] == [{"number": 1, "question": "b", "answer": "B"}]


async def test_what_can_runs_side_by_side() -> None:
    """Wall time is the critical path: whatever needs nothing open is under way at once."""
    questions = ("a", "b<0", "c<0", "d<12", "e")
    beside = {"a": {"e"}, "e": {"a"}, "b<0": {"c<0"}, "c<0": {"b<0"}}
    together = {question: frozenset(others) for question, others in beside.items()}
    model = Waiting({**SAID, "Split.": questions}, together)
    flow = decompose(split, solve, join, depends_on=needs)
    async with asyncio.timeout(30):  # in turn, the first would wait for ever
        run = await System({"slm": model}).run(flow, "p")
    assert run.output == "A B<0 C<0 D<12 E"
    assert model.order.index("d<12") > max(model.order.index(q) for q in ("b<0", "c<0"))


def test_a_later_sub_question_may_come_first() -> None:
    """What is needed is answered first, wherever it stands; the answers keep their numbers."""
    system, model = world(said={"Split.": ("a<2", "b", "c<1")})
    run = system.run_sync(decompose(split, solve, join, depends_on=needs), "p")
    assert run.output == "A<2 B C<1"
    assert [task["question"] for task in model.told("Answer.")] == ["b", "c<1", "a<2"]


@pytest.mark.parametrize(
    ("questions", "reason"),
    [
        ((), "the split has no sub-questions."),
        (("a", "b", "c", "d"), "the split has 4 sub-questions, and 3 are allowed."),
        (("a<0",), "sub-questions need each other's answers, in a circle: 0."),
        (("a<1", "b<0", "c"), "sub-questions need each other's answers, in a circle: 0, 1."),
        (("a", "b<7"), "sub-question 1 needs number 7, which is not there."),
    ],
)
def test_a_split_that_cannot_be_answered_fails(questions: Any, reason: str) -> None:
    """With a typed reason and before any sub-question is asked; an attempt is kept."""
    system, model = world(said={"Split.": questions})
    run = system.run_sync(decompose(split, solve, join, depends_on=needs, max_questions=3), "p")
    assert (run.status, run.error, type(run.cause)) == ("abstained", reason, Abstain)
    gated = decompose(split, solve, join, attempt=attempt, depends_on=needs, max_questions=3)
    run = system.run_sync(gated, "p")
    assert (run.status, run.output) == ("low_confidence", "tried")
    assert not model.told("Answer.")


def test_the_next_sub_question_sees_the_answers_so_far() -> None:
    """Interleaved: a sub-question may be made of the answer before it; none ends them."""

    def after(solved: Any) -> str | None:
        answers = [known["answer"] for known in solved["answers"]]
        return None if len(answers) == 3 else f"{answers[-1]}x" if answers else "a"

    system, model = world(said={"Next.": after, "Answer.": lambda task: f"{task['question']}!"})
    run = system.run_sync(decompose(following, solve, join, max_questions=3), "p")
    assert run.output == "a! a!x! a!x!x!"
    assert [len(task["known"]) for task in model.told("Answer.")] == [0, 1, 2]


def test_interleaved_sub_questions_are_bounded() -> None:
    """A split that goes on and on fails; one without a sub-question does, too."""
    flow = decompose(following, solve, join, max_questions=2)
    system, model = world(said={"Next.": "again"})
    run = system.run_sync(flow, "p")
    assert run.error == "the split asks for more than 2 sub-questions."
    assert len(model.told("Answer.")) == 2
    run = world(said={"Next.": None})[0].run_sync(flow, "p")
    assert (run.status, run.error) == ("abstained", "the split has no sub-questions.")


def test_an_implied_answer_ends_it_early() -> None:
    """Calls are saved: the others, and the join, are not asked."""

    def implied(solved: Any) -> str | None:
        answers = [known.answer for known in solved.answers]
        return "B it is" if "B" in answers else None

    plain, _ = world()
    system, model = world()
    whole = plain.run_sync(decompose(split, solve, join), "p")
    run = system.run_sync(decompose(split, solve, join, implied=implied), "p")
    assert (run.output, run.cost.calls, whole.cost.calls) == ("B it is", 3, 5)
    assert not model.told("Join.")
    one_by_one = decompose(following, solve, join, max_questions=5, implied=implied)
    run = world(said={"Next.": "b"})[0].run_sync(one_by_one, "p")
    assert (run.output, run.cost.calls) == ("B it is", 2)


class Held(World):
    """Answers some sub-questions only when it may."""

    def __init__(self, questions: tuple[str, ...], **until: asyncio.Event) -> None:
        super().__init__({**SAID, "Split.": questions})
        self._until = until

    async def ask(self, request: Request) -> Reply:
        """The reply, when it may be given."""
        if request.messages[0].content == "Answer.":
            question = asked(request)["question"]
            if question in self._until:
                await self._until[question].wait()
        return await super().ask(request)


async def test_nothing_is_begun_after_the_result_is_known() -> None:
    """What is under way then is finished, and nothing follows it."""
    known = asyncio.Event()

    def result(_: Any) -> str:
        known.set()
        return "enough"

    model = Held(("a", "b", "c<1"), b=known)
    flow = decompose(split, solve, join, depends_on=needs, implied=result)
    run = await System({"slm": model}).run(flow, "p")
    assert run.output == "enough"
    assert [task["question"] for task in model.told("Answer.")] == ["a", "b"]


async def test_nothing_is_begun_after_the_result_is_lost() -> None:
    """Also where an answer that comes before it is still under way."""
    lost, late = asyncio.Event(), asyncio.Event()

    def watch(event: Event) -> None:
        if isinstance(event, Call) and event.decision == "give-up":
            lost.set()
        if isinstance(event, Call) and event.text == "C":
            asyncio.get_running_loop().call_later(0.05, late.set)

    model = Held(("a", "b", "c", "d<2"), a=late, c=lost)
    checked = solve.check(lambda task, _: task.question != "b" or "no b.")
    flow = decompose(split, checked, join, depends_on=needs)
    run = await System({"slm": model}).run(flow, "p", on_event=watch)
    assert (run.status, run.error) == ("abstained", "no b.")
    assert [task["question"] for task in model.told("Answer.")] == ["b", "b", "c", "a"]


def test_what_is_implied_does_not_depend_on_the_order_of_answers() -> None:
    """Answers count in one order only, however early a later one is there."""
    seen: list[int] = []

    def implied(solved: Any) -> None:
        seen.append(len(solved.answers))

    system, _ = world()
    system.run_sync(decompose(split, solve, join, depends_on=lambda _: (), implied=implied), "p")
    assert seen == [1, 2, 3]


def test_a_sub_question_without_an_answer_ends_it() -> None:
    """Its reason is the run's; what comes after it is not asked."""
    flow = decompose(split, solve.check(lambda task, out: out != "B" or "no B."), join)
    system, model = world()
    run = system.run_sync(flow, "p")
    assert (run.status, run.error) == ("abstained", "no B.")
    assert [task["question"] for task in model.told("Answer.")] == ["a", "b", "b"]


def test_a_decomposition_is_a_solver() -> None:
    """A sub-question may be split in its turn: each level knows its own problem."""

    @step
    async def problem(part: Part) -> str:
        return part.question

    system, model = world(said={"Split.": lambda p: ("a", "b") if p == "p" else (f"{p}1", f"{p}2")})
    run = system.run_sync(decompose(split, problem >> decompose(split, solve, join), join), "p")
    assert run.output == "A1 A2 B1 B2"
    assert [task["problem"] for task in model.told("Answer.")] == ["a", "a", "b", "b"]


def test_doubt_of_a_sub_answer_is_doubt_of_the_result() -> None:
    """A decomposition is no surer than its parts."""
    unsure = Agent(Part, str, "Answer.", name="solve", tier="sure", min_confidence=0.9)
    run = world(sure=0.5)[0].run_sync(decompose(split, unsure, join), "p")
    assert (run.status, run.output, run.confidence) == ("low_confidence", "A B C", 0.5)


def test_other_types_of_output_are_validated() -> None:
    """What is implied must be of the output type, too."""
    wrong: Any = lambda _: 3  # noqa: E731
    run = world()[0].run_sync(decompose(split, solve, join, implied=wrong), "p")
    assert (run.status, run.error) == ("failed", "Input should be a valid string.")


wire: Any = decompose
"""Without its types, which refuse most of these already."""


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda: wire(split, solve, join, max_questions=0), "needs a bound"),
        (lambda: wire(following, solve, join), "needs a bound"),
        (
            lambda: wire(following, solve, join, max_questions=2, depends_on=needs),
            "one sub-question after another",
        ),
        (lambda: wire(conditioned, solve, join), "takes an attempt, and there is none"),
        (lambda: wire(attempt, solve, join), "gives one text, not sub-questions"),
        (lambda: wire(split, solve, join, remember=0), "cannot hold for 0 seconds"),
    ],
)
def test_parts_that_do_not_fit_are_refused(wrong: Any, message: str) -> None:
    """At definition, with what to do instead."""
    with pytest.raises(DefinitionError, match=message):
        wrong()
