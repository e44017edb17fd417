"""What an agent says to a model: instructions, tools, the input, and the turns so far.

The system message depends on the agent alone, so that servers can reuse its prefix. All that a
conversation grows by has a bound, so that what an agent may cost can be told before it runs.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from agentsys.messages import Message
from agentsys.schema import compact, dump, is_text_model
from agentsys.tools.tool import Tool

BYTES_PER_TOKEN = 8
"""Of its own replies an agent is shown again so many bytes for each token of its `max_tokens`:
twice what text takes. A longer one repeats a sign without end, and its beginning says it all."""
MOST_OBSERVED = 20_000
"""Bytes of a tool's result that a model is shown."""
MOST_OBJECTED = 2_000
"""Bytes of a check's reason that a model is shown."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What the model said."""

    text: str


@dataclass(frozen=True, slots=True)
class Observation:
    """What a tool gave back."""

    tool: str
    text: str


@dataclass(frozen=True, slots=True)
class Objection:
    """Why the last reply was not accepted."""

    reason: str


Turn = Reply | Observation | Objection


def system_text(instructions: str, tools: Sequence[Tool[..., Any]] = ()) -> str:
    """The system message: the instructions, then one line for each tool."""
    if not tools:
        return instructions
    lines = [f"- {tool.signature}: {tool.doc}" for tool in tools]
    return "\n".join([instructions, "", "Tools:", *lines])


def input_text(value: Any, kind: Any) -> str:
    """The user message: a model with one text field as that text, anything else as JSON."""
    if isinstance(value, BaseModel) and is_text_model(type(value)):
        return str(next(iter(value.__dict__.values())))
    if isinstance(value, str):
        return value
    return compact(dump(value, kind))


def render(
    instructions: str,
    tools: Sequence[Tool[..., Any]],
    value: Any,
    kind: Any,
    turns: Sequence[Turn] = (),
    *,
    max_tokens: int,
) -> tuple[Message, ...]:
    """The whole conversation that is sent to a model, whose replies have at most `max_tokens`."""
    opening = (
        Message("system", system_text(instructions, tools)),
        Message("user", input_text(value, kind)),
    )
    most = BYTES_PER_TOKEN * max_tokens
    return opening + tuple(_message(turn, most) for turn in turns)


def clipped(text: str, most: int) -> str:
    """The beginning of a text, of at most so many bytes in UTF-8; `…` says that there was more."""
    data = text.encode("utf-8", "surrogatepass")
    if len(data) <= most:
        return text
    return data[: max(most - 3, 0)].decode("utf-8", "ignore") + "…"


def _message(turn: Turn, most: int) -> Message:
    match turn:
        case Reply(text):
            return Message("assistant", clipped(text, most))
        case Observation(tool, text):
            return Message("user", f"Result of {tool}: {clipped(text, MOST_OBSERVED)}")
        case Objection(reason):
            return Message("user", f"That fails: {clipped(reason, MOST_OBJECTED)} Answer again.")
