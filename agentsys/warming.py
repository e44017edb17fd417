"""The first request of each schema, sent before anybody waits for it."""

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from agentsys.errors import AgentSysError, Truncated
from agentsys.guide import guide
from agentsys.messages import Message
from agentsys.models.base import Model, Request
from agentsys.node import Node
from agentsys.specs import specs_in

_MESSAGES = (Message("user", "."),)


@dataclass(frozen=True, slots=True)
class Warmed:
    """One schema on one tier."""

    tier: str
    agent: str
    """Whose replies have the schema; the first, where several have."""
    seconds: float
    nano_usd: int
    problem: str = ""
    """Why it could not be asked for; empty where it could."""


async def warm(nodes: Iterable[Node[Any, Any]], models: Mapping[str, Model]) -> list[Warmed]:
    """Ask each tier once, for one token, for every schema that its agents will ask it for.

    vLLM compiles a schema at its first request, which takes seconds where the vocabulary is large,
    and remembers 128 of them. The requests are made outside of runs: no budget counts them.

    Args:
        nodes: The graphs that will be run.
        models: The models to warm, by tier; tiers that are not among them are left alone.
    """
    asked: dict[tuple[str, str], tuple[str, Request]] = {}
    for node in nodes:
        for spec in specs_in(node):
            regex = guide(spec.schema).regex if spec.schema is not None else None
            for tier in spec.tiers if regex else ():
                request = Request(_MESSAGES, spec.schema, max_tokens=1)
                asked.setdefault((tier, regex or ""), (spec.name, request))
    return [
        await _warmed(tier, agent, request, models[tier])
        for (tier, _), (agent, request) in asked.items()
        if tier in models
    ]


async def _warmed(tier: str, agent: str, request: Request, model: Model) -> Warmed:
    started = time.perf_counter()
    try:
        reply = await model.ask(request)
    except Truncated as cut:  # after one token, as it was meant to be
        return Warmed(tier, agent, cut.seconds or time.perf_counter() - started, cut.nano_usd)
    except AgentSysError as error:
        return Warmed(tier, agent, time.perf_counter() - started, 0, str(error))
    return Warmed(tier, agent, reply.seconds, reply.nano_usd)
