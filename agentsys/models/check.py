"""Whether each tier answers, and in the form that it is asked for: one small guided request."""

import time
from collections.abc import Mapping
from dataclasses import dataclass

from agentsys.errors import AgentSysError, InvalidOutput, ModelError
from agentsys.messages import Message
from agentsys.models.base import Model, Request
from agentsys.schema import conform, parse
from agentsys.settings import Settings

REQUEST = Request(
    messages=(
        Message("system", "Answer with JSON."),
        Message("user", "Is 7 more than 5?"),
    ),
    schema={
        "type": "object",
        "properties": {"answer": {"type": "string", "enum": ["yes", "no"]}},
        "required": ["answer"],
        "additionalProperties": False,
    },
    max_tokens=32,
)
"""Any model can answer it; only the form of the answer is looked at."""


@dataclass(frozen=True, slots=True)
class Checked:
    """How one tier answered."""

    tier: str
    deployment: str = ""
    schema_valid: bool = False
    guided: str = ""
    seconds: float = 0.0
    nano_usd: int = 0
    problem: str = ""
    """What is wrong, in one line; empty where nothing is."""


async def check_tiers(settings: Settings) -> list[Checked]:
    """Ask every tier once, one after the other.

    Raises:
        SettingsError: the configuration cannot be used at all.
    """
    from agentsys.models.tiers import Tiers

    tiers = Tiers(settings)
    try:
        return [await check_tier(tier, tiers) for tier in settings.tier_names()]
    finally:
        await tiers.close()


async def check_tier(tier: str, models: Mapping[str, Model]) -> Checked:
    """Ask one tier once."""
    started = time.perf_counter()
    try:
        reply = await models[tier].ask(REQUEST)
    except ModelError as error:
        return Checked(
            tier,
            deployment=error.deployment,
            seconds=error.seconds or time.perf_counter() - started,
            nano_usd=error.nano_usd,
            problem=str(error),
        )
    except AgentSysError as error:  # such as a file that is not there
        return Checked(tier, seconds=time.perf_counter() - started, problem=str(error))
    problem = _problem(reply.text)
    return Checked(
        tier,
        reply.deployment,
        not problem,
        reply.guided,
        reply.seconds,
        reply.nano_usd,
        problem,
    )


def _problem(text: str) -> str:
    try:
        conform(parse(text), REQUEST.schema or {})
    except InvalidOutput as error:
        return f"The reply does not fit its schema: {error.message}"
    return ""
