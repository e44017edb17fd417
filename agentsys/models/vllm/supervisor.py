"""Keeps one server running until it is asked to stop: `python -m` this, by `launch` alone.

It is the only writer of its server's state. Started with the lock of its folder, it gives it back
by ending.
"""

import os
import select
import shlex
import signal
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from agentsys.models.vllm import api
from agentsys.models.vllm.group import Group
from agentsys.models.vllm.log import reason
from agentsys.models.vllm.plan import Plan, read_plan
from agentsys.models.vllm.pulse import LOOKS, Pulse, is_idle
from agentsys.models.vllm.state import Phase, State, write_state
from agentsys.processes import listeners, process

_LOOK_S = 0.25
"""How often a server that starts is looked at; one that is ready, at its crash and every second,
or as often as it takes to see soon enough that it hangs."""

_NOTICE_S = 0.5
"""After this, whoever sends it requests has seen that it is stopping: `room.OLD_S`."""

_MOST_WORDS = 500
"""Characters of an error that are kept."""


class Supervisor:
    """One server, from its first start to its end."""

    def __init__(self, folder: Path, plan: Plan, wakes: int) -> None:
        own = process(os.getpid())
        assert own is not None
        self._folder = folder
        self._plan = plan
        self._wakes = wakes
        self._log = os.open(folder / "log", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        self._stopping = False
        self._start = 0
        self._state = State("starting", own, os.getsid(0), since=time.time())
        self.say("starting")

    def run(self) -> None:
        """Until it is asked to stop, or the server has crashed too often."""
        crashes = 0
        while True:
            problem, calm = self._serve()
            if self._stopping:
                return self.say("stopped", pid=None, problem="")
            crashes = 1 if calm else crashes + 1
            # What never came up does not come up by being tried again.
            if self._state.ready_after_s is None or crashes > len(self._plan.delays_s):
                return self.say("failed", pid=None, problem=problem)
            self.say("restarting", pid=None, problem=problem)
            self._pause(self._plan.delays_s[crashes - 1])
            if self._stopping:
                return self.say("stopped", problem="")
            self._plan = read_plan(self._folder) or self._plan  # its adapters may be others now
            self._state = replace(self._state, restarts=self._state.restarts + 1)

    def stop(self, *_: object) -> None:
        """Let it end soon; for signals."""
        self._stopping = True

    def say(self, phase: Phase, **changed: Any) -> None:
        """Write down how it is now."""
        self._state = replace(self._state, phase=phase, **changed)
        write_state(self._folder, self._state)

    def _serve(self) -> tuple[str, bool]:
        """Why the server ended, and whether it had been ready for long."""
        os.write(self._log, f"agentsys: starting {shlex.join(self._plan.command)}\n".encode())
        self._start = os.fstat(self._log).st_size
        env = {**os.environ, **{k: v for k, v in self._plan.env.items() if v is not None}}
        for gone in (key for key, value in self._plan.env.items() if value is None):
            env.pop(gone, None)
        try:
            group = Group(self._plan.command, env, folder=self._folder, log=self._log)
        except OSError as error:
            return f"{self._plan.argv[0]} cannot be started: {error.strerror}", False
        phase: Phase = "restarting" if self._state.restarts else "starting"
        self.say(phase, group=group.number, pid=group.pid, since=group.began)
        try:
            return self._watch(group)
        finally:
            group.kill()

    def _watch(self, group: Group) -> tuple[str, bool]:
        ready, heard = 0.0, time.monotonic()
        pulse = Pulse(self._plan.port, self._plan.name, self._plan.hung_s)
        while True:
            self._wait(min(1.0, self._plan.hung_s / LOOKS) if ready else _LOOK_S)
            if self._stopping:
                self._end(group)
                return "", False
            how = group.ended()
            now = time.monotonic()
            if how:
                why = reason(self._folder / "log", self._start)
                return f"{how}: {why[:_MOST_WORDS]}", bool(
                    ready
                ) and now - ready > self._plan.calm_s
            if self._answers(group, bool(ready)):
                heard = now
                if not ready:
                    ready = now
                    took = round(time.time() - group.began, 1)
                    self.say("ready", ready_after_s=took)
                elif pulse.is_gone():
                    return f"it did nothing for {self._plan.hung_s:g} s", False
            elif ready and now - heard > self._plan.hung_s:
                return f"it did not answer for {self._plan.hung_s:g} s", False

    def _answers(self, group: Group, known: bool) -> bool:
        """Whether it is healthy; at first also whether it is this server that answers."""
        if not api.get(self._plan.port, "/health").ok:
            return False
        if known:
            return True
        mine = group.members()
        there = listeners(self._plan.port, among=mine)
        return {pid for pid, _ in there} <= {each.pid for each in mine} and self._plan.name in (
            api.models(self._plan.port) or ()
        )

    def _end(self, group: Group) -> None:
        ready = self._state.phase == "ready"
        self.say("stopping")
        end = time.monotonic() + self._plan.grace_s
        if ready:
            self._drain(group, end - self._plan.grace_s / 3)
        group.ask_to_stop()
        while not group.ended() and time.monotonic() < end:
            self._wait(0.2)

    def _drain(self, group: Group, end: float) -> None:
        """Let what is under way finish, which being asked to stop would cut off."""
        known = time.monotonic() + _NOTICE_S
        while not group.ended() and (now := time.monotonic()) < end:
            if now > known and is_idle(self._plan.port):
                return
            self._wait(_LOOK_S)

    def _wait(self, seconds: float) -> None:
        """Until a signal comes or the time is over."""
        if select.select([self._wakes], [], [], seconds)[0]:
            os.read(self._wakes, 1024)

    def _pause(self, seconds: float) -> None:
        """Until it is asked to stop or the time is over."""
        end = time.monotonic() + seconds
        while not self._stopping and (left := end - time.monotonic()) > 0:
            self._wait(left)


def _wake_up(*_: object) -> None:
    """That a handler is there is enough: the signal ends a wait."""


def main(place: str, lock: str) -> None:
    """Go on in the background; return in the foreground when the state is written."""
    told, tell = os.pipe()
    if os.fork():
        os.close(tell)
        os.close(int(lock))
        os._exit(0 if os.read(told, 1) else 1)
    os.close(told)
    wakes, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, _wake_up)
    plan = read_plan(Path(place))
    assert plan is not None
    supervisor = Supervisor(Path(place), plan, wakes)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, supervisor.stop)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    os.write(tell, b".")
    os.close(tell)
    supervisor.run()


if __name__ == "__main__":
    main(*sys.argv[1:])
