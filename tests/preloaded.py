"""Loads LiteLLM as agentsys does, down to its first request, which takes it a second.

A process that has imported this forks others that ask at once.
"""

import asyncio
from contextlib import suppress
from decimal import Decimal

from agentsys.errors import Unreachable
from agentsys.messages import Message
from agentsys.models.base import Request
from agentsys.models.litellm import router_models
from agentsys.retry import RetryPolicy
from agentsys.settings import Deployment

_NOBODY = {"model": "hosted_vllm/none", "api_base": "http://127.0.0.1:1/v1"}


async def _ask_nobody() -> None:
    given = Deployment(name="a", tier="a", litellm_params=_NOBODY, usd_per_hour=Decimal(0))
    tier = router_models([given], policy=RetryPolicy(total_s=0))["a"]
    with suppress(Unreachable):
        await tier.ask(Request((Message("user", "Hello?"),)))
    await tier.close()


asyncio.run(_ask_nobody())
