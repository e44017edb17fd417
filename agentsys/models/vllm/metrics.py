"""What a vLLM server says of itself at `/metrics`, in Prometheus' text format."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

_SAMPLE = re.compile(r"^(vllm:\w+)(?:\{(.*)\})? (\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)(?: |$)")
_LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')


@dataclass(frozen=True, slots=True)
class Load:
    """What a server is doing, and what it has done since it started."""

    running: int
    """Requests that are being answered."""
    waiting: int
    """Requests that are queued for room."""
    kv_usage: float
    """The part of the KV cache that is in use, of 1."""
    kv_tokens: int | None
    """Tokens that the KV cache holds."""
    tokens_in: int
    tokens_out: int
    busy_s: float
    """Seconds that requests were being answered; those side by side count each."""

    @property
    def free_tokens(self) -> int | None:
        """Tokens that the KV cache still has room for."""
        return None if self.kv_tokens is None else round(self.kv_tokens * (1 - self.kv_usage))


def load(text: str) -> Load | None:
    """The figures in a reply of `/metrics`; `None` where it is not one of vLLM."""
    sums: dict[str, float] = {}
    cache: Mapping[str, str] = {}
    for line in text.splitlines():
        sample = _SAMPLE.match(line)
        if sample is None:
            continue
        name = sample[1].removeprefix("vllm:")
        sums[name] = sums.get(name, 0.0) + float(sample[3])
        if name == "cache_config_info":
            cache = dict(_LABEL.findall(sample[2] or ""))
    if "num_requests_running" not in sums:
        return None
    return Load(
        running=round(sums["num_requests_running"]),
        waiting=round(sums.get("num_requests_waiting", 0)),
        kv_usage=sums.get("kv_cache_usage_perc", 0.0),
        kv_tokens=_capacity(cache),
        tokens_in=round(sums.get("prompt_tokens_total", 0)),
        tokens_out=round(sums.get("generation_tokens_total", 0)),
        busy_s=sums.get("request_inference_time_seconds_sum", 0.0),
    )


def _capacity(cache: Mapping[str, str]) -> int | None:
    # On the CPU its blocks are called GPU blocks, too.
    blocks, size = cache.get("num_gpu_blocks", ""), cache.get("block_size", "")
    return int(blocks) * int(size) if blocks.isdecimal() and size.isdecimal() else None
