"""The real server, and what can be done to it."""

import asyncio
import json
import os
import signal
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from agentsys.models.vllm import api
from agentsys.models.vllm.metrics import load
from agentsys.models.vllm.plan import read_plan
from agentsys.models.vllm.state import State, recorded, write
from agentsys.processes import members, send
from tests.vllm_server import VllmServer

PATIENCE_S = 240.0
HUNG_S = 12.0
"""For so long an impatient supervisor lets its server be still, in place of a minute."""


@dataclass(frozen=True)
class Patient:
    """A real server, its processes and its supervisor."""

    server: VllmServer

    @property
    def place(self) -> Path:
        """Where its state is."""
        return self.server.home / "vllm" / "mini"

    @property
    def state(self) -> State:
        """What its supervisor says."""
        found = recorded(self.place)
        assert found is not None
        return found

    @property
    def inside(self) -> int:
        """Requests that it has accepted and not answered."""
        return json.loads(api.get(self.server.port, "/load").text)["server_load"]

    @property
    def idle(self) -> bool:
        """Whether its engine has nothing to do."""
        told = load(api.get(self.server.port, "/metrics").text)
        return told is not None and told.running + told.waiting == 0

    def pid(self, part: str) -> int:
        """The number of a part: `server`, `engine` or `worker`."""
        state = self.state
        if part == "server":
            return state.pid or 0
        pids = [each.pid for each in members(state.group, state.session, state.since)]
        names = {Path(f"/proc/{pid}/comm").read_text().strip().lower(): pid for pid in pids}
        return next(pid for name, pid in names.items() if name.startswith(f"vllm::{part}"))

    def send(self, number: signal.Signals, *parts: str) -> None:
        """Send parts of it a signal."""
        for part in parts:
            os.kill(self.pid(part), number)

    def go_on(self) -> None:
        """Let all of it run again that was stopped."""
        state = self.state
        for each in members(state.group, state.session, state.since):
            send(each, signal.SIGCONT)

    async def has(self, requests: int) -> None:
        """Wait until it has so many."""
        await eventually(lambda: self.inside == requests)

    async def restarted(self, before: State) -> None:
        """Wait until it is ready again after a crash."""
        restarts = before.restarts + 1
        await eventually(lambda: self.state.restarts >= restarts and self.state.phase == "ready")

    def be_impatient(self) -> None:
        """From its next start on, it is sooner taken for hung: the plan is read again then."""
        plan = read_plan(self.place)
        assert plan is not None
        write(self.place, "plan.json", replace(plan, hung_s=HUNG_S).as_json())


async def eventually(condition: Callable[[], object]) -> None:
    """Look until it holds."""
    async with asyncio.timeout(PATIENCE_S):
        while not condition():  # noqa: ASYNC110  (another process decides)
            await asyncio.sleep(0.05)
