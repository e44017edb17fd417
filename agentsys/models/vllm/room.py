"""Which requests are sent to a server at once, and which wait here: by its own metrics.

A request that waits here costs nothing, is not timed out, can still go to another deployment, and
is not lost when the server is started again. One that is sent too early waits in the server's queue
instead; one that is sent too late leaves the server idle.
"""

import logging
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from agentsys.models.machine import Machine
from agentsys.models.vllm.metrics import Load
from agentsys.models.vllm.plan import refuse_another_model
from agentsys.models.vllm.presence import Look, Presence, look
from agentsys.servers import VllmServer
from agentsys.tools.thread import in_thread

_log = logging.getLogger(__name__)

LOOK_S = 0.25
"""How often a server is asked, while there are requests for it."""
OLD_S = 2 * LOOK_S
"""Nothing is sent to a server that was looked at longer ago."""
_SOON_S = LOOK_S / 4
BURST = 128
"""So many are sent at once to a server that has none; to one that has more, as many again."""
QUEUE = 8
"""So many may wait in the server, that it has the next one at hand when one has finished; or as
many as it has done in `AHEAD_S`, where that is more."""
AHEAD_S = 1.0


@dataclass(frozen=True, slots=True)
class _Seen:
    """How the server was when it was looked at."""

    load: Load | None
    trouble: str
    """Why requests wait, whatever room there is."""
    others: int
    """Requests under way that are not ours."""


class Room:
    """The door of one server. Safe for tasks, threads and event loops."""

    def __init__(self, server: VllmServer, base: Path, machine: Machine) -> None:
        """Name it.

        Args:
            server: Its configuration.
            base: The folder that relative paths in it start from.
            machine: What it runs on.
        """
        self._server = server
        self._base = base
        self._machine = machine
        self._lock = threading.Lock()
        self._presence = Presence()
        self._seen: _Seen | None = None
        self._told = ""
        self._doubts = 0
        self._looked = float("-inf")
        self._looking = False
        self._inside = 0
        self._done = 0
        """Requests that have ended since it was looked at."""
        self._pace = 0.0
        """Requests that end in a second."""

    async def enter(self, tokens: int) -> float:
        """Seconds after which to ask again; 0: the request may be sent, and `leave` follows.

        Args:
            tokens: The most that its prompt and its reply may take of the KV cache.

        Raises:
            SettingsError: another configuration has started it, with another model.
        """
        await self._look()
        with self._lock:
            seen = self._seen
            if seen is None or not self._has_room(seen, tokens):
                return LOOK_S
            if time.monotonic() - self._looked > OLD_S:
                return _SOON_S  # somebody else is just looking
            self._inside += 1
            return 0

    def leave(self) -> None:
        """A request that was sent has ended."""
        with self._lock:
            self._inside -= 1
            self._done += 1

    def doubt(self) -> None:
        """It has lost a request: it is looked at again before the next is sent."""
        with self._lock:
            self._presence.lost()
            self._seen = None
            self._doubts += 1

    def _has_room(self, seen: _Seen, tokens: int) -> bool:
        if seen.load is None:
            return not seen.trouble  # what nobody will bring back fails at once
        if seen.trouble:
            return not self._inside  # one shows whether it works again
        queue = max(QUEUE, round(self._pace * AHEAD_S))
        return self._inside + seen.others < _capacity(seen.load, tokens, queue)

    async def _look(self) -> None:
        with self._lock:
            fresh = self._seen is not None and time.monotonic() - self._looked < LOOK_S
            if self._looking or fresh:
                return
            self._looking = True
            doubts, busy = self._doubts, self._inside > 0
        try:
            seen = await in_thread(self._looked_at)
            with self._lock:
                if doubts == self._doubts:
                    self._keep(seen, busy=busy)
        finally:
            with self._lock:
                self._looking = False

    def _looked_at(self) -> Look:
        if self._seen is None:
            refuse_another_model(self._server, self._base)
        return look(self._server.name, self._server.port)

    def _keep(self, seen: Look, *, busy: bool) -> None:
        now, told = time.monotonic(), seen.load
        # A moment without an end is not yet a slower pace.
        self._pace = max(self._done / (now - self._looked), self._pace / 2)
        self._looked, self._done = now, 0
        there = told.running + told.waiting if told else 0
        trouble = self._presence.trouble(seen, busy=busy)
        if trouble and trouble != self._told:
            _log.warning("%s %s: requests wait for it.", self._server.name, trouble)
        self._told = trouble
        self._seen = _Seen(told, trouble, max(0, there - self._inside))
        if told is not None:
            self._machine.has(there)


def _capacity(told: Load, tokens: int, queue: int) -> int:
    """How many requests of that size may be under way on a server, all told."""
    if told.waiting:
        return told.running + queue
    more = max(BURST, told.running, queue)
    if told.free_tokens is not None:
        more = min(more, max(1, told.free_tokens // tokens))
    return told.running + more
