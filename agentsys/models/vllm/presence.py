"""Whether a server is there and works, as its clients see it; and if not, whether it will be."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from agentsys.models.vllm import api
from agentsys.models.vllm.metrics import Load, load
from agentsys.models.vllm.pulse import has_nothing
from agentsys.models.vllm.state import Phase, folder, phase_of, recorded

STILL_S = 10.0
"""A server that has requests and does nothing for so long, or loses one and has done nothing, is
sent no more until it does."""
RESTART_S = 30.0
"""A server that is stopped is waited for so long by those who knew it running: whoever stops one
under load is likely to start it again."""

_COMING: tuple[Phase, ...] = ("starting", "restarting", "stopping")
_NO_ANSWER = (0, 503)
"""Of `/health`: nobody listens, or the engine is dead and the rest is about to follow."""


@dataclass(frozen=True, slots=True)
class Look:
    """One look at a server."""

    phase: Phase
    load: Load | None
    """What it does; `None` where it does not say."""
    idle: bool = False
    """Whether it says that it has no requests: those that were sent are still on their way."""


def look(name: str, port: int) -> Look:
    """Look at a server of this machine; takes seconds where it hangs."""
    phase = phase_of(recorded(folder(name)))
    if phase in _COMING or api.get(port, "/health").status in _NO_ANSWER:
        return Look(phase, None)
    told = load(api.get(port, "/metrics").text)
    return Look(phase, told, idle=told is not None and has_nothing(port, told))


class Presence:
    """What the looks at one server tell together."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._there = float("-inf")
        """When it was last running, or about to be."""
        self._load: Load | None = None
        self._moved = float("-inf")
        """When it last did something, or had nothing to do."""
        self._lost = False

    def lost(self) -> None:
        """A request that it had came to nothing."""
        self._lost = True

    def trouble(self, seen: Look, *, busy: bool) -> str:
        """Why requests should wait, whatever room it has; empty where that would not help.

        Args:
            seen: The latest look.
            busy: Whether it has had requests since the last one.
        """
        now = self._now()
        if seen.load != self._load:
            self._load, self._moved, self._lost = seen.load, now, False
        elif not self._lost and (seen.idle or not busy):
            self._moved = now
        if seen.load is not None or seen.phase in (*_COMING, "ready"):
            self._there = now
        if seen.load is not None:
            still = self._lost or now - self._moved > STILL_S
            return "makes no progress" if still else ""
        if seen.phase in _COMING:
            return f"is {seen.phase}"
        if seen.phase == "ready":  # it hangs, or has just crashed: its supervisor sees to it
            return "does not answer"
        recently = now - self._there < RESTART_S
        return "was stopped" if seen.phase == "stopped" and recently else ""
