"""Bring servers up: what is running stays, what is missing is started, and all are waited for."""

import time
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import Literal

from agentsys.errors import AgentSysError, SettingsError
from agentsys.models.vllm.launch import is_taken, launch, stop, sweep
from agentsys.models.vllm.log import last_line
from agentsys.models.vllm.plan import Plan, read_plan
from agentsys.models.vllm.prepare import (
    Prepared,
    prepare,
    refuse_taken_port,
    refuse_what_does_not_fit,
    starting,
)
from agentsys.models.vllm.state import Phase, folder, only_one, phase_of, recorded
from agentsys.servers import VllmServer
from agentsys.settings import Settings, home

_LOOK_S = 0.1


@dataclass(frozen=True, slots=True)
class Progress:
    """How far one server is."""

    name: str
    phase: Phase | Literal["waiting"]
    """`waiting`: for another one, to take its part of a device's memory."""
    seconds: float
    """Since it was asked for."""
    line: str
    """What it logged last, or why it failed."""
    already: bool
    """Whether it was running or being started by somebody else."""


class Up:
    """Servers that are being brought up."""

    def __init__(self, settings: Settings, servers: Sequence[VllmServer]) -> None:
        """Look at everything first, then start what can be started at once.

        Raises:
            SettingsError: something is missing, taken or too large; nothing has been started.
            StoreError: there is no place for their state.
        """
        self._plans = {server.name: prepare(settings, server) for server in servers}
        self._began = time.monotonic()
        self._mine: set[str] = set()
        """Those that this object has started."""
        self._ready: set[str] = set()
        with only_one(home() / "vllm"):
            self._waiting = self._missing()
            try:
                self._start_what_can_be()
            except BaseException:
                self.give_up()
                raise

    def progress(self, timeout_s: float) -> Generator[list[Progress]]:
        """How far they are, several times a second, until all are ready or have failed.

        Raises:
            AgentSysError: the time is over; what has not come up by then is stopped.
        """
        while True:
            now = [self._of(prepared.plan) for prepared in self._plans.values()]
            self._ready |= {each.name for each in now if each.phase == "ready"}
            yield now
            open_ones = [p for p in now if p.phase in ("starting", "restarting", "waiting")]
            if not open_ones:
                return
            if time.monotonic() - self._began > timeout_s:
                self.give_up()
                raise AgentSysError(
                    f"{open_ones[0].name!r} was not ready after {timeout_s:g} s: "
                    f"{open_ones[0].line or 'it logged nothing'}.",
                    hint="Give it more time with --timeout.",
                )
            time.sleep(_LOOK_S)
            self._start_what_can_be()

    def give_up(self) -> None:
        """Stop those that this object has started and that are not ready."""
        self._waiting.clear()
        for name in self._mine - self._ready:
            stop(name, self._plans[name].plan.grace_s)

    def _missing(self) -> list[Prepared]:
        found: list[Prepared] = []
        for prepared in self._plans.values():
            while phase_of(recorded(folder(prepared.plan.name))) == "stopping":
                time.sleep(_LOOK_S)
            if is_taken(prepared.plan.name):
                _must_be_like(prepared.plan)
            else:
                sweep(prepared.plan.name)
                refuse_taken_port(prepared.plan)
                found.append(prepared)
        if found:
            refuse_what_does_not_fit(found, starting())
        return found

    def _start_what_can_be(self) -> None:
        """Servers of one device come up one after the other: each measures what is free."""
        for prepared in list(self._waiting):
            devices = set(prepared.plan.takes)
            if any(devices & set(self._plans[name].plan.takes) for name in self._open()):
                continue
            self._waiting.remove(prepared)
            if launch(prepared.plan):
                self._mine.add(prepared.plan.name)

    def _open(self) -> list[str]:
        return [name for name in self._mine if phase_of(recorded(folder(name))) == "starting"]

    def _of(self, plan: Plan) -> Progress:
        place = folder(plan.name)
        state = recorded(place)
        phase = phase_of(state)
        seconds = time.monotonic() - self._began
        already = plan.name not in self._mine
        if any(waiting.plan is plan for waiting in self._waiting):
            return Progress(plan.name, "waiting", seconds, "", False)
        line = state.problem if state and phase == "failed" else last_line(place / "log")
        return Progress(plan.name, phase, seconds, line, already)


def _must_be_like(plan: Plan) -> None:
    """Whoever asks this server must get the one that is configured."""
    running = read_plan(folder(plan.name))
    if running is None or running.is_like(plan):
        return
    raise SettingsError(
        f"{plan.name!r} is running with other settings than {plan.file} has now.",
        hint=f"It was started by {running.file}. 'agentsys vllm down {plan.name}' stops it.",
    )
