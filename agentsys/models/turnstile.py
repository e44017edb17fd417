"""Who may begin: any number at once for one model, but never for two models at the same time."""

import threading
from collections import deque
from collections.abc import Generator
from contextlib import contextmanager


class Turnstile:
    """Lets threads in, in the order they come, as long as all inside are of one kind."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._waiting: deque[object] = deque()
        self._kind: object = None
        self._inside = 0

    @property
    def waiting(self) -> int:
        """How many are not in yet."""
        return len(self._waiting)

    @contextmanager
    def entered(self, kind: object) -> Generator["Pass"]:
        """Wait for the turn; leave at the end of the block, or before it by the pass."""
        ticket = object()
        with self._changed:
            self._waiting.append(ticket)
            self._changed.wait_for(lambda: self._waiting[0] is ticket and self._takes(kind))
            self._waiting.popleft()
            self._kind = kind
            self._inside += 1
            self._changed.notify_all()
        own = Pass(self)
        try:
            yield own
        finally:
            own.leave()

    def leave(self) -> None:
        """One is out."""
        with self._changed:
            self._inside -= 1
            self._changed.notify_all()

    def _takes(self, kind: object) -> bool:
        return self._inside == 0 or self._kind is kind


class Pass:
    """Of one thread that is inside."""

    def __init__(self, turnstile: Turnstile) -> None:
        self._turnstile = turnstile
        self._left = False

    def leave(self) -> None:
        """Let others in; a second time does nothing."""
        if not self._left:
            self._left = True
            self._turnstile.leave()
