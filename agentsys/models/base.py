"""The port that every model back end implements."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from agentsys.messages import Message, Token, Usage
from agentsys.money import Worst

JsonSchema = Mapping[str, Any]

Guided = Literal["outlines", "grammar", "strict", "prompt", "none"]
"""How a reply was held to its schema.

`outlines`: a mask compiled by Outlines; `grammar`: the engine's own JSON Schema
grammar; `strict`: a provider's strict JSON Schema mode; `prompt`: the schema
was only described in the prompt; `none`: free text was asked for.
"""


@dataclass(frozen=True, slots=True)
class Request:
    """One question to a model."""

    messages: tuple[Message, ...]
    schema: JsonSchema | None = None
    """JSON Schema that the reply must satisfy; `None` for free text."""
    max_tokens: int = 512
    temperature: float = 0.0
    seed: int | None = None
    alternatives: int = 0
    """How many of the likeliest tokens to tell for each place, where the deployment can. Servers
    tell 20 at most."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What a deployment answered, and what that took."""

    text: str
    usage: Usage
    deployment: str
    """The deployment that really answered."""
    guided: Guided
    tokens: tuple[Token, ...]
    """The generated tokens with their log-probabilities; empty where the deployment gives none."""
    seconds: float
    """That the deployments asked have worked on it: without waits, and no more than the worst."""
    nano_usd: int
    """Of all that were asked."""
    energy_j: float | None = None
    """Joules of this machine's accelerators; `None`: not measured."""
    confidence: float | None = None
    """What the tokens told, where only that was kept of them."""


class Model(Protocol):
    """One tier's model: a deployment, or several behind a router."""

    async def ask(self, request: Request) -> Reply:
        """The model's reply.

        Raises:
            ModelError: the one subclass that says what the caller can do about it.
            Cancelled: the task was cancelled; says what had been spent.
        """
        ...

    def worst(self, request: Request) -> Worst:
        """The most that the request may take; asks nobody.

        Raises:
            ModelError: the model cannot be loaded.
        """
        ...

    async def close(self) -> None:
        """Give back what the model holds; a second call does nothing."""
        ...


class Cancelled(asyncio.CancelledError):
    """A call that was cancelled under way, with what had been spent on it by then."""

    def __init__(
        self,
        *,
        deployment: str,
        tokens_in: int = 0,
        tokens_out: int = 0,
        nano_usd: int = 0,
        seconds: float = 0.0,
        energy_j: float | None = None,
    ) -> None:
        super().__init__(f"The call of {deployment!r} was cancelled.")
        self.deployment = deployment
        self.tokens_in = tokens_in
        self.tokens_out = tokens_out
        self.nano_usd = nano_usd
        self.seconds = seconds
        self.energy_j = energy_j
