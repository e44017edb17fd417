"""What all tries of one request have taken: tokens, time, joules, and money at each price."""

import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field

from agentsys.messages import Usage
from agentsys.models.machine import Machine
from agentsys.money import Price


@dataclass
class Taken:
    """The tries of one request, one after the other."""

    longest_s: float
    """What is held in a budget for all of them; no more is counted."""
    seconds: float = 0.0
    """That servers worked in all tries that have ended: without waits, and without servers that
    were not there."""
    _at: dict[Price, tuple[Usage, float]] = field(default_factory=dict[Price, tuple[Usage, float]])
    """What was taken at each price, and for how long. It is rounded once: rounding each try could
    cost more than was held for all of them."""
    _joules: list[float | None] = field(default_factory=list[float | None])
    """Of each try on GPUs of this machine."""
    _machine: Machine = field(default_factory=Machine)
    _began: tuple[float, float] = 0.0, 0.0
    """When the last try began, by the clock of this process and that of its machine."""

    @property
    def nano_usd(self) -> int:
        """What all tries that have ended cost."""
        return sum(price.of(usage, seconds) for price, (usage, seconds) in self._at.items())

    @property
    def energy_j(self) -> float | None:
        """Joules of this machine's GPUs in all tries that have ended; `None`: not measured."""
        known = [joules for joules in self._joules if joules is not None]
        return sum(known) if known and len(known) == len(self._joules) else None

    @contextmanager
    def work_of(self, machine: Machine) -> Generator[None]:
        """The machine works on the next try in this block."""
        self._machine = machine
        marks = machine.meter.begin()
        self._began = time.perf_counter(), machine.begin()
        try:
            yield
        finally:
            machine.end()
            if marks:
                self._joules.append(machine.meter.end(marks))

    def book(self, price: Price, usage: Usage) -> None:
        """Count the try that has just ended."""
        started, mark = self._began
        left_s = self.longest_s - self.seconds
        seconds = min(time.perf_counter() - started, left_s)
        paid_s = min(self._machine.since(mark), seconds) if price.share is None else seconds
        self.seconds += seconds
        before, worked = self._at.get(price, (Usage(0, 0), 0.0))
        told, said = before.tokens_in + usage.tokens_in, before.tokens_out + usage.tokens_out
        self._at[price] = Usage(told, said), worked + paid_s
