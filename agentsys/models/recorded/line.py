"""One call on record, as a line of JSON."""

import json
from dataclasses import asdict, dataclass, field
from decimal import Decimal
from functools import cached_property
from hashlib import blake2b
from typing import Any, cast

from agentsys.errors import ModelError, RateLimited, Rejected, Truncated, Unreachable
from agentsys.messages import Alternative, Message, Token, Usage
from agentsys.models.base import Reply, Request
from agentsys.money import Price, Worst

VERSION = 1
"""Of the format. A reader of it takes no other."""

_KINDS = {kind.__name__: kind for kind in (RateLimited, Rejected, Truncated, Unreachable)}


@dataclass(frozen=True)
class Recorded:
    """A request to a tier, and what came of it."""

    tier: str
    request: Request
    worst: Worst
    """What the model told a budget that the request may take."""
    outcome: Reply | ModelError
    families: frozenset[str] = field(default_factory=frozenset[str])
    """What the tier's models descend from."""

    @cached_property
    def key(self) -> bytes:
        """Of the request: the same for the same request, byte for byte."""
        return key_of(self.request)

    def to_json(self) -> dict[str, Any]:
        """As JSON data."""
        what = "reply" if isinstance(self.outcome, Reply) else "error"
        outcome = self.outcome
        return {
            "tier": self.tier,
            "families": sorted(self.families),
            "request": asdict(self.request),
            "worst": asdict(self.worst),
            what: asdict(outcome) if isinstance(outcome, Reply) else _error_json(outcome),
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "Recorded":
        """The call of such a line.

        Raises:
            KeyError: a field is missing; TypeError, ValueError or ArithmeticError: it has a value
                that it cannot have.
        """
        outcome = _reply(data["reply"]) if "reply" in data else _error(data["error"])
        families = frozenset(map(str, data.get("families", ())))
        return cls(
            str(data["tier"]), _request(data["request"]), _worst(data["worst"]), outcome, families
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
