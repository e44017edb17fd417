"""Models behind LiteLLM's Router: any provider, several deployments a tier.

The one importer of LiteLLM, which is imported when the first router is built. The Router knows
the deployments, their clients and which of them are cooling down; agentsys decides whom to ask
and when to ask again, so that nothing is tried twice over.
"""

import logging
import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from decimal import Decimal
from functools import cache
from typing import Any

from agentsys.errors import SettingsError
from agentsys.models.asking import Route
from agentsys.models.base import Guided
from agentsys.models.direct import ask_this_machine_directly
from agentsys.models.machine import Machine
from agentsys.models.machine import machines as machines_of
from agentsys.models.masks import limits_of
from agentsys.models.routed import LiteLLMTier
from agentsys.money import Price
from agentsys.rates import Rates
from agentsys.retry import RetryPolicy
from agentsys.settings import Deployment

EMBEDDING = "embedding"
"""What the tier of an `embedding_pool` is called."""

_FROM_ENVIRONMENT = "os.environ/"

_UNBOUNDED = ("n", "best_of", "max_completion_tokens")
"""Keys that let a server write more than the one reply of `max_tokens` that budgets count on."""


class Pool:
    """A Router that tiers share, open until the last of them is closed."""

    _open = 0

    def __init__(self, router: Any, tiers: Sequence[str]) -> None:
        self.router = router
        self._tiers = set(tiers)
        Pool._open += 1

    async def leave(self, tier: str) -> None:
        """Close the connections with the last tier."""
        if tier not in self._tiers:
            return
        self._tiers.remove(tier)
        if self._tiers:
            return
        # `discard` until LiteLLM 1.108, deprecated since.
        (getattr(self.router, "retire", None) or self.router.discard)()
        Pool._open -= 1
        # LiteLLM keeps one set of clients for the whole process.
        if Pool._open == 0:
            litellm = _litellm()
            await litellm.close_litellm_async_clients()
            litellm.in_memory_llm_clients_cache.flush_cache()


def router_models(
    deployments: Sequence[Deployment],
    *,
    rates: Rates | None = None,
    machines: Mapping[str, Machine] | None = None,
    policy: RetryPolicy | None = None,
) -> dict[str, LiteLLMTier]:
    """The tiers of all deployments that have `litellm_params`, over one Router.

    Args:
        deployments: Those of a configuration.
        rates: How fast each may be asked.
        machines: Those that they run on, by the deployments' names.
        policy: How often a request is tried.

    Raises:
        SettingsError: LiteLLM does not know the provider, nobody knows the price, or nothing
            bounds the length of a reply.
    """
    rates = rates or Rates({})
    behind = [d for d in deployments if d.litellm_params is not None]
    tiers = list(dict.fromkeys(d.tier for d in behind))
    machines = machines or machines_of(behind)
    routes = [_route(d, tiers, machines[d.name]) for d in behind]
    listed = [_listed(d, route) for d, route in zip(behind, routes, strict=True)]
    pool = Pool(_litellm().Router(model_list=listed, num_retries=0, set_verbose=False), tiers)
    return {
        tier: LiteLLMTier(
            pool,
            _litellm().token_counter,
            tier,
            [route for d, route in zip(behind, routes, strict=True) if d.tier == tier],
            rates,
            policy or RetryPolicy(),
        )
        for tier in tiers
    }


def embedding_pool(params: Mapping[str, Any]) -> Pool:
    """A Router whose only tier, `embedding`, embeds texts.

    Raises:
        SettingsError: LiteLLM does not know the provider, or a key is not set.
    """
    _provider(EMBEDDING, params)
    deployment = {"model_name": EMBEDDING, "litellm_params": dict(params)}
    router = _litellm().Router(
        model_list=[deployment], num_retries=0, set_verbose=False, disable_cooldowns=True
    )
    return Pool(router, [EMBEDDING])


def known_route(deployment: Deployment) -> Route:
    """What LiteLLM knows about a deployment, without asking it.

    Raises:
        SettingsError: LiteLLM does not know the provider, or nobody knows the price.
    """
    return _route(deployment, (), Machine())


def _listed(deployment: Deployment, route: Route) -> dict[str, Any]:
    """The deployment as an entry of LiteLLM's `model_list`."""
    given = deployment.litellm_params or {}
    return {
        "model_name": deployment.tier,
        "litellm_params": {"timeout": deployment.timeout_s, **given},
        "model_info": {"id": route.id, **_rates(route.price)},
    }


def _rates(price: Price) -> dict[str, float]:
    """The price in LiteLLM's keys, for its callbacks; without one it looks for it on every call."""
    per_second = price.most_usd_per_hour / 3600
    rates = {
        "input_cost_per_token": price.usd_per_mtok_in / 1_000_000,
        "output_cost_per_token": price.usd_per_mtok_out / 1_000_000,
        "input_cost_per_second": per_second,
    }
    return {key: float(rate) for key, rate in rates.items() if rate}


