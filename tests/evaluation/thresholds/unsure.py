"""Models whose answers, confidences and mistakes are written in the task, and such tasks.

A task is `sure SLM_CONFIDENCE SLM_RIGHT LLM_RIGHT`, and its answer is 1.
"""

import json
import math
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

from agentsys import Agent, System, open_store
from agentsys.messages import Token, Usage
from agentsys.models.base import Reply, Request
from agentsys.money import Price, Worst
from tests.shapes import Answer, Question

SMALL, MIDDLE, LARGE = Decimal(1), Decimal(10), Decimal(100)
"""Dollars per million tokens out: a reply of one token costs a micro-dollar, ten, or a hundred."""

SOLVE = Agent(
    Question, Answer, "Give the number.", escalate="llm", min_confidence=0.5, name="solve"
)


class Unsure:
    """A model that is as sure, and as often right, as its tasks say.

    Where it boasts, every second task is answered by a deployment that is surer than it should be.
    """

    def __init__(
        self,
        name: str,
        price: Decimal,
        *,
        large: bool,
        tells: bool = True,
        boasts: bool = False,
        told: float | None = None,
    ) -> None:
        self.name, self.large, self.tells, self.boasts = name, large, tells, boasts
        self.told = told
        self.price = Price(usd_per_mtok_out=price)
        self.family = ""
        self.asked: list[str] = []

    async def ask(self, request: Request) -> Reply:
        """One token, as sure as the task says."""
        task = request.messages[1].content
        self.asked.append(task)
        sure, small, large = task.removeprefix("sure ").split()
        text = json.dumps({"value": int(large if self.large else small)}, separators=(",", ":"))
        told = self.told or float(sure)
        boasts = self.boasts and int(sure[-1]) % 2 == 1
        told = told**0.2 if boasts else told
        usage = Usage(0, 1)
        return Reply(
            text=text,
            usage=usage,
            deployment="boastful" if boasts else self.name,
            guided="none",
            tokens=(Token(text, math.log(told)),) if self.tells else (),
            seconds=0.0,
            nano_usd=self.price.of(usage),
        )

    def worst(self, request: Request) -> Worst:
        """A token."""
        return Worst(0, 0.0, self.price)

    async def close(self) -> None:
        """Nothing to give back."""


def system(tmp_path: Path, *, tells: bool = True, boasts: bool = False) -> System:
    """A small model, a large one and one between, and a store."""
    return System(
        {
            "slm": Unsure("small", SMALL, large=False, tells=tells, boasts=boasts),
            "mid": Unsure("middle", MIDDLE, large=True),
            "llm": Unsure("large", LARGE, large=True, told=0.99),
        },
        store=open_store(f"sqlite:///{tmp_path / 'store.db'}"),
    )


def tasks(number: int, *, seed: int = 0, apart: float = 1.0, large: float = 1.0) -> list[str]:
    """Tasks of which the small model gets those right of which it is sure enough.

    Args:
        number: How many.
        seed: Of the tasks.
        apart: The share of which that is so; of the others, a half is right.
        large: The share that the large model gets right.
    """
    random = Random(seed)
    found: list[str] = []
    for at in range(number):
        sure = 0.2 + 0.79 * at / number
        right = sure > 0.6 if random.random() < apart else random.random() < 0.5
        found.append(f"sure {sure:.6f} {int(right)} {int(random.random() < large)}")
    return found


def file(tmp_path: Path, texts: Sequence[str], name: str = "tasks.jsonl") -> str:
    """A file of tasks."""
    path = tmp_path / name
    lines: list[dict[str, Any]] = [
        {"id": f"t{at}", "input": {"text": text}, "reference": 1} for at, text in enumerate(texts)
    ]
    path.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    return str(path)
