"""What defines an agent: its types, its instructions, and what it may do. A value."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from agentsys.checks import first_objection
from agentsys.errors import DefinitionError
from agentsys.messages import Message
from agentsys.prompt import Turn, render
from agentsys.schema import JsonObject, json_schema, tagged_union
from agentsys.tools.tool import Tool


@dataclass(frozen=True)
class AgentSpec:
    """The definition of an agent; `Agent` says what each part means."""

    name: str
    takes: Any
    gives: Any
    instructions: str
    tools: tuple[Tool[..., Any], ...]
    tiers: tuple[str, ...]
    repairs: int
    steps: int
    max_tokens: int
    min_confidence: float | Mapping[str, float]
    checks: tuple[Callable[[Any, Any], bool | str], ...] = ()

    def __post_init__(self) -> None:
        if self.repairs < 0 or self.steps < 1 or self.max_tokens < 1:
            raise DefinitionError("An agent needs repairs >= 0, steps >= 1 and max_tokens >= 1.")
        names = [tool.name for tool in self.tools]
        if len(set(names)) < len(names):
            raise DefinitionError(f"Two tools of an agent have the same name: {', '.join(names)}.")

    @cached_property
    def schema(self) -> JsonObject | None:
        """JSON Schema of one reply; `None` for free text."""
        if not self.tools:
            return None if self.gives is str else self.final_schema
        return tagged_union({tool.name: tool.schema for tool in self.tools}, self.final_schema)

    @cached_property
    def final_schema(self) -> JsonObject:
        """JSON Schema of the output type."""
        return json_schema(self.gives)

    def messages(self, value: Any, turns: Sequence[Turn] = ()) -> tuple[Message, ...]:
        """What is sent to the model for an input, after the given turns."""
        return render(
            self.instructions, self.tools, value, self.takes, turns, max_tokens=self.max_tokens
        )

    def threshold(self, tier: str) -> float:
        """The least confidence at which a tier's answer is taken; 0 for a tier without one."""
        if isinstance(self.min_confidence, Mapping):
            return self.min_confidence.get(tier, 0.0)
        return self.min_confidence

    def objection(self, value: Any, output: Any) -> str:
        """The first reason against an output; empty where every check passes."""
        return first_objection(self.checks, value, output)
