"""Processes of this machine, told apart even where their numbers are used again.

The one importer of psutil.
"""

import os
import signal
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass

import psutil

_SAME_S = 1.0
"""Two readings of when a process began may differ by this: the clock was set in between."""


@dataclass(frozen=True, slots=True)
class Process:
    """A process by its number and when it began, which no other has both of."""

    pid: int
    started: float


def process(pid: int) -> Process | None:
    """The process that has this number now; `None` where there is none, or it has ended."""
    try:
        found = psutil.Process(pid)
        if found.status() == psutil.STATUS_ZOMBIE:
            return None
        return Process(pid, found.create_time())
    except psutil.Error:
        return None


def is_alive(given: Process | None) -> bool:
    """Whether it is there, and not another one of the same number."""
    found = given and process(given.pid)
    return bool(given and found and abs(found.started - given.started) < _SAME_S)


def send(given: Process | None, number: signal.Signals) -> None:
    """Send it a signal; nothing happens where it has ended."""
    if given is None or not is_alive(given):
        return
    with suppress(psutil.Error):
        psutil.Process(given.pid).send_signal(number)


def members(group: int, session: int, since: float) -> list[Process]:
    """The living processes of a process group, in that session, that began at that time or later.

    While one of them is there, the numbers of group and session are nobody else's.
    """
    found = [each for pid in psutil.pids() if _is_in(pid, group, session) if (each := process(pid))]
    return [each for each in found if each.started > since - _SAME_S]


def _is_in(pid: int, group: int, session: int) -> bool:
    with suppress(OSError):
        return os.getpgid(pid) == group and os.getsid(pid) == session
    return False


def listeners(port: int, *, among: Collection[Process] = ()) -> list[tuple[int | None, str]]:
    """Who listens at a TCP port: numbers and names of processes, unknown for those of others.

    Where the system says that only of known processes, `among` are those that are looked at.
    """
    try:
        found = psutil.net_connections("tcp")
        pids = [c.pid for c in found if _is_at(c.status, c.laddr, port)]
    except psutil.Error:
        pids = [each.pid for each in among if _is_listening(each.pid, port)]
    return [(pid, _name(pid)) for pid in dict.fromkeys(pids)]


def _is_listening(pid: int, port: int) -> bool:
    with suppress(psutil.Error):
        found = psutil.Process(pid).net_connections("tcp")
        return any(_is_at(c.status, c.laddr, port) for c in found)
    return False


def _is_at(status: str, address: Sequence[object], port: int) -> bool:
    return status == psutil.CONN_LISTEN and address[1:2] == (port,)


def _name(pid: int | None) -> str:
    with suppress(psutil.Error):
        return psutil.Process(pid).name() if pid else ""
    return ""


def free_memory() -> int:
    """Bytes of main memory that can be had without swapping."""
    return psutil.virtual_memory().available


def total_memory() -> int:
    """Bytes of main memory."""
    return psutil.virtual_memory().total
