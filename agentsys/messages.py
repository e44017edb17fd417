"""What goes to a model and what comes back, independent of any provider."""

from dataclasses import dataclass
from typing import Literal

Role = Literal["system", "user", "assistant"]


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a conversation."""

    role: Role
    content: str


@dataclass(frozen=True, slots=True)
class Alternative:
    """What could have stood in the place of a token."""

    text: str
    logprob: float


@dataclass(frozen=True, slots=True)
class Token:
    """One generated token and how likely the model found it."""

    text: str
    logprob: float
    """Natural logarithm of the token's probability."""
    forced: bool = False
    """Whether the mask left nothing else to write: it says nothing about the model."""
    alternatives: tuple[Alternative, ...] = ()
    """The likeliest tokens in its place, itself among them; where the request asks for them."""


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one request."""

    tokens_in: int
    tokens_out: int
