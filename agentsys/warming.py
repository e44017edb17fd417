"""The first request of each schema, sent before anybody waits for it."""

import time
from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from agentsys.errors import AgentSysError, ModelError, Truncated
from agentsys.guide import DEFAULT, Limits, guide
from agentsys.messages import Message
from agentsys.models.base import Model, Request
from agentsys.node import Node
from agentsys.schema import JsonObject, compact
from agentsys.specs import asked_in

_MESSAGES = (Message("user", "."),)


@dataclass(frozen=True, slots=True)
class Cold:
    """A schema that a tier will be asked for, and has not been."""

    tier: str
    agent: str
    """Whose replies have the schema; the first, where several have."""
    schema: JsonObject
    refused: str = ""
    """Why Outlines does not compile it; empty where it does."""


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


def cold(
    nodes: Iterable[Node[Any, Any]], tiers: Container[str], limits: Limits = DEFAULT
) -> list[Cold]:
    """Every schema that these tiers will be asked for, once each; asks nobody.

    Args:
        nodes: The graphs that will be run.
        tiers: The tiers to warm; others are left alone.
        limits: Of the masks that are sent to them.
    """
    found: dict[tuple[str, str], Cold] = {}
    for node in nodes:
        for spec, asked in asked_in(node):
            if spec.schema is None:
                continue
            for tier in asked:
                if tier not in tiers:
                    continue
                guided = guide(spec.schema, limits)
                # Schemas that differ in words alone have one pattern, and one automaton.
                key = tier, guided.regex or compact(spec.schema)
                found.setdefault(key, Cold(tier, spec.name, spec.schema, guided.refused))
    return list(found.values())


async def warm(nodes: Iterable[Node[Any, Any]], models: Mapping[str, Model]) -> list[Warmed]:
    """Ask each tier once, for one token, for every schema that its agents will ask it for.

    vLLM compiles a schema at its first request, which takes seconds where the vocabulary is large,
    and remembers 128 of them. The requests are made outside of runs: no budget counts them.

    Args:
        nodes: The graphs that will be run.
        models: The models to warm, by tier; tiers that are not among them are left alone.
    """
    return [await warmed(each, models[each.tier]) for each in cold(nodes, models)]


async def warmed(given: Cold, model: Model) -> Warmed:
    """Ask a tier's model for a schema; one that Outlines refuses is sent to nobody."""
    if given.refused:
        problem = f"Outlines does not compile it: {given.refused}."
        return Warmed(given.tier, given.agent, 0.0, 0, problem)
    started = time.perf_counter()
    try:
        reply = await model.ask(Request(_MESSAGES, given.schema, max_tokens=1))
    except ModelError as error:
        seconds = error.seconds or time.perf_counter() - started
        # After one token, as it was meant to be.
        problem = "" if isinstance(error, Truncated) else str(error)
        return Warmed(given.tier, given.agent, seconds, error.nano_usd, problem)
    except AgentSysError as error:  # such as a model that is not there
        return Warmed(given.tier, given.agent, time.perf_counter() - started, 0, str(error))
    return Warmed(given.tier, given.agent, reply.seconds, reply.nano_usd)
