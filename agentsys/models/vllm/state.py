"""What is known of each server that was started: a folder for each under the user's data.

A supervisor writes it, everybody reads it. Whoever holds the lock of a folder starts servers there.
"""

import fcntl
import json
import os
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from agentsys.errors import StoreError
from agentsys.processes import Process, is_alive
from agentsys.settings import home

Phase = Literal["starting", "ready", "restarting", "stopping", "stopped", "failed", "killed"]
"""`restarting`: it has crashed and is waited for; `failed`: given up; `killed`: its supervisor was
killed, and the server with it."""

RUNNING: tuple[Phase, ...] = ("starting", "ready", "restarting", "stopping")


@dataclass(frozen=True, slots=True)
class State:
    """How one server is."""

    phase: Phase
    supervisor: Process
    session: int
    group: int = 0
    """The process group of the server."""
    pid: int | None = None
    """Of the server."""
    since: float = 0.0
    """When the server was started, in seconds since 1970."""
    ready_after_s: float | None = None
    restarts: int = 0
    problem: str = ""
    """Why it crashed or was given up."""


def folder(name: str) -> Path:
    """Where state and log of a server are."""
    return home() / "vllm" / name


def names() -> list[str]:
    """The servers of which something is known."""
    with suppress(OSError):
        return sorted(f.name for f in (home() / "vllm").iterdir() if (f / "state.json").exists())
    return []


def write(place: Path, name: str, text: str) -> None:
    """Put a file in place at once, readable for its owner alone."""
    draft = place / f".{name}.{os.getpid()}"
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    os.replace(draft, place / name)


def write_state(place: Path, state: State) -> None:
    """Say how the server is."""
    write(place, "state.json", json.dumps(asdict(state), indent=1))


def recorded(place: Path) -> State | None:
    """What the last supervisor said; `None` where there was none."""
    try:
        given: dict[str, Any] = json.loads((place / "state.json").read_text(encoding="utf-8"))
        given["supervisor"] = Process(**given["supervisor"])
        return State(**given)
    except (OSError, ValueError, TypeError, KeyError):
        return None


def phase_of(state: State | None) -> Phase:
    """How a server is, whatever its supervisor was able to say."""
    if state is None:
        return "stopped"
    if state.phase in RUNNING and not is_alive(state.supervisor):
        return "killed"
    return state.phase


def made(place: Path) -> Path:
    """The folder, made where it was not there.

    Raises:
        StoreError: it cannot be.
    """
    try:
        place.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise StoreError(
            f"{place} cannot be made: {error.strerror}.",
            hint="Set AGENTSYS_HOME to a folder that can be written.",
        ) from error
    return place


def lock(place: Path) -> int | None:
    """An open file that has the lock of the folder until it is closed; `None`: somebody has it."""
    descriptor = os.open(place / ".lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        return None
    return descriptor


@contextmanager
def only_one(place: Path) -> Generator[None]:
    """Wait until nobody else is in such a block of that folder.

    Raises:
        StoreError: the folder cannot be used.
    """
    made(place)
    while (descriptor := lock(place)) is None:
        time.sleep(0.05)
    try:
        yield
    finally:
        os.close(descriptor)