def _route(deployment: Deployment, tiers: Sequence[str], machine: Machine) -> Route:
    litellm = _litellm()
    given = deployment.litellm_params or {}
    name = deployment.name
    model, provider = _provider(name, given)
    supported = litellm.get_supported_openai_params(model=model, custom_llm_provider=provider)
    _must_be_bounded(name, given, supported)
    return Route(
        name=name,
        id=f"deployment {name}" if name in tiers else name,
        guided=deployment.guided or _guided(model, provider),
        price=deployment.price or _listed_price(name, model, provider),
        gives_logprobs="logprobs" in (supported or ()),
        timeout_s=given.get("timeout", deployment.timeout_s),
        machine=machine,
        limits=limits_of(deployment),
    )


def _provider(name: str, params: Mapping[str, Any]) -> tuple[str, str]:
    """The model without its provider, and the provider."""
    litellm = _litellm()
    _must_have_keys(name, params)
    try:
        model, provider, _, _ = litellm.get_llm_provider(
            model=params["model"],
            custom_llm_provider=params.get("custom_llm_provider"),
            api_base=params.get("api_base"),
        )
    except litellm.BadRequestError as error:
        raise SettingsError(
            f"deployment {name!r}: LiteLLM knows no provider of {params['model']!r}.",
            hint="Write 'provider/model', for example 'hosted_vllm/my-model'.",
        ) from error
    return model, provider


def _must_have_keys(name: str, params: Mapping[str, Any]) -> None:
    """LiteLLM reads `os.environ/NAME` from the environment."""
    for key, value in params.items():
        variable = str(value).removeprefix(_FROM_ENVIRONMENT)
        if variable != str(value) and variable not in os.environ:
            raise SettingsError(
                f"deployment {name!r}: {key} is to come from {variable}, which is not set.",
                hint=f"Set {variable} in the environment.",
            )


def _must_be_bounded(name: str, params: Mapping[str, Any], supported: Any) -> None:
    """A request's `max_tokens` must be sent, and be all that the server may write."""
    body: Mapping[str, Any] = params.get("extra_body") or {}
    found = [key for key in _UNBOUNDED if key in params or key in body]
    found += ["max_tokens"] if "max_tokens" in body else []
    if found:
        raise SettingsError(
            f"deployment {name!r}: {found[0]!r} in 'litellm_params' would get round 'max_tokens'.",
            hint="Leave it out: agents set 'max_tokens' themselves.",
        )
    if supported and not {"max_tokens", "max_completion_tokens"} & set(supported):
        raise SettingsError(
            f"deployment {name!r}: its provider takes no 'max_tokens', so nothing bounds a reply.",
            hint="Choose a provider that does; a server with OpenAI's API is 'openai/MODEL'.",
        )


def _guided(model: str, provider: str) -> Guided:
    if provider == "hosted_vllm":
        return "outlines"
    strict = _litellm().supports_response_schema(model=model, custom_llm_provider=provider)
    return "strict" if strict else "prompt"


def _listed_price(name: str, model: str, provider: str) -> Price:
    """What LiteLLM's own list, which comes with it, says that the model costs."""
    litellm = _litellm()
    info: dict[str, Any] = {}
    with suppress(Exception):  # a bare Exception before LiteLLM 1.100, `ModelNotMappedError` since
        info = litellm.get_model_info(model=model, custom_llm_provider=provider)
    per_token_in, per_token_out = (
        info.get(f"{side}_cost_per_token") or 0 for side in ("input", "output")
    )
    if not (per_token_in or per_token_out):
        raise SettingsError(
            f"deployment {name!r} has no price:",
            hint="give usd_per_hour or usd_per_mtok_in and usd_per_mtok_out.",
        )
    return Price(_per_million(per_token_in), _per_million(per_token_out))


def _per_million(usd_per_token: float) -> Decimal:
    return Decimal(str(usd_per_token)) * 1_000_000


@cache
def _litellm() -> Any:
    """LiteLLM, made to phone nowhere and to print nothing."""
    os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")
    # Any other mode reads a `.env` file into the environment on import.
    os.environ.setdefault("LITELLM_MODE", "PRODUCTION")
    ask_this_machine_directly()
    import litellm

    litellm.suppress_debug_info = True
    for name in ("LiteLLM", "LiteLLM Router", "LiteLLM Proxy"):
        logger = logging.getLogger(name)
        # Its handlers write to the terminal; records still reach the application's own.
        logger.handlers = [logging.NullHandler()]
    return litellm
