"""What `agentsys vllm status` prints."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from agentsys.cli.output import print_table, rates
from agentsys.models.vllm.status import Status


def row(each: Status) -> dict[str, Any]:
    """One server as JSON."""
    load, price = each.load, each.server.price if each.server else None
    return {
        "name": each.name,
        "tier": each.server.tier if each.server else None,
        "state": each.phase,
        "pid": each.pid,
        "port": each.port,
        "device": each.plan.device if each.plan else None,
        "uptime_s": None if each.uptime_s is None else round(each.uptime_s, 3),
        "restarts": each.restarts,
        "running": load and load.running,
        "waiting": load and load.waiting,
        "kv_usage": load and round(load.kv_usage, 6),
        "kv_tokens": load and load.kv_tokens,
        "free_tokens": load and load.free_tokens,
        "tokens_in": load and load.tokens_in,
        "tokens_out": load and load.tokens_out,
        "busy_s": load and round(load.busy_s, 6),
        "adapters": list(each.adapters),
        "usd_per_mtok_in": _amount(price.usd_per_mtok_in if price else None),
        "usd_per_mtok_out": _amount(price.usd_per_mtok_out if price else None),
        "usd_per_hour": _amount(price.usd_per_hour if price else None),
        "share": _amount(price.share if price else None),
        "error": each.problem or None,
    }


def table(found: Sequence[Status]) -> None:
    """All servers, to read."""
    print_table(
        [
            *("server", "state", "pid", "port", "device", "up", "restarts", "running", "waiting"),
            *("KV cache", "tokens in", "tokens out", "busy s", "adapters", "price", ""),
        ],
        [_cells(each) for each in found],
    )


def _cells(each: Status) -> list[str]:
    load = each.load
    price = each.server.price if each.server else None
    return [
        each.name,
        each.phase,
        str(each.pid or ""),
        str(each.port),
        each.plan.device if each.plan else "",
        "" if each.uptime_s is None else _duration(each.uptime_s),
        str(each.restarts),
        f"{load.running}" if load else "",
        f"{load.waiting}" if load else "",
        f"{load.kv_usage:.0%} of {load.kv_tokens or 0:,} tokens" if load else "",
        f"{load.tokens_in:,}" if load else "",
        f"{load.tokens_out:,}" if load else "",
        f"{load.busy_s:.1f}" if load else "",
        ", ".join(each.adapters),
        rates(price) if price else "",
        each.problem,
    ]


def _duration(seconds: float) -> str:
    """Such as `3 h 12 min`."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def _amount(value: Decimal | None) -> str | None:
    return None if value is None else f"{value:f}"
