"""A small world for decompositions: a scripted model that splits, answers, joins and tries."""

import asyncio
import json
from collections.abc import Mapping
from typing import Any, cast

from pydantic import BaseModel

from agentsys import Agent, Attempted, Solved, SubTask, System, step
from agentsys.models.base import Reply, Request
from agentsys.models.scripted import Answer, Scripted

Script = Mapping[str, Any]
"""What is said to each instruction: a reply, or a function of what is asked.

After an objection, what is said to the instruction with `Again.` behind it, if anything.
"""


class Questions(BaseModel, frozen=True):
    """What a split gives."""

    questions: tuple[str, ...]


class Next(BaseModel, frozen=True):
    """What a split gives that asks one thing after the other."""

    question: str | None


Part = SubTask[str, str, str]
Parts = Solved[str, str, str]
Tried = Attempted[str, str]


@step
async def listed(split: Questions) -> tuple[str, ...]:
    return split.questions


@step
async def nexted(found: Next) -> str | None:
    return found.question


split = Agent(str, Questions, "Split.", name="split") >> listed
conditioned = Agent(Tried, Questions, "Split.", name="split") >> listed
following = Agent(Parts, Next, "Next.", name="following") >> nexted
solve = Agent(Part, str, "Answer.", name="solve")
join = Agent(Parts, str, "Join.", name="join")
attempt = Agent(str, str, "Try.", name="attempt", tier="sure", min_confidence=0.9)


class World(Scripted):
    """Says what the script has for the instructions."""

    def __init__(self, script: Script, **more: Any) -> None:
        super().__init__(self._said, **more)
        self.script = script

    def _said(self, request: Request) -> Answer:
        instructions, last = request.messages[0].content, request.messages[-1].content
        key = f"{instructions} Again." if last.startswith("That fails") else instructions
        said: Any = self.script.get(key, self.script[instructions])
        if callable(said):
            said = said(asked(request))
        if instructions == "Next.":
            return {"question": said}
        if isinstance(said, tuple):
            return {"questions": list(cast("tuple[str, ...]", said))}
        return said

    @property
    def prompts(self) -> list[str]:
        """Everything that it was asked."""
        return [message.content for request in self.requests for message in request.messages]

    def told(self, instructions: str) -> list[Any]:
        """What it was given with these instructions, in order."""
        return [asked(r) for r in self.requests if r.messages[0].content == instructions]


def asked(request: Request) -> Any:
    """The input of a request, as JSON data where it is."""
    text = request.messages[1].content
    try:
        return json.loads(text)
    except ValueError:
        return text


def upper(task: Any) -> str:
    """Answers a sub-question with itself in capitals."""
    return task["question"].upper()


def joined(solved: Any) -> str:
    """All answers, in order."""
    return " ".join(known["answer"] for known in solved["answers"])


SAID: Script = {
    "Split.": ("a", "b", "c"),
    "Answer.": upper,
    "Join.": joined,
    "Try.": "tried",
}


def world(sure: float = 0.5, said: Script | None = None, **more: Any) -> tuple[System, World]:
    """A system with that model; `sure` is how sure it is of an attempt."""
    script = {**SAID, **(said or {})}
    model = World(script)
    models = {"slm": model, "sure": World(script, confidence=sure)}
    models["sure"].requests = model.requests
    return System(models, **more), model


class Waiting(World):
    """Answers a sub-question only when all that may be asked beside it have been."""

    def __init__(self, script: Script, together: Mapping[str, frozenset[str]]) -> None:
        super().__init__(script)
        self._together = together
        self._open: set[str] = set()
        self._changed = asyncio.Condition()
        self.order: list[str] = []

    async def ask(self, request: Request) -> Reply:
        """The reply, when the others are there."""
        if request.messages[0].content == "Answer.":
            question = asked(request)["question"]
            self.order.append(question)
            async with self._changed:
                self._open.add(question)
                self._changed.notify_all()
                beside = self._together.get(question, frozenset())
                await self._changed.wait_for(lambda: beside <= self._open)
        return await super().ask(request)
