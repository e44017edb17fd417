"""Who is working on something, so that nobody else does, and who may take over when they die."""

import asyncio
import os
import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from agentsys.errors import UserError
from agentsys.stores import ABSENT, Store

LEASE_S = 15.0
"""After this time without a sign of life, what was leased is free again."""

_SPACE = "leases"


@asynccontextmanager
async def leased(store: Store, name: str, what: str) -> AsyncGenerator[None]:
    """Be the only one, on all machines, who works on `name` inside this block.

    A process of this machine that has died gives its lease up at once.

    Raises:
        UserError: somebody else does; the message calls it `what`.
        StoreError: the store cannot be used.
    """
    version = await _taken(store, name, what)
    keeping = asyncio.ensure_future(_keep(store, name, version))
    try:
        yield
    finally:
        keeping.cancel()
        with suppress(asyncio.CancelledError):
            await keeping
        await asyncio.shield(store.delete(_SPACE, name))


async def _taken(store: Store, name: str, what: str) -> int:
    version = await store.put(_SPACE, name, process(), ttl=LEASE_S, expected=ABSENT)
    if version is not None:
        return version
    before = await store.get(_SPACE, name)
    if before is not None and not is_gone(before.data):
        raise UserError(
            f"{what} is being worked on by {_shown(before.data)}.",
            hint=f"Wait for it to end; if it has died, {LEASE_S:g} s are enough.",
        )
    expected = ABSENT if before is None else before.version
    version = await store.put(_SPACE, name, process(), ttl=LEASE_S, expected=expected)
    if version is None:
        raise UserError(f"{what} has just been taken up by another process.")
    return version


async def _keep(store: Store, name: str, version: int) -> None:
    while True:
        await asyncio.sleep(LEASE_S / 3)
        with suppress(Exception):  # the next time may do; without any, the lease runs out
            version = (
                await store.put(_SPACE, name, process(), ttl=LEASE_S, expected=version) or version
            )


def _started(pid: int) -> str:
    """When a process began, where the system says so: numbers of processes are used again."""
    with suppress(OSError, IndexError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    return ""


def process() -> str:
    """This process, as no other on any machine is called."""
    return f"{socket.gethostname()}:{os.getpid()}:{_started(os.getpid())}"


def is_gone(name: object) -> bool:
    """Whether a process is known to have ended; of other machines' nothing is known."""
    return _here(name) and not is_alive(name)


def is_alive(name: object) -> bool:
    """Whether a process is known to be there; of other machines' nothing is known."""
    _, pid, started = [*str(name).split(":"), "", ""][:3]
    if not _here(name) or not pid.isdecimal():
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return False
    except OSError:
        pass  # it is there and belongs to somebody else
    return _started(int(pid)) == started


def _here(name: object) -> bool:
    return str(name).split(":")[0] == socket.gethostname()


def _shown(name: object) -> str:
    host, pid = str(name).split(":")[:2]
    return f"process {pid} on {host}"
