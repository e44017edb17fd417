"""Machines that are paid by the hour: their time, shared out among the requests under way."""

import threading
import time
from collections.abc import Callable, Iterable
from typing import Any

from agentsys.deployment import Deployment
from agentsys.models.meter import Meter


class Machine:
    """One machine. Safe for tasks, threads and event loops.

    Each moment is divided evenly among the requests that are under way in it, so that what all of
    them are given is the time in which there was one, however many ran side by side.
    """

    def __init__(self, now: Callable[[], float] = time.perf_counter) -> None:
        self.meter = Meter()
        """Of the GPUs that it has; what they take is shared out like its time."""
        self._now = now
        self._lock = threading.Lock()
        self._own = 0
        self._others = 0
        self._clock = 0.0
        """Seconds that a request would have been given which was there from the beginning: the
        virtual time of fair queueing (Demers, Keshav and Shenker 1989, section 2.2)."""
        self._read = now()

    def begin(self) -> float:
        """A request begins; the mark says when."""
        with self._lock:
            self._advance()
            self._own += 1
            return self._clock

    def since(self, mark: float) -> float:
        """Seconds of the machine that a request has been given since it began."""
        with self._lock:
            self._advance()
            return self._clock - mark

    def end(self) -> None:
        """One of the requests ends."""
        with self._lock:
            self._advance()
            self._own -= 1

    def has(self, requests: int) -> None:
        """So many are under way on it, ours among them, as it says itself."""
        with self._lock:
            self._advance()
            others = self._others = max(0, requests - self._own)
        self.meter.has_others(others)

    def _advance(self) -> None:
        now = self._now()
        # Where nobody is, the clock may run: nobody reads it.
        self._clock += (now - self._read) / max(1, self._own + self._others)
        self._read = now


def machines(deployments: Iterable[Deployment]) -> dict[str, Machine]:
    """The machine of each deployment, by its name; those behind one address have one together."""
    found: dict[str, Machine] = {}
    made: dict[Any, Machine] = {}
    for deployment in deployments:
        address = (deployment.litellm_params or {}).get("api_base", ("", deployment.name))
        found[deployment.name] = made.setdefault(str(address), Machine())
    return found
