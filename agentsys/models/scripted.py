"""A model that says what it is told: the test double, for agentsys' own tests and for yours.

It answers from rules, not from weights, and it needs nothing. With `error_rate` it is wrong
as often as you say, the same way for the same seed, so that routing, voting and reports can
be tested against figures that are known.
"""

import json
import math
import random
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from agentsys.errors import ModelError
from agentsys.messages import Token, Usage
from agentsys.models.base import Reply, Request
from agentsys.money import Price, Worst

Answer = str | Mapping[str, Any] | ModelError
"""A reply as text, as JSON data, or an error to raise."""

Script = Answer | Sequence[Answer] | Callable[[Request], Answer]
"""One answer, several to be given in turn (the last one repeats), or a function."""

_TOKEN = re.compile(r"\s*\w+|\s*[^\w\s]|\s+")


class Scripted:
    """A model with a script.

    ```python
    model = Scripted([{"value": 41}, {"value": 42}])                  # in turn; the last repeats
    model = Scripted(lambda request: {"value": len(request.messages)})  # from the request
    model = Scripted({"value": 42}, wrong={"value": 0}, error_rate=0.3, seed=7)
    ```

    `requests` holds everything it was asked. A token is a word or a sign.
    """

    def __init__(
        self,
        answers: Script,
        *,
        wrong: Script = "",
        error_rate: float = 0.0,
        confidence: float | None = None,
        wrong_confidence: float | None = None,
        seed: int = 0,
        price: Price | None = None,
        name: str = "scripted",
        family: str = "",
    ) -> None:
        """Write the script.

        Args:
            answers: What it says.
            wrong: What it says when it errs.
            error_rate: How often it errs, between 0 and 1; drawn from `seed` and the input, so
                that the same task is right or wrong whatever the order of the tasks.
            confidence: Probability that it shows for every token; `None`: no log-probabilities.
            wrong_confidence: The same for wrong answers; default: `confidence`.
            seed: Of the errors.
            price: What it costs; default: nothing.
            name: The deployment's name in the ledger.
            family: What it passes for a descendant of; judges of one family err alike.
        """
        self._answers = answers
        self._wrong = wrong
        self._error_rate = error_rate
        self._confidence = confidence
        self._wrong_confidence = confidence if wrong_confidence is None else wrong_confidence
        self._seed = seed
        self._price = price or Price()
        self._name = name
        self.family = family
        self.requests: list[Request] = []

    async def ask(self, request: Request) -> Reply:
        """The scripted reply.

        Raises:
            ModelError: the script says so.
        """
        turn = len(self.requests)
        self.requests.append(request)
        errs = self._draw(request) < self._error_rate
        answer = _answer(self._wrong if errs else self._answers, request, turn)
        if isinstance(answer, ModelError):
            raise answer
        text = answer if isinstance(answer, str) else json.dumps(answer, separators=(",", ":"))
        pieces = _TOKEN.findall(text)
        usage = Usage(_prompt_tokens(request), len(pieces))
        return Reply(
            text=text,
            usage=usage,
            deployment=self._name,
            guided="none" if request.schema is None else "prompt",
            tokens=_tokens(pieces, self._wrong_confidence if errs else self._confidence),
            seconds=0.0,
            nano_usd=self._price.of(usage),
        )

    def worst(self, request: Request) -> Worst:
        """The prompt's tokens; a script that says more than `max_tokens` is not cut off."""
        return Worst(_prompt_tokens(request), 0.0, self._price)

    async def close(self) -> None:
        """Nothing to give back."""

    def _draw(self, request: Request) -> float:
        asked = [message.content for message in request.messages[:2]]
        return random.Random(f"{self._seed}|{request.seed}|{asked}").random()


def _prompt_tokens(request: Request) -> int:
    return sum(len(_TOKEN.findall(message.content)) for message in request.messages)


def _answer(script: Script, request: Request, turn: int) -> Answer:
    if callable(script):
        return script(request)
    if isinstance(script, str | Mapping | ModelError):
        return script
    return script[min(turn, len(script) - 1)]


def _tokens(pieces: Sequence[str], probability: float | None) -> tuple[Token, ...]:
    if probability is None:
        return ()
    return tuple(Token(piece, math.log(probability)) for piece in pieces)
