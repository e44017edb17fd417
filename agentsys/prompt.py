"""What an agent says to a model: instructions, tools, the input, and the turns so far.

The system message depends on the agent alone, so that servers can reuse its prefix.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from agentsys.messages import Message
from agentsys.schema import compact, dump, is_text_model
from agentsys.tools.tool import Tool


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
) -> tuple[Message, ...]:
    """The whole conversation that is sent to a model."""
    opening = (
        Message("system", system_text(instructions, tools)),
        Message("user", input_text(value, kind)),
    )
    return opening + tuple(_message(turn) for turn in turns)


def _message(turn: Turn) -> Message:
    match turn:
        case Reply(text):
            return Message("assistant", text)
        case Observation(tool, text):
            return Message("user", f"Result of {tool}: {text}")
        case Objection(reason):
            return Message("user", f"That fails: {reason} Answer again.")
