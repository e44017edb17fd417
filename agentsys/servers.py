"""vLLM servers of a configuration, as users write them; each is a deployment of its tier."""

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal, Self, cast

from pydantic import Field, StringConstraints, field_validator, model_validator

from agentsys.deployment import Deployment, Priced

Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
"""A name that is also one of a folder, and of a model in a URL."""

_OWN_FLAGS = {
    "--model": "model",
    "--served-model-name": "name",
    "--host": "",
    "--port": "port",
    "--uds": "",
    "--api-key": "",
    "--tensor-parallel-size": "tensor_parallel",
    "-tp": "tensor_parallel",
    "--gpu-memory-utilization": "gpu_memory",
    "--device-memory-utilization": "gpu_memory",
    "--max-model-len": "max_model_len",
    "--dtype": "dtype",
    "--chat-template": "chat_template",
    "--structured-outputs-config": "",
    "--enable-lora": "adapters",
    "--no-enable-lora": "adapters",
    "--lora-modules": "adapters",
    "--enable-server-load-tracking": "",
    "--no-enable-server-load-tracking": "",
    "--disable-log-stats": "",
    "--ssl-keyfile": "",
    "--ssl-certfile": "",
}
"""Flags that agentsys sets itself, and the key that says what to; none where there is no choice."""

_OWN_VARIABLES = {
    "CUDA_VISIBLE_DEVICES": "device",
    "VLLM_API_KEY": "",
    "VLLM_CPU_KVCACHE_SPACE": "kv_cache_gib",
}
"""The same of variables of the environment."""

_OF_GPUS = ("gpu_memory",)
_OF_CPUS = ("kv_cache_gib",)


class Adapter(Priced):
    """A LoRA adapter of a server: a deployment of its own. Without a price, it has the server's."""

    name: Name
    tier: str = Field(min_length=1)
    path: str = Field(min_length=1)
    """Its folder, relative to the configuration file, or its name on the Hub."""


