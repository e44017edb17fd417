"""Who is working on something, so that nobody else does, and who may take over when they die."""

import asyncio
import os
import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from uuid import uuid4

from agentsys.budgets import surely
from agentsys.errors import Busy, StoreError
from agentsys.stores import ABSENT, Store

LEASE_S = 30.0
"""After this time without a sign of life, what was leased is free again."""

_SPACE = "leases"

_ENDED = ""
"""In place of a process: the work has ended, or was left to others."""
_SEEN_S = 3600.0
"""How long that is kept."""


@asynccontextmanager
async def leased(
    store: Store, name: str, what: str, *, after_s: float = 0.0
) -> AsyncGenerator[None]:
    """Be the only one, on all machines, who works on `name` inside this block.

    A process of this machine that has died gives its lease up at once. Who did not show a sign of
    life for too long, and was followed by another process, is cancelled.

    Args:
        store: Where the lease is kept.
        name: What is worked on.
        what: The same in words, for the error.
        after_s: Take the lease only once the block has lasted so long: for work that is mostly
            short, and that hardly anybody else can know of so soon.

    Raises:
        UserError: somebody else does.
        StoreError: the store cannot be used.
    """
    lease = _Lease(store, name, what)
    task, around = asyncio.current_task(), _INNERMOST.get()
    assert task is not None
    _INNERMOST.set(lease)
    try:
        if not after_s:
            await surely(lease.take())
        keeping = _Keeping(lease, task, after_s)
        try:
            yield
        except asyncio.CancelledError:
            if lease.lost and not task.uncancel():
                raise lease.taken_by("another process, which has taken over") from None
            raise
        finally:
            await keeping.end()
    finally:
        _INNERMOST.set(around)
        with suppress(StoreError):  # it runs out by itself
            await lease.give_back()


def is_taken_over() -> bool:
    """Whether the lease around this, the innermost one, is somebody else's by now."""
    lease = _INNERMOST.get()
    return lease is not None and lease.lost


class _Keeping:
    """Keeps a lease in the background, from some time on."""

    def __init__(self, lease: "_Lease", owner: asyncio.Task[object], after_s: float) -> None:
        self._lease, self._owner = lease, owner
        self._task: asyncio.Task[None] | None = None
        self._timer = asyncio.get_running_loop().call_later(after_s or LEASE_S / 3, self._begin)

    def _begin(self) -> None:
        self._task = asyncio.ensure_future(self._lease.keep(self._owner))

    async def end(self) -> None:
        self._timer.cancel()
        if self._task is not None:
            self._task.cancel()
            await surely(_ended(self._task))


async def holders(store: Store) -> dict[str, str]:
    """The processes that work on something now, by what that is called."""
    found = await store.values(_SPACE)
    processes = {name: _process_in(str(v.data)) for name, v in found.items()}
    return {n: whose for n, whose in processes.items() if whose != _ENDED and not is_gone(whose)}


@dataclass
class _Lease:
    store: Store
    name: str
    what: str
    version: int | None = None
    lost: bool = False
    unsure: bool = False
    """Whether it may have been written without an answer."""
    value: str = field(default_factory=lambda: f"{process()}:{uuid4().hex[:12]}")
    """The process, and what tells this lease from its others."""

    async def take(self) -> None:
        """Have it.

        Raises:
            Busy: somebody else has it.
        """
        if await self._put(ABSENT):
            return
        before = await self.store.get(_SPACE, self.name)
        if before is not None and before.data != _ENDED and not is_gone(before.data):
            raise self.taken_by(_shown(before.data))
        if not await self._put(ABSENT if before is None else before.version):
            raise self.taken_by("another process")

    async def keep(self, owner: asyncio.Task[object]) -> None:
        """Show signs of life until this is cancelled; where somebody took over, cancel `owner`."""
        while True:
            with suppress(StoreError):  # the next time may do; without any, the lease runs out
                await surely(self._renew())
            if self.lost:
                owner.cancel()
                return
            await asyncio.sleep(LEASE_S / 3)

    async def give_back(self) -> None:
        await surely(self._end())

    def taken_by(self, whom: str) -> Busy:
        return Busy(
            f"{self.what} is being worked on by {whom}.",
            hint=f"Wait for it to end; where it has died, for {LEASE_S:g} seconds at most.",
        )

    async def _renew(self) -> None:
        had = self.version is not None and await self._put(self.version)
        self.lost = not (had or await self._put(ABSENT) or await self._is_ours())

    async def _is_ours(self) -> bool:
        """Whether what is stored is this lease; its version is known then."""
        found = await self.store.get(_SPACE, self.name)
        if found is None or found.data != self.value:
            return False
        self.version, self.unsure = found.version, False
        return True

    async def _end(self) -> None:
        if self.unsure and not await self._is_ours():
            return
        if self.version is not None:
            # Who was held up for longer than a lease is to see that it was followed.
            await self.store.put(_SPACE, self.name, _ENDED, ttl=_SEEN_S, expected=self.version)

    async def _put(self, expected: int | None) -> bool:
        try:
            version = await self.store.put(
                _SPACE, self.name, self.value, ttl=LEASE_S, expected=expected
            )
        except StoreError:
            self.unsure = True
            raise
        self.version = version or self.version
        return version is not None


_INNERMOST: ContextVar[_Lease | None] = ContextVar("_INNERMOST", default=None)


async def _ended(task: asyncio.Task[None]) -> None:
    await asyncio.wait([task])


def process() -> str:
    """This process, as no other on any machine is called."""
    return _process(os.getpid())


@cache
def _process(pid: int) -> str:
    return f"{_machine()}:{pid}:{_started(pid)}"


def _process_in(value: str) -> str:
    """The process that a lease names."""
    return ":".join(value.split(":")[:3])


def is_gone(name: str) -> bool:
    """Whether a process is known to have ended; of other machines' nothing is known."""
    return _is_here(name) and not is_alive(name)


def is_alive(name: str) -> bool:
    """Whether a process is known to be there; of other machines' nothing is known."""
    _, pid, started = [*name.split(":"), "", ""][:3]
    if not _is_here(name) or not pid.isdecimal():
        return False
    try:
        os.kill(int(pid), 0)
    except (ProcessLookupError, OverflowError):
        return False
    except OSError:
        pass  # it is there and belongs to somebody else
    return _started(int(pid)) == started


def _is_here(name: str) -> bool:
    return name.split(":")[0] == _machine()


@cache
def _machine() -> str:
    """What tells machines apart, and containers, in which numbers of processes mean others."""
    parts = [socket.gethostname()]
    with suppress(OSError):
        parts.append(Path("/proc/sys/kernel/random/boot_id").read_text()[:8])
        parts.append(os.readlink("/proc/self/ns/pid").strip("pid:[]"))
    return "/".join(part.replace(":", "_") for part in parts)


def _started(pid: int) -> str:
    """When a process began, where the system says so: numbers of processes are used again."""
    with suppress(OSError, IndexError):
        status = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return "" if status[0] == "Z" else status[19]  # what is left of an ended process
    return ""


def _shown(name: str) -> str:
    machine, pid = name.split(":")[:2]
    return f"process {pid} on {machine.split('/')[0]}"
