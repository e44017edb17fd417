"""Whether a server that answers works as well: an engine may hang behind a door that does not.

vLLM's `/health` says only that the engine's process is there. But a server that has requests and
whose figures stay as they are for long does nothing.
"""

import json
import threading
import time
from dataclasses import dataclass, field
from typing import Any

from agentsys.models.vllm import api
from agentsys.models.vllm.metrics import Load, load

LOOKS = 12
"""So often it is looked at in the time for which it may be still."""


@dataclass
class Pulse:
    """The pulse of one running server."""

    port: int
    name: str
    patience_s: float
    """It may be still for so long."""
    _seen: Load | None = None
    _beat: float = field(default_factory=time.monotonic)
    """When it last did something, or had nothing to do."""
    _felt: float = 0.0
    _poked: bool = False

    def is_gone(self) -> bool:
        """Whether it has done nothing for too long although it has something to do."""
        now = time.monotonic()
        if now - self._felt >= self.patience_s / LOOKS:
            self._felt = now
            self._feel(now)
        return now - self._beat > self.patience_s

    def _feel(self, now: float) -> None:
        told = load(api.get(self.port, "/metrics").text)
        if told != self._seen or not _has_work(self.port, told):
            self._seen, self._beat, self._poked = told, now, False
        elif now - self._beat > self.patience_s / 2 and not self._poked:
            # It may have counted wrong. Then it has nothing to do but this, and does it.
            self._poked = True
            threading.Thread(target=self._poke, daemon=True).start()

    def _poke(self) -> None:
        asked = {"model": self.name, "prompt": ".", "max_tokens": 1}
        api.post(self.port, "/v1/completions", asked, timeout=self.patience_s)


def is_idle(port: int) -> bool:
    """Whether a server says that it has no requests, not even such as its engine has not seen."""
    told = load(api.get(port, "/metrics").text)
    return told is not None and has_nothing(port, told)


def has_nothing(port: int, told: Load) -> bool:
    """The same of a server that has told what it does."""
    return told.running + told.waiting == 0 and _accepted(port) == 0


def _has_work(port: int, told: Load | None) -> bool:
    if told is None:
        return False
    return told.running + told.waiting > 0 or bool(_accepted(port))


def _accepted(port: int) -> int | None:
    """Requests that it has not answered; `None` where it does not say."""
    try:
        told: dict[str, Any] = json.loads(api.get(port, "/load").text)
        return int(told["server_load"])
    except (ValueError, TypeError, KeyError):
        return None