class VllmServer(Priced):
    """One vLLM server, started by `agentsys vllm up`, on this machine alone."""

    name: Name
    """Of the server, of the model that it serves, and of the deployment."""
    tier: str = Field(min_length=1)
    model: str = Field(min_length=1)
    """A folder, relative to the configuration file, or a name on the Hub."""
    family: str = ""
    """What the model descends from, with its adapters; unset: `model`."""
    device: tuple[int, ...] | Literal["cpu"] = (0,)
    """GPUs as `nvidia-smi` numbers them, or `"cpu"`."""
    gpu_memory: float = Field(default=0.9, gt=0, le=1)
    """The share of each GPU's memory that it takes."""
    tensor_parallel: int | None = Field(default=None, ge=1)
    """Over how many devices the model is split; unset: all that `device` names."""
    max_model_len: int | None = Field(default=None, ge=16)
    """Most tokens of a prompt and its reply; unset: what the model was made for."""
    dtype: Literal["auto", "float32", "float16", "bfloat16"] = "auto"
    kv_cache_gib: int = Field(default=4, ge=1)
    """Memory for the KV cache of a server on the CPU."""
    chat_template: str | None = None
    """A Jinja file, relative to the configuration file; unset: the model's own."""
    adapters: tuple[Adapter, ...] = ()
    flags: tuple[str, ...] = ()
    """More arguments for vLLM, last."""
    env: dict[str, str] = Field(default_factory=dict)
    python: str | None = None
    """The interpreter that has vLLM; unset: `AGENTSYS_VLLM_PYTHON`, else that of agentsys."""
    port: int = Field(default=8000, ge=1, le=65535)
    timeout_s: float = Field(default=60, gt=0)
    """Of one request."""
    guide_states: int = Field(default=2_500, ge=1)
    """The largest automaton, over bytes, that replies are held to."""
    guide_depth: int = Field(default=3, ge=1, le=16)
    """How often a recursive type may occur inside itself in a guided reply."""

    @field_validator("device", mode="before")
    @classmethod
    def _devices(cls, given: object) -> object:
        if given == "cpu" or _are_gpus(given):
            return given
        raise ValueError('should be "cpu" or a list of GPUs such as [0, 1]')

    @field_validator("flags")
    @classmethod
    def _flags_that_are_free(cls, given: tuple[str, ...]) -> tuple[str, ...]:
        for flag in given:
            name = flag.partition("=")[0].replace("_", "-")
            own = _own_flag(name.partition(".")[0])
            if own:
                _refuse_own(name, _OWN_FLAGS[own])
        return given

    @field_validator("env")
    @classmethod
    def _variables_that_are_free(cls, given: dict[str, str]) -> dict[str, str]:
        for name in given.keys() & _OWN_VARIABLES.keys():
            _refuse_own(name, _OWN_VARIABLES[name])
        return given

    @model_validator(mode="after")
    def _keys_that_apply(self) -> Self:
        others = _OF_GPUS if self.device == "cpu" else _OF_CPUS
        for key in others:
            if key in self.model_fields_set:
                raise ValueError(f"{key!r} does nothing with device = {_shown(self.device)}")
        if self.device != "cpu" and self.tensor_parallel not in (None, len(self.device)):
            raise ValueError(
                f"'tensor_parallel' is {self.tensor_parallel}, and 'device' names "
                f"{len(self.device)}: leave it out"
            )
        return self

    @model_validator(mode="after")
    def _has_a_price(self) -> Self:
        if self.price is None:
            raise ValueError("a local server needs 'usd_per_hour' or 'usd_per_mtok_in' and '_out'")
        return self

    @property
    def parts(self) -> int:
        """Over how many devices the model is split."""
        return self.tensor_parallel or (1 if self.device == "cpu" else len(self.device))

    @property
    def url(self) -> str:
        """Where it answers; nobody reaches it from another machine."""
        return f"http://127.0.0.1:{self.port}"

    def deployments(self) -> tuple[Deployment, ...]:
        """The server as a deployment of its tier, and each adapter as one of its own."""
        named: list[tuple[str, str, Priced]] = [(self.name, self.tier, self)]
        named += [(a.name, a.tier, a if a.price else self) for a in self.adapters]
        return tuple(self._deployment(name, tier, priced) for name, tier, priced in named)

    def _deployment(self, name: str, tier: str, priced: Priced) -> Deployment:
        given = priced.model_fields_set
        prices = {key: getattr(priced, key) for key in Priced.model_fields if key in given}
        params = {"model": f"hosted_vllm/{name}", "api_base": f"{self.url}/v1"}
        return Deployment.model_validate(
            {
                "name": name,
                "tier": tier,
                "family": self.family or self.model.rstrip("/").rpartition("/")[2],
                "litellm_params": params,
                "guided": "outlines",
                "timeout_s": self.timeout_s,
                "guide_states": self.guide_states,
                "guide_depth": self.guide_depth,
                **prices,
            }
        )


def refuse_same_ports(servers: tuple[VllmServer, ...]) -> tuple[VllmServer, ...]:
    """The servers.

    Raises:
        ValueError: two of them have one port.
    """
    for port, count in Counter(server.port for server in servers).items():
        if count > 1:
            first, second, *_ = (server.name for server in servers if server.port == port)
            raise ValueError(
                f"{first!r} and {second!r} have the same port, {port}: "
                "give one of them another 'port'"
            )
    return servers


def folder_or_name(given: str, base: Path) -> Path | None:
    """The folder that is meant, there or not; `None` for a name on the Hub (`owner/name`)."""
    folder = base / Path(given).expanduser()
    if folder.exists() or not re.fullmatch(r"[\w-][\w.-]*/[\w-][\w.-]*", given):
        return folder.absolute()
    return None


def _own_flag(given: str) -> str | None:
    """The flag that vLLM takes it for, which may be shortened; `None`: it is none of ours."""
    if given in _OWN_FLAGS:
        return given
    shortened = given.startswith("--") and len(given) > 2
    return next((own for own in _OWN_FLAGS if shortened and own.startswith(given)), None)


def _refuse_own(name: str, key: str) -> None:
    say = f"use the key {key!r}" if key else "leave it out"
    raise ValueError(f"{name} is set by agentsys: {say}")


def _are_gpus(given: object) -> bool:
    if not isinstance(given, list | tuple):
        return False
    numbers = cast("Sequence[object]", given)
    distinct = len(set(map(str, numbers))) == len(numbers) > 0
    return distinct and all(type(n) is int and n >= 0 for n in numbers)


def _shown(device: tuple[int, ...] | Literal["cpu"]) -> str:
    return '"cpu"' if device == "cpu" else str(list(device))
