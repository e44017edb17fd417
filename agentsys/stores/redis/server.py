"""One Redis server: connections, and what is sent over them.

Each event loop has connections of its own, which end with the loop.
"""

import asyncio
import random
import re
import time
from asyncio import AbstractEventLoop
from collections.abc import AsyncGenerator, Callable, Coroutine, Generator, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, TypeVar, cast

import redis
from redis import exceptions as _r
from redis.asyncio import ConnectionPool
from redis.asyncio.retry import Retry as AsyncRetry
from redis.backoff import NoBackoff
from redis.retry import Retry

from agentsys.errors import SettingsError, StoreError
from agentsys.stores.redis.address import described
from agentsys.stores.redis.scripts import script
from agentsys.stores.redis.troubles import evicting, explained, passes, too_new, too_old

# Their annotations leave types out.
_Redis = cast("Any", redis.Redis)
_Pool = cast("Any", ConnectionPool)

_LOST = (_r.ConnectionError, _r.TimeoutError)

T = TypeVar("T")

Argument = str | bytes | int
Command = Sequence[Argument]

VERSION = 1
"""Of the keys and what is in them; a later one brings what migrates from those before."""

_VERSION_KEY = "agentsys:{state}:version"
_OLDEST = (6, 2)
_PATIENCE_S = 1.2
"""How long to try to reach a server that is down: it may be starting anew."""
_FIRST_PAUSE_S = 0.02
"""Between two tries; doubled each time."""
_CONNECTIONS = 16
"""Most connections of one event loop: the server works on one command at a time anyway."""
_OPTIONS: dict[str, Any] = {"protocol": 2, "socket_timeout": 5.0, "socket_connect_timeout": 1.2}
"""For replies of one form, and for errors instead of endless waits."""


class _Failed(Exception):
    """The server did not do what it was asked, or its answer got lost (`sent`)."""

    def __init__(self, error: Exception, *, sent: bool) -> None:
        super().__init__()
        self.error = error
        self.sent = sent


@dataclass(frozen=True, slots=True)
class _Client:
    """What one event loop has."""

    pool: Any
    free: asyncio.Semaphore
    lifetime: AsyncGenerator[Any]


