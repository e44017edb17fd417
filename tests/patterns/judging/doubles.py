"""What the tests of judging share: a task, an answer, and models that decide with probabilities."""

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from pydantic import BaseModel

from agentsys import Candidate, Judge, System, step
from agentsys.messages import Alternative, Token
from agentsys.models.base import Reply, Request
from agentsys.models.scripted import Scripted
from agentsys.verdict import Label, Verdict


class Question(BaseModel, frozen=True):
    text: str


class Answer(BaseModel, frozen=True):
    steps: str
    value: int


SUMS = "Word problems; a correct answer has the right value."
ASK = Question(text="4 boxes of 12 pens, 7 given away: how many are left?")
RIGHT = Answer(steps="4*12=48, 48-7=41", value=41)
WRONG = Answer(steps="4*12=48, 48+7=55", value=55)


def candidate(answer: Answer = RIGHT) -> Candidate[Question, Answer]:
    return Candidate[Question, Answer](task=ASK, answer=answer)


def shown(request: Request) -> dict[str, Any]:
    """The data of a judge's prompt."""
    return json.loads(request.messages[1].content.split("\n")[1])


class Deciding(Scripted):
    """Decides with probabilities: a function from the request to those of all choices."""

    def __init__(self, shares: Callable[[Request], Mapping[str, float]], **more: Any) -> None:
        super().__init__(lambda r: json.dumps(max(s := shares(r), key=lambda c: s[c])), **more)
        self._shares = shares

    async def ask(self, request: Request) -> Reply:
        """The likeliest choice, with what else could have stood in its place."""
        reply = await super().ask(request)
        told = self._shares(request)
        others = tuple(Alternative(text, math.log(p)) for text, p in told.items())
        chosen = json.loads(reply.text)
        tokens = (
            Token('"', 0.0),
            Token(chosen, math.log(told[chosen]), alternatives=others),
            Token('"', 0.0),
        )
        return replace(reply, tokens=tokens)


def sure(correct: float, unknown: float = 1e-9) -> Callable[[Request], Mapping[str, float]]:
    """Always the same probabilities."""
    left = 1 - unknown
    shares = {"correct": correct * left, "incorrect": (1 - correct) * left, "unknown": unknown}
    return lambda _request: shares


def by_value(request: Request) -> str:
    """The label by the value of the answer that is shown."""
    return '"correct"' if shown(request)["answer"]["value"] == 41 else '"incorrect"'


def says(name: str, label: Label, **more: Any) -> Any:
    """A judge that always says the same, and asks nobody."""

    @step
    async def judge(candidate: Candidate[Question, Answer]) -> Verdict:
        return Verdict(label=label, **more)

    judge.name = name
    return judge


def quick(name: str, tier: str = "slm", **more: Any) -> Judge[Question, Answer]:
    """A quick judge."""
    return Judge(Question, Answer, SUMS, tier=tier, name=name, **more)


def reasoned(name: str, tier: str = "slm", **more: Any) -> Judge[Question, Answer]:
    """One that thinks first."""
    return Judge(Question, Answer, SUMS, mode="reasoned", tier=tier, name=name, **more)


def ruling(verdict: Label = "incorrect", **more: Any) -> dict[str, Any]:
    """What a model says that thinks first."""
    return {
        "reasoning": "48 and 7 are 55, but 7 are given away.",
        "evidence": ["48+7=55"],
        "failing_step": 2,
        "verdict": verdict,
        "confidence": 0.9,
    } | more


def thinks(request: Request) -> bool:
    """Whether a request wants a ruling."""
    return "failing_step" in json.dumps(request.schema)


def revises(request: Request) -> bool:
    """Whether a request wants a second thought."""
    return "quote" in json.dumps(request.schema)


def asked(system: System, tier: str = "slm") -> list[Request]:
    """All that a tier was asked."""
    model = system.models[tier]
    assert isinstance(model, Scripted)
    return model.requests
