"""How the servers are: what their supervisors say, and what they say themselves."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

from agentsys.models.vllm import api
from agentsys.models.vllm.metrics import Load, load
from agentsys.models.vllm.plan import Plan, read_plan
from agentsys.models.vllm.state import Phase, folder, names, phase_of, recorded
from agentsys.processes import listeners
from agentsys.servers import VllmServer
from agentsys.settings import Settings


@dataclass(frozen=True, slots=True)
class Status:
    """One server."""

    name: str
    phase: Phase
    server: VllmServer | None
    """Its configuration; `None` where another one has started it."""
    plan: Plan | None
    """What was started; `None` where nothing was yet."""
    pid: int | None = None
    uptime_s: float | None = None
    restarts: int = 0
    load: Load | None = None
    """What it does; `None` where it does not say."""
    adapters: tuple[str, ...] = ()
    """Those that are loaded."""
    problem: str = ""
    """What is wrong, or was the last time."""

    @property
    def port(self) -> int:
        """Where it answers, or is to."""
        if self.plan is not None and (self.pid or self.server is None):
            return self.plan.port
        return self.server.port if self.server else 0


def statuses(settings: Settings) -> list[Status]:
    """Those of the configuration, then what others have running."""
    configured = [status(server.name, server) for server in settings.vllm]
    known = {each.name for each in configured}
    others = [status(name, None) for name in names() if name not in known]
    return configured + [each for each in others if each.pid is not None]


def status(name: str, server: VllmServer | None) -> Status:
    """One server."""
    place = folder(name)
    state, plan = recorded(place), read_plan(place)
    phase = phase_of(state)
    if state is None or plan is None or phase not in ("starting", "ready", "restarting"):
        problem = state.problem if state and phase == "failed" else ""
        if phase == "killed":
            problem = "its supervisor was killed, and the server with it"
        restarts = state.restarts if state else 0
        return Status(
            name, phase, server, plan, restarts=restarts, problem=problem or _foreign(server)
        )
    told = load(api.get(plan.port, "/metrics").text) if phase == "ready" else None
    served = (api.models(plan.port) or []) if phase == "ready" else []
    return Status(
        name,
        phase,
        server,
        plan,
        pid=state.pid,
        uptime_s=time.time() - state.since,
        restarts=state.restarts,
        load=told,
        adapters=tuple(each for each in served if each != name),
        problem=state.problem,
    )


def _foreign(server: VllmServer | None) -> str:
    found: Sequence[tuple[int | None, str]] = listeners(server.port) if server else ()
    if not found or server is None:
        return ""
    pid, name = found[0]
    who = f"process {pid} ({name})" if pid else "another program"
    return f"port {server.port} is taken by {who}"
