"""Gates in Redis: scripts on what was let in during the last minute and what is inside."""

from agentsys.stores.redis.server import Server, to_name


class RedisGates(Server):
    """Gates; see `agentsys.stores.base.Gates`."""

    async def enter(
        self,
        gate: str,
        slot: str,
        *,
        requests_per_minute: int | None,
        tokens_per_minute: int | None,
        concurrency: int | None,
        tokens: int,
        lease_s: float,
    ) -> float:
        """Let one request in, or say how long to wait."""
        most = (requests_per_minute, tokens_per_minute, concurrency)
        wait = await self._script(
            "enter",
            _keys(gate),
            to_name(slot),
            round(lease_s * 1e6),
            tokens,
            *("" if limit is None else limit for limit in most),
        )
        return wait / 1e6

    async def leave(self, gate: str, slot: str, *, unused_tokens: int = 0) -> None:
        """Give the slot back, and the tokens that were not taken."""
        await self._script("leave", _keys(gate)[1:], to_name(slot), unused_tokens)

    async def shut(self, gate: str, seconds: float) -> None:
        """Let nobody in for so long."""
        await self._script("shut", _keys(gate)[4:], round(seconds * 1e6))


def _keys(gate: str) -> list[bytes]:
    """The log of the last minute, its tokens, the slots, their leases, and the rest."""
    name = to_name(gate)
    kinds = (b"log", b"tokens", b"slots", b"leases", b"state")
    return [b"agentsys:{gate:%s}:%s" % (name, kind) for kind in kinds]
