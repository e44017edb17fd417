"""Joules of GPUs, shared out among the requests under way on them, as a machine's time is."""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

RESOLUTION_S = 0.1
"""While requests are under way a GPU is read no more often. What it shows is renewed every 20 to
100 ms (Yang, Adamek and Armour 2024, arXiv 2312.02741); a reading may take some milliseconds."""


@dataclass(frozen=True, slots=True)
class Mark:
    """When a request began on a GPU."""

    joules: float
    gaps: int


class Gpu:
    """One GPU. Safe for tasks, threads and event loops.

    What it takes from one reading to the next is divided evenly among the requests that are under
    way, so that what all of them are given is what it took while there was one: idle power and what
    others do on it included. It is read when the first request begins, when the last one ends, and
    at most every `RESOLUTION_S` in between; a request that is shorter may be given nothing, and its
    part goes to those beside it.
    """

    def __init__(
        self,
        read: Callable[[], float | None],
        *,
        every_s: float | None = None,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        """Nothing is read yet.

        Args:
            read: Joules since some moment; `None`: nobody knows. Less than before: it has begun
                anew.
            every_s: How often it must be read while requests are under way, in a thread.
            now: A clock.
        """
        self._joules = read
        self._every_s = every_s
        self._now = now
        self._lock = threading.Lock()
        self._own = 0
        self._others: dict[object, int] = {}
        self._clock = 0.0
        """Joules that a request would have been given which was there from the beginning."""
        self._gaps = 0
        """How often it was not known what was taken: nothing that began before is measured."""
        self._last: float | None = None
        self._read_at = float("-inf")
        self._idle = threading.Event()

    def begin(self) -> Mark:
        """A request begins; the mark says when."""
        with self._lock:
            self._advance(surely=not self._own)
            self._own += 1
            if self._own == 1 and self._every_s is not None:
                self._idle = threading.Event()
                watch = threading.Thread(
                    target=self._watch, args=(self._idle, self._every_s), daemon=True
                )
                watch.start()
            return Mark(self._clock, self._gaps)

    def end(self, mark: Mark) -> float | None:
        """A request ends; joules that it was given since it began, `None`: nobody knows."""
        with self._lock:
            self._advance(surely=self._own == 1)
            self._own -= 1
            if not self._own:
                self._idle.set()
            return self._clock - mark.joules if mark.gaps == self._gaps else None

    def has_others(self, whose: object, requests: int) -> None:
        """So many requests that are not ours are under way on it, as one server says."""
        with self._lock:
            if self._own:
                self._advance()
            self._others[whose] = requests

    def _advance(self, *, surely: bool = False) -> None:
        now = self._now()
        if not surely and now - self._read_at < RESOLUTION_S:
            return
        joules, last = self._joules(), self._last
        self._read_at, self._last = now, joules
        if joules is None or last is None or joules < last:
            self._gaps += 1
            return
        # Where nobody is, the clock may run: nobody reads it.
        self._clock += (joules - last) / max(1, self._own + sum(self._others.values()))

    def _watch(self, idle: threading.Event, every_s: float) -> None:
        while not idle.wait(every_s):
            with self._lock:
                if not idle.is_set():
                    self._advance(surely=True)


class Meter:
    """The GPUs that one server runs on; without any, nothing is measured."""

    def __init__(self, gpus: Sequence[Gpu] = ()) -> None:
        self.gpus = tuple(gpus)

    def begin(self) -> tuple[Mark, ...]:
        """A request begins on all of them."""
        return tuple(gpu.begin() for gpu in self.gpus)

    def end(self, marks: tuple[Mark, ...]) -> float | None:
        """The request ends; its joules, `None` where they are not known of every GPU."""
        given = [gpu.end(mark) for gpu, mark in zip(self.gpus, marks, strict=True)]
        known = [joules for joules in given if joules is not None]
        return sum(known) if known and len(known) == len(given) else None

    def has_others(self, requests: int) -> None:
        """So many requests that are not ours are under way on the server, as it says itself."""
        for gpu in self.gpus:
            gpu.has_others(self, requests)
