"""The types and nodes that many tests use."""

from typing import Any

from pydantic import BaseModel

from agentsys import Agent, Run, System, step, tool
from agentsys.models.scripted import Script, Scripted


class Question(BaseModel):
    text: str


class Answer(BaseModel):
    value: int


@tool
def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


@tool
def divide(a: int, b: int) -> float:
    """Divide one number by another."""
    return a / b


@step
async def double(answer: Answer) -> Answer:
    return Answer(value=answer.value * 2)


@step
async def words(question: Question) -> list[Question]:
    return [Question(text=word) for word in question.text.split()]


@step
async def total(answers: list[Answer]) -> Answer:
    return Answer(value=sum(answer.value for answer in answers))


def over_five(question: Question, answer: Answer) -> bool | str:
    return answer.value > 5 or "it is not over five."


solve = Agent(Question, Answer, "Give the number.", name="solve")
ASK = Question(text="How many?")


def system(slm: Script = "", llm: Script = "", **slm_options: Any) -> System:
    """A system of two scripted models."""
    return System(
        {"slm": Scripted(slm, name="small", **slm_options), "llm": Scripted(llm, name="large")}
    )


def asked(system: System, tier: str = "slm") -> list[list[tuple[str, str]]]:
    """Every conversation a tier's model was sent, as `(role, content)` pairs."""
    model = system.models[tier]
    assert isinstance(model, Scripted)
    return [[(m.role, m.content) for m in request.messages] for request in model.requests]


def decisions(run: Run[Any]) -> list[tuple[str, str, str]]:
    """What was decided on each reply: `(tier, decision, reason)`."""
    return [(call.tier, call.decision, call.reason) for call in run.attempts]


def length_of_question(request: Any) -> dict[str, int]:
    """An answer that depends on the input: the number of its characters."""
    return {"value": len(request.messages[1].content)}
