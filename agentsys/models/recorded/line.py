"""One call on record, as a line of JSON."""

import asyncio
import json
from dataclasses import asdict, dataclass, field
from decimal import Decimal
from functools import cached_property
from hashlib import blake2b
from typing import Any, cast

from agentsys.errors import ModelError, RateLimited, Rejected, Truncated, Unreachable
from agentsys.messages import Alternative, Message, Token, Usage
from agentsys.models.base import Cancelled, Reply, Request
from agentsys.models.place import NOWHERE, Place
from agentsys.money import Price, Worst

VERSION = 2
"""Of the format."""
READABLE = (1, 2)
"""Version 1 had no places, no worst cases on lines of their own, and no calls that were cut off."""

_KINDS = {kind.__name__: kind for kind in (RateLimited, Rejected, Truncated, Unreachable)}


@dataclass(frozen=True)
class CutOff:
    """How a call ended that was cancelled under way, and what had been spent on it by then."""

    after_s: float
    """By the clock."""
    limit_s: float | None
    """The limit on its time, where that cut it off."""
    deployment: str = ""
    tokens_in: int = 0
    tokens_out: int = 0
    nano_usd: int = 0
    seconds: float = 0.0
    energy_j: float | None = None

    @classmethod
    def of(
        cls, error: asyncio.CancelledError, *, after_s: float, limit_s: float | None
    ) -> "CutOff":
        """What a cancellation tells."""
        told = {name: getattr(error, name) for name in _CUT} if isinstance(error, Cancelled) else {}
        return cls(after_s, limit_s, **told)

    def cancelled(self) -> Cancelled:
        """What to raise for it."""
        return Cancelled(**{name: getattr(self, name) for name in _CUT})


_CUT = ("deployment", "tokens_in", "tokens_out", "nano_usd", "seconds", "energy_j")


@dataclass(frozen=True)
class Foreseen:
    """The worst case of a request, as a budget was told: it may have been refused, or shortened."""

    tier: str
    key: bytes
    """Of the request."""
    worst: Worst

    def to_json(self) -> dict[str, Any]:
        """As JSON data."""
        return {"tier": self.tier, "foreseen": self.key.hex(), "worst": asdict(self.worst)}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "Foreseen":
        """The worst case of such a line; raises as `Recorded.from_json` does."""
        return cls(str(data["tier"]), bytes.fromhex(data["foreseen"]), _worst(data["worst"]))


@dataclass(frozen=True)
class Recorded:
    """A request to a tier, and what came of it."""

    tier: str
    request: Request
    worst: Worst
    """What the model told a budget that the request may take."""
    outcome: Reply | ModelError | CutOff
    families: frozenset[str] = field(default_factory=frozenset[str])
    """What the tier's models descend from."""
    place: Place = NOWHERE

    @cached_property
    def key(self) -> bytes:
        """Of the request: the same for the same request, byte for byte."""
        return key_of(self.request)

    def to_json(self) -> dict[str, Any]:
        """As JSON data."""
        outcome = self.outcome
        return {
            "tier": self.tier,
            "families": sorted(self.families),
            **asdict(self.place),
            "request": asdict(self.request),
            "worst": asdict(self.worst),
            **_outcome_json(outcome),
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "Recorded":
        """The call of such a line.

        Raises:
            KeyError: a field is missing; TypeError, ValueError or ArithmeticError: it has a value
                that it cannot have.
        """
        outcome = _outcome(data)
        families = frozenset(map(str, data.get("families", ())))
        return cls(
            str(data["tier"]),
            _request(data["request"]),
            _worst(data["worst"]),
            outcome,
            families,
            Place(str(data.get("graph", "")), str(data.get("call", ""))),
        )


def to_line(data: dict[str, Any]) -> bytes:
    """JSON data on one line. A lone surrogate becomes its escape, which JSON reads back."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"), default=_plain)
    return text.encode("utf-8", "backslashreplace") + b"\n"


def key_of(request: Request) -> bytes:
    """The same for the same request, byte for byte."""
    text = json.dumps(asdict(request), sort_keys=True, separators=(",", ":"), default=_plain)
    return blake2b(text.encode(), digest_size=16).digest()


def _plain(value: object) -> Any:
    """What `json` does not know: an amount of money as text, a schema of another kind as it is."""
    if isinstance(value, Decimal):
        return str(value)
    return dict(cast("Any", value))


def _request(data: dict[str, Any]) -> Request:
    messages = tuple(Message(one["role"], str(one["content"])) for one in data["messages"])
    schema, seed = data["schema"], data["seed"]
    return Request(
        messages,
        None if schema is None else dict(schema),
        int(data["max_tokens"]),
        float(data["temperature"]),
        None if seed is None else int(seed),
        int(data["alternatives"]),
    )


def _worst(data: dict[str, Any]) -> Worst:
    amounts = data["price"]
    price = Price(
        *(Decimal(amounts[f"usd_per_{unit}"]) for unit in ("mtok_in", "mtok_out", "hour")),
        share=None if amounts["share"] is None else Decimal(amounts["share"]),
    )
    return Worst(int(data["tokens_in"]), float(data["seconds"]), price, int(data["tries"]))


def _outcome_json(outcome: Reply | ModelError | CutOff) -> dict[str, Any]:
    match outcome:
        case Reply():
            return {"reply": asdict(outcome)}
        case CutOff():
            return {"cut_off": asdict(outcome)}
        case ModelError():
            return {"error": _error_json(outcome)}


def _outcome(data: dict[str, Any]) -> Reply | ModelError | CutOff:
    if "reply" in data:
        return _reply(data["reply"])
    return CutOff(**data["cut_off"]) if "cut_off" in data else _error(data["error"])


def _reply(data: dict[str, Any]) -> Reply:
    usage = data["usage"]
    typed: dict[str, Any] = {
        "text": str(data["text"]),
        "usage": Usage(int(usage["tokens_in"]), int(usage["tokens_out"])),
        "tokens": tuple(map(_token, data["tokens"])),
        "seconds": float(data["seconds"]),
        "nano_usd": int(data["nano_usd"]),
    }
    return Reply(**{**data, **typed})


def _token(data: dict[str, Any]) -> Token:
    others = (Alternative(str(one["text"]), float(one["logprob"])) for one in data["alternatives"])
    return Token(str(data["text"]), float(data["logprob"]), bool(data["forced"]), tuple(others))


_SPENT = ("tokens_in", "tokens_out", "nano_usd", "seconds")
_TOLD = ("message", "hint", "deployment", "status", "retry_after", *_SPENT)


def _error_json(error: ModelError) -> dict[str, Any]:
    told = {name: getattr(error, name) for name in _TOLD}
    return {"kind": type(error).__name__, "retryable": error.retryable, **told}


def _error(data: dict[str, Any]) -> ModelError:
    kind = _KINDS.get(data["kind"], ModelError)
    return kind(str(data["message"]), **{name: data[name] for name in _TOLD[1:]})
