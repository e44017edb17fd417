"""The agents the models are trained for: the ready-made ones, which render their own prompts."""

from collections.abc import Sequence
from functools import cache
from typing import Any

from agentsys import Agent
from agentsys.messages import Message
from agentsys.project import find
from agentsys.prompt import Turn


@cache
def _agent(role: str) -> Agent[Any, Any]:
    agent = find("agent", role).value
    if not isinstance(agent, Agent):
        raise TypeError(f"agents/{role}.py defines no agent")
    return agent


def render_for(role: str, value: dict[str, Any], turns: Sequence[Turn] = ()) -> tuple[Message, ...]:
    """The conversation that the agent of a role sends."""
    agent = _agent(role)
    return agent.messages(agent.takes(**value), turns)