class Server:
    """The server at a URL.

    Raises:
        SettingsError: the URL cannot be used.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._name = described(url)
        self._checked = False
        self._clients: dict[AbstractEventLoop, _Client] = {}
        try:
            _Redis.from_url(url, **_OPTIONS).connection_pool.make_connection()
        except (ValueError, TypeError, _r.RedisError):
            # Their texts may hold the password.
            raise SettingsError(f"{self._name} cannot be used by this URL.") from None

    async def close(self) -> None:
        """Close the connections of this event loop; they open again when they are used."""
        client = self._clients.pop(asyncio.get_running_loop(), None)
        if client is not None:
            await client.lifetime.aclose()

    async def _script(
        self, name: str, keys: Sequence[Argument], *args: Argument, again: bool = True
    ) -> Any:
        """What a script gives.

        Args:
            name: Its name.
            keys: All keys that it touches.
            args: Its arguments.
            again: Whether it may be run a second time where the answer got lost.

        Raises:
            StoreError: it was not run, or nobody knows.
        """
        found = script(name)
        command = ("EVALSHA", found.sha, len(keys), *keys, *args)
        return (await self._run([command], found.text, again=again))[0]

    async def _commands(self, *commands: Command) -> list[Any]:
        """What commands give that may be run twice."""
        return await self._run(commands)

    async def _run(
        self, commands: Sequence[Command], text: str = "", *, again: bool = True
    ) -> list[Any]:
        """Run commands over one connection; `text` is sent where the server lacks a script."""
        pauses = _pauses()
        for _ in range(0 if again else 2):
            await asyncio.sleep(0)  # so that the loop learns which connections are gone
        with self._trouble():
            while True:
                try:
                    if not self._checked:
                        await self._check()
                    return await _unless_cancelled(self._exchange(commands, text))
                except _Failed as failure:
                    if failure.sent and self._checked and not again:
                        raise StoreError(
                            f"{self._name} was lost while it was written to.",
                            hint="Look whether it is written before you try again.",
                        ) from failure.error
                    pause = next(pauses, None)
                    if pause is None or not passes(failure.error):
                        raise failure.error from None
                await asyncio.sleep(pause)

    async def _exchange(self, commands: Sequence[Command], text: str = "") -> list[Any]:
        client = await self._client()
        async with client.free:
            try:
                connection = await client.pool.get_connection()
            except _LOST as error:
                raise _Failed(error, sent=False) from None
            try:
                return await _replies(connection, commands, text)
            except (_r.ReadOnlyError, _r.NoPermissionError):
                await connection.disconnect()  # the next one may be of another master or user
                raise
            except _r.BusyLoadingError as error:
                raise _Failed(error, sent=False) from None
            except _LOST as error:
                raise _Failed(error, sent=passes(error)) from None
            finally:
                await client.pool.release(connection)

    async def _client(self) -> _Client:
        """The connections of this event loop."""
        loop = asyncio.get_running_loop()
        if loop not in self._clients:
            lifetime = self._lifetime(loop)
            # Nothing else runs before this gives the pool.
            pool = await anext(lifetime)
            self._clients[loop] = _Client(pool, asyncio.Semaphore(_CONNECTIONS), lifetime)
        return self._clients[loop]

    async def _lifetime(self, loop: AbstractEventLoop) -> AsyncGenerator[Any]:
        """Connections that are closed at the latest when the loop ends its generators."""
        options = {**_OPTIONS, "retry": AsyncRetry(NoBackoff(), 0)}
        pool = _Pool.from_url(self._url, **options)
        try:
            yield pool
        finally:
            self._clients.pop(loop, None)
            await pool.disconnect()

    async def _check(self) -> None:
        """See that server and keys are of versions that we know; ours is set where none is."""
        info = b""
        with suppress(_r.NoPermissionError):
            info = (await self._exchange([("INFO", "server")]))[0]
        self._known(info)
        with suppress(_r.NoPermissionError):
            self._keeps((await self._exchange([("INFO", "memory")]))[0])
        found = script("open")
        command = ("EVALSHA", found.sha, 1, _VERSION_KEY, VERSION)
        self._known(info, (await self._exchange([command], found.text))[0])
        self._checked = True

    def _known(self, info: bytes, version: bytes | None = None) -> None:
        found = re.search(rb"redis_version:(\d+)\.(\d+)", info)
        if found and (int(found[1]), int(found[2])) < _OLDEST:
            raise too_old(self._name, f"{int(found[1])}.{int(found[2])}")
        if version is not None and version != b"%d" % VERSION:
            raise too_new(self._name, version)

    def _keeps(self, info: bytes) -> None:
        """See that it gives up no keys; ours have no time to live, so only `allkeys-…` would."""
        policy = re.search(rb"maxmemory_policy:(allkeys-[a-z]+)", info)
        if policy and not re.search(rb"maxmemory:0\b", info):
            raise evicting(self._name, policy[1].decode())

    @contextmanager
    def _reading(self) -> Generator[Callable[..., list[Any]]]:
        """What runs commands that only read, over a connection of its own."""
        retry = Retry(NoBackoff(), 0)
        with self._trouble(), _Redis.from_url(self._url, **_OPTIONS, retry=retry) as client:
            client.response_callbacks.clear()  # replies as they are

            def run(*commands: Command) -> list[Any]:
                pauses = _pauses()
                while True:
                    with self._trouble(), client.pipeline(transaction=False) as pipeline:
                        for command in commands:
                            pipeline.execute_command(*command)
                        try:
                            return pipeline.execute()
                        except _LOST as error:
                            pause = next(pauses, None)
                            if pause is None or not passes(error):
                                raise
                    time.sleep(pause)

            self._known(b"", run(("GET", _VERSION_KEY))[0])
            yield run

    @contextmanager
    def _trouble(self) -> Generator[None]:
        try:
            yield
        except (_r.RedisError, OSError) as error:
            raise explained(self._name, error) from error


async def _unless_cancelled(work: Coroutine[Any, Any, T]) -> T:
    """What `work` gives, unless this task was cancelled meanwhile.

    redis-py sends with `asyncio.wait_for`, which in Python 3.11 takes no notice of a cancellation
    that comes when the work is done (bpo-42130).
    """
    task = asyncio.current_task()
    before = task.cancelling() if task else 0
    done = await work
    if task and task.cancelling() > before:
        raise asyncio.CancelledError
    return done


async def _replies(connection: Any, commands: Sequence[Command], text: str) -> list[Any]:
    try:
        await connection.send_packed_command([_packed(command) for command in commands])
        return [await connection.read_response() for _ in commands]
    except _r.NoScriptError:
        # Only scripts, each of which is sent alone.
        await connection.send_command("EVAL", text, *commands[0][2:])
        return [await connection.read_response()]


def _packed(command: Command) -> bytes:
    """A command as it is sent (RESP 2); redis-py takes several times as long to say the same."""
    words = [
        word if isinstance(word, bytes) else str(word).encode("utf-8", "surrogatepass")
        for word in command
    ]
    return b"".join((b"*%d\r\n" % len(words), *(b"$%d\r\n%s\r\n" % (len(w), w) for w in words)))


def _pauses() -> Iterator[float]:
    """Seconds to wait before another try, as long as there is patience."""
    end, pause = time.monotonic() + _PATIENCE_S, _FIRST_PAUSE_S
    while time.monotonic() + pause < end:
        yield pause * random.uniform(0.5, 1)
        pause *= 2


def to_name(text: str) -> bytes:
    """A name as bytes; lone surrogates too."""
    return text.encode("utf-8", "surrogatepass")


def from_name(name: bytes) -> str:
    """The name that `to_name` was given."""
    return name.decode("utf-8", "surrogatepass")
