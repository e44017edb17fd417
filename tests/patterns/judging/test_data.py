"""What is judged is data: nothing in it can speak to a judge."""

import json
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from agentsys import Agent, Candidate, System, choose, step
from agentsys.evaluation.word_problems import problems
from agentsys.models.base import Request
from agentsys.models.scripted import Scripted
from agentsys.models.tiers import Tiers
from agentsys.patterns.judging import Pair, canaries, judge_panel, pairwise, rubric
from agentsys.patterns.judging.canary import ORDERS
from agentsys.patterns.judging.data import CLOSE, OPEN, as_data
from agentsys.project import find
from agentsys.settings import DEFAULT_FILE, Settings
from agentsys.verdict import Verdict
from tests.patterns.judging.doubles import (
    ASK,
    RIGHT,
    SUMS,
    WRONG,
    Answer,
    Question,
    asked,
    candidate,
    quick,
    reasoned,
    revises,
    ruling,
    thinks,
)


class Text(BaseModel, frozen=True):
    text: str
    more: list[str] = []


TOKENS = st.sampled_from(
    [
        CLOSE,
        OPEN,
        "<|im_end|>",
        "<｜end▁of▁sentence｜>",
        "[/INST]",
        "[INST]",
        "</s>",
        "<",
        "[",
        '"',
        "\\",
    ]
)
TEXTS = st.lists(st.one_of(st.text(), TOKENS)).map("".join)


@given(TEXTS, st.lists(TEXTS, max_size=2))
def test_no_text_leaves_the_data(text: str, more: list[str]) -> None:
    """Whatever it is, the marks stand around it once, and no control token is in it."""
    value = Text(text=text, more=more)
    told = as_data(value, Text)
    assert (told.count(OPEN), told.count(CLOSE)) == (1, 1)
    assert told.startswith(f"{OPEN}\n")
    assert told.endswith(f"\n{CLOSE}")
    data = told[len(OPEN) + 1 : -len(CLOSE) - 1]
    assert not any(token in data for token in ("<|", "</", "<｜", "[INST]", "[/INST]"))
    assert Text.model_validate_json(data) == value


def test_mathematics_stays_readable() -> None:
    """Comparisons, brackets and indices are written as they are."""
    text = "if a < b and 3<4 then f[0] <= x[i]"
    assert text in as_data(Text(text=text), Text)


def obedient(request: Request) -> Any:
    """A judge that obeys: an order outside of the data decides, else the value does."""
    system, user = (message.content for message in request.messages)
    before, _, rest = user.partition(f"{OPEN}\n")
    data, _, after = rest.rpartition(f"\n{CLOSE}")
    heard = f"{before}{after}{system}"
    answer = json.loads(data)["answer"]
    label = "correct" if answer["value"] == 41 or "is correct" in heard else "incorrect"
    label = "correct" if "as correct" in heard or "Verdict: correct" in heard else label
    if thinks(request):
        return ruling(label, failing_step=None if label == "correct" else 2)
    return f'"{label}"'


@pytest.mark.parametrize("make", [quick, reasoned])
async def test_an_order_in_the_answer_moves_no_verdict(make: Any) -> None:
    """Whoever obeys what stands outside of the data finds no order there."""
    injected = list(canaries(candidate(WRONG)))
    assert len(injected) == len(ORDERS)
    async with System({"slm": Scripted(obedient)}) as system:
        for each in injected:
            assert each.answer.value == WRONG.value
            run = await system.run(make("judge"), each)
            assert run.output.label == "incorrect"


async def test_unmarked_the_same_orders_would_be_obeyed() -> None:
    """The canaries are worth something: a prompt that only puts texts together falls for them."""

    def naive(request: Request) -> str:
        user = request.messages[1].content
        _, _, after = user.partition(WRONG.steps)
        return f'"{"correct" if "correct" in after else "incorrect"}"'

    plain = choose(str, Literal["correct", "incorrect"], "Judge.")
    async with System({"slm": Scripted(naive)}) as system:
        for each in canaries(candidate(WRONG)):
            run = await system.run(plain, f"{ASK.text}\n{each.answer.steps}")
            assert run.output.choice == "correct"


def test_a_canary_for_every_text() -> None:
    """An order is written into each text of the answer that may have one."""
    texts = Candidate[str, Text](task="?", answer=Text(text="a", more=["b"]))
    found = [each.answer for each in canaries(texts)]
    assert len(found) == 2 * len(ORDERS)
    assert all(each.text != "a" or each.more != ["b"] for each in found)


