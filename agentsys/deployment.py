"""One deployment of a configuration, and the prices that it may have."""

from decimal import Decimal
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from agentsys.money import Price

_IN_PROCESS = ("parallel", "context")
"""Keys of in-process models alone."""


class Priced(BaseModel):
    """What is paid for: by the token, by the hour, or both."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    usd_per_mtok_in: Decimal | None = Field(default=None, ge=0)
    usd_per_mtok_out: Decimal | None = Field(default=None, ge=0)
    usd_per_hour: Decimal | None = Field(default=None, ge=0)
    share: Decimal | None = Field(default=None, gt=0, le=1)
    """The part of the machine that one call takes, for `usd_per_hour`; unset: it is measured."""

    @model_validator(mode="after")
    def _both_prices(self) -> Self:
        given, missing = "usd_per_mtok_in", "usd_per_mtok_out"
        if self.usd_per_mtok_in is None:
            given, missing = missing, given
        if (self.usd_per_mtok_in is None) != (self.usd_per_mtok_out is None):
            raise ValueError(f"{given!r} is given without {missing!r}: give both; 0 is a price")
        return self

    @model_validator(mode="after")
    def _share_of_something(self) -> Self:
        if self.share is not None and self.usd_per_hour is None:
            raise ValueError("'share' does nothing without 'usd_per_hour': leave it out")
        return self

    @property
    def price(self) -> Price | None:
        """The configured price; `None` where only LiteLLM's price list may know it."""
        if (
            self.usd_per_hour is None
            and self.usd_per_mtok_in is None
            and self.usd_per_mtok_out is None
        ):
            return None
        return Price(
            self.usd_per_mtok_in or Decimal(0),
            self.usd_per_mtok_out or Decimal(0),
            self.usd_per_hour or Decimal(0),
            self.share,
        )


class Deployment(Priced):
    """One concrete model behind a tier: a GGUF file, anything LiteLLM reaches, or a recording."""

    name: str = Field(min_length=1)
    """How reports call it; also LiteLLM's `model_info.id`."""
    tier: str = Field(min_length=1)
    """The class of model it serves: `slm`, `llm` or a name of your own."""
    family: str = ""
    """What the model descends from, such as `llama-3.1`: models of one family err alike, so they do
    not make independent judges. Unset: the model's own name."""
    gguf: str | None = None
    """A path to a GGUF file (relative to the configuration file), or `mini-slm` or `mini-llm`."""
    litellm_params: dict[str, Any] | None = None
    """LiteLLM's own keys: `model`, `api_base`, `api_key`, `rpm`, …"""
    recorded: str | None = None
    """A folder that `--record` has written (relative to the configuration file): the calls of this
    tier that are on record, replayed; of whatever tier they were where this one is `recorded`."""
    guided: Literal["outlines", "strict", "prompt"] | None = None
    """How replies are held to a schema; unset: what the provider is known to have. Not for GGUF
    files, which Outlines and llama.cpp always guide. A schema that Outlines refuses is described
    in the prompt instead of being sent to a server that is to enforce it."""
    guide_states: int = Field(default=2_500, ge=1)
    """The largest automaton, over bytes, that replies are held to. `agentsys schema check` shows
    that of a type; 2,500 states are what vLLM compiles in time for 100,000 tokens."""
    guide_depth: int = Field(default=3, ge=1, le=16)
    """How often a recursive type may occur inside itself in a guided reply."""
    timeout_s: float = Field(default=60, gt=0)
    parallel: int = Field(default=8, ge=1, le=256)
    """Requests that an in-process model batches."""
    context: int = Field(default=1024, ge=64)
    """Tokens of context for each request of an in-process model."""

    @property
    def base(self) -> str:
        """Its family, or the name of its model without provider, folder and case."""
        named = self.gguf or str((self.litellm_params or {}).get("model", ""))
        last = named.rstrip("/").rpartition("/")[2].removesuffix(".gguf")
        return (self.family or last).lower()

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        sources = (self.gguf, self.litellm_params, self.recorded)
        if sum(source is not None for source in sources) != 1:
            raise ValueError("give one of 'gguf', 'litellm_params' and 'recorded'")
        if self.litellm_params is not None and not isinstance(
            self.litellm_params.get("model"), str
        ):
            raise ValueError("'litellm_params' needs a 'model'")
        if self.gguf is not None and self.price is None:
            raise ValueError("a local model needs 'usd_per_hour' or 'usd_per_mtok_in' and '_out'")
        return self

    @model_validator(mode="after")
    def _keys_that_apply(self) -> Self:
        given = {key for key in self.model_fields_set if getattr(self, key) is not None}
        if self.recorded is not None:
            kind, others = "'recorded'", ("guided", *_IN_PROCESS, *Priced.model_fields)
        elif self.gguf:
            kind, others = "'gguf'", ("guided",)
        else:
            kind, others = "'litellm_params'", _IN_PROCESS
        for key in others:
            if key in given:
                raise ValueError(f"{key!r} does nothing beside {kind}: leave it out")
        return self
