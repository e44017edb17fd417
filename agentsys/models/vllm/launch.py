"""Start a supervisor that outlives the terminal, and stop one with all that it has started."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from agentsys.errors import AgentSysError
from agentsys.models.vllm.log import last_line
from agentsys.models.vllm.plan import Plan
from agentsys.models.vllm.state import RUNNING, folder, lock, made, phase_of, recorded, write
from agentsys.processes import is_alive, members, send

_KEPT_LOG = 10_000_000
"""Bytes of a log that the next start still adds to; a longer one is put aside."""

_MARGIN_S = 15.0
"""What a supervisor takes, beside its server's grace, to stop."""


def launch(plan: Plan) -> bool:
    """Start the server in the background; `False`: somebody else has started it.

    Raises:
        AgentSysError: no supervisor can be started here.
        StoreError: there is no place for its state.
    """
    place = made(folder(plan.name))
    while (held := lock(place)) is None:
        if is_taken(plan.name):
            return False
        time.sleep(0.02)  # somebody is just starting or ending
    try:
        sweep(plan.name)
        write(place, "plan.json", plan.as_json())
        _set_long_log_aside(place / "log")
        _start(place, held)
    finally:
        os.close(held)
    return True


def _start(place: Path, held: int) -> None:
    log = place / "log"
    with os.fdopen(os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600), "ab") as out:
        words = [sys.executable, "-P", "-m", "agentsys.models.vllm.supervisor", str(place)]
        first = subprocess.run(
            [*words, str(held)],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            pass_fds=[held],
            start_new_session=True,
        )
    if first.returncode != 0:
        raise AgentSysError(f"No supervisor can be started: {last_line(log)}.")


def stop(name: str, grace_s: float) -> bool:
    """End a server and its supervisor, and wait for it; `False`: it was not running."""
    place = folder(name)
    state = recorded(place)
    if state is None:
        return False
    running = is_alive(state.supervisor)
    send(state.supervisor, signal.SIGTERM)
    end = time.monotonic() + grace_s + _MARGIN_S
    while is_alive(state.supervisor) and time.monotonic() < end:
        time.sleep(0.05)
    # Its server's watch sees to the rest.
    send(state.supervisor, signal.SIGKILL)
    return bool(sweep(name)) or running


def sweep(name: str) -> int:
    """End what is left of a server whose supervisor is gone; how many processes that were."""
    state = recorded(folder(name))
    if state is None or not state.group or is_alive(state.supervisor):
        return 0
    left = members(state.group, state.session, state.since)
    for each in left:
        send(each, signal.SIGKILL)
    while any(is_alive(each) for each in left):
        time.sleep(0.02)
    return len(left)


def is_taken(name: str) -> bool:
    """Whether a server of that name is running or being started."""
    return phase_of(recorded(folder(name))) in RUNNING


def _set_long_log_aside(log: Path) -> None:
    if log.exists() and log.stat().st_size > _KEPT_LOG:
        log.replace(log.with_name("log.old"))
