"""Whether servers fit the free memory of the devices that they name: the arithmetic."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from agentsys.errors import SettingsError
from agentsys.models.vllm.devices import CPU, Memory
from agentsys.models.vllm.sizes import Size
from agentsys.servers import VllmServer

_GIB = 2**30

_ITSELF = 3 * _GIB // 2
"""Main memory that vLLM's processes take without any model: measured, 1.9 GiB with what they share
with each other counted twice."""

_OTHER_SIZES = ("--quantization", "-q", "--kv-cache-dtype", "--load-format", "--cpu-offload-gb")
"""Flags with which a model takes another size than its files say."""


@dataclass(frozen=True, slots=True)
class Need:
    """What one server takes of one device."""

    server: str
    device: str
    takes: int
    least: int
    """Bytes without which it does not work: its weights, and the KV cache of one request."""
    parts: str
    """How `takes` comes about, to read."""
    request: str = ""
    """How `least` comes about."""


def needs(server: VllmServer, size: Size, devices: Mapping[str, Memory]) -> list[Need]:
    """What a server takes of each device that it names."""
    if any(flag.partition("=")[0] in _OTHER_SIZES for flag in server.flags):
        size = Size()
    names = [CPU] if server.device == CPU else [str(gpu) for gpu in server.device]
    share = len(names) if server.device != CPU else 1
    weights = (size.weights or 0) // share
    tokens = server.max_model_len or size.max_tokens or 0
    request = tokens * (size.kv_per_token or 0) // share
    found: list[Need] = []
    for name in names:
        if server.device == CPU:
            cache, itself = server.kv_cache_gib * _GIB * server.parts, _ITSELF
            takes = weights + cache + itself
            parts = f"weights {_gib(weights)}, KV cache {_gib(cache)}, vLLM itself {_gib(itself)}"
        else:
            itself = 0
            takes = round(server.gpu_memory * devices[name].total)
            cache = max(takes - weights, 0)
            parts = f"{server.gpu_memory:g} of {_gib(devices[name].total)}: "
            parts += f"weights {_gib(weights)}, KV cache {_gib(cache)}"
        least = weights + request + itself
        one = (
            f"weights {_gib(weights)}, KV cache of one request of {tokens:,} tokens {_gib(request)}"
        )
        found.append(Need(server.name, name, takes, least, parts, one))
    return found


def refuse_misfits(
    wanted: Iterable[Need], starting: Mapping[str, Mapping[str, int]], free: Mapping[str, Memory]
) -> None:
    """Do nothing where all of them fit.

    Args:
        wanted: What is to be started.
        starting: What servers that are being started take of each device, by their names; they may
            not have taken it yet.
        free: The devices.

    Raises:
        SettingsError: with the arithmetic.
    """
    by_device: dict[str, list[Need]] = {}
    for need in wanted:
        by_device.setdefault(need.device, []).append(need)
        if need.least > need.takes:
            _refuse_alone(need)
    for device, all_needs in by_device.items():
        others = {name: takes[device] for name, takes in starting.items() if device in takes}
        total = sum(need.takes for need in all_needs) + sum(others.values())
        if total > free[device].free:
            _refuse_together(device, all_needs, others, total, free[device])


def _refuse_alone(need: Need) -> None:
    raise SettingsError(
        f"{need.server!r} does not fit what it may take of {_device(need.device)}, "
        f"{_gib(need.takes)} GiB ({need.parts}): it needs {_gib(need.least)} ({need.request}).",
        hint=f"Lower 'max_model_len' or raise {_key(need.device)!r}.",
    )


def _refuse_together(
    device: str, wanted: list[Need], others: Mapping[str, int], total: int, there: Memory
) -> None:
    terms = [f"{each.server!r} takes {_gib(each.takes)} ({each.parts})" for each in wanted]
    terms += [f"{name!r}, which is starting, {_gib(takes)}" for name, takes in others.items()]
    names = [each.server for each in wanted]
    do = "do" if len(names) > 1 else "does"
    together = f", together {_gib(total)}" if len(terms) > 1 else ""
    raise SettingsError(
        f"{' and '.join(map(repr, names))} {do} not fit {_device(device)}, of which "
        f"{_gib(there.free)} of {_gib(there.total)} GiB are free: {', '.join(terms)}{together}.",
        hint=f"Lower {_key(device)!r}, name another 'device', or start fewer of them.",
    )


def _device(device: str) -> str:
    return "the memory of this machine" if device == CPU else f"GPU {device}"


def _key(device: str) -> str:
    return "kv_cache_gib" if device == CPU else "gpu_memory"


def _gib(size: int) -> str:
    return f"{size / _GIB:.1f}"