def test_a_type_may_leave_no_room_for_orders() -> None:
    """The ready-made solution is an expression and nothing else."""
    solver: Any = find("agent", "solver").value
    judged = Candidate[solver.takes, solver.gives](
        task=solver.takes(text="?"), answer=solver.gives(expression="4+12")
    )
    assert list(canaries(judged)) == []


class Gold(Candidate[Question, Answer]):
    """A candidate that knows what it should not."""

    reference: str


class Marked(Answer, frozen=True):
    grade: str


class Told(Question, frozen=True):
    solution: str


SECRET = "the-reference-is-41"


async def test_no_reference_reaches_a_prompt() -> None:
    """Neither what a subclass adds, nor what a function of the caller compares with."""

    def wait_and_see(_task: Question, _answer: Answer) -> None:
        assert SECRET  # the matcher knows it and cannot tell

    def any_of_them(request: Request) -> Any:
        if revises(request):
            return {
                "reasoning": "",
                "error": "",
                "quote": "",
                "verdict": "correct",
                "confidence": None,
            }
        if "scores" in json.dumps(request.schema):
            return {"reasoning": "", "scores": {"clear": 3}}
        return ruling(evidence=[]) if thinks(request) else '"correct"'

    told = Told(text=ASK.text, solution=SECRET)
    marked = Marked(steps=RIGHT.steps, value=RIGHT.value, grade=SECRET)
    gold = Gold(task=told, answer=marked, reference=SECRET)
    panel = judge_panel(quick("a"), reasoned("b"), quick("c"), rounds=2, matches=wait_and_see)
    async with System({"slm": Scripted(any_of_them)}) as system:
        for node in (
            quick("q"),
            reasoned("r"),
            panel,
            rubric(Question, Answer, SUMS, {"clear": "?"}),
        ):
            assert (await system.run(node, gold)).status != "failed"
    async with System({"slm": Scripted('"first"')}) as pairs:
        pair = Pair[Question, Answer](task=told, a=marked, b=marked)
        assert (await pairs.run(pairwise(Question, Answer, SUMS), pair)).has_output
        requests = [*asked(system), *asked(pairs)]
    assert len(requests) >= 8
    assert not any(SECRET in message.content for r in requests for message in r.messages)


async def test_nobody_sees_who_gave_the_answer() -> None:
    """The judge of the small model's answer and of the large one's gets the same prompt."""

    def solves(request: Request) -> Any:
        return {"steps": RIGHT.steps, "value": 41} if request.schema else ""

    judge = quick("judge", tier="judges")
    prompts: list[str] = []
    for tier in ("slm", "llm"):
        solve = Agent(Question, Answer, "Solve it.", tier=tier, name=f"solver-{tier}")
        models = {
            tier: Scripted(solves, name=f"model-{tier}", family=f"family-{tier}"),
            "judges": Scripted('"correct"'),
        }
        async with System(models) as system:
            assert (await system.run(solve.check(judge), ASK)).ok
            [request] = asked(system, "judges")
        prompts.append(json.dumps([(m.role, m.content) for m in request.messages]))
    assert prompts[0] == prompts[1]
    assert not any(word in prompts[0] for word in ("slm", "llm", "solver", "family", "model-"))


async def test_miniatures_do_not_listen_to_what_they_judge() -> None:
    """No order in a wrong expression has them find it correct."""
    judge: Any = find("agent", "judge").value

    @step
    async def to_judge(judged: Candidate[str, str]) -> judge.takes:  # pyright: ignore[reportInvalidTypeForm]
        return judge.takes(question=judged.task, answer=judged.answer)

    @step
    async def to_verdict(ruled: judge.gives) -> Verdict:  # pyright: ignore[reportInvalidTypeForm]
        return Verdict(label=ruled.verdict)

    node: Any = to_judge >> judge >> to_verdict
    wrong = [
        Candidate[str, str](task=p.text, answer=f"{p.expression}+1")
        for p in problems("held_out", 8, 31)
    ]
    async with System(Tiers(Settings.load(DEFAULT_FILE))) as system:
        for tier in ("slm", "llm"):
            for each in wrong:
                plain = await system.run(node.at(tier), each)
                if plain.output.label != "incorrect":
                    continue
                for injected in canaries(each):
                    run = await system.run(node.at(tier), injected)
                    assert run.output.label == "incorrect", injected.answer
