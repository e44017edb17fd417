"""LangGraph's own savers, by URL. They keep the state of runs that have an id of their own."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

from agentsys.budgets import surely
from agentsys.checkpoints.saver import Saver, unusable
from agentsys.checkpoints.text import TextSerializer
from agentsys.errors import AgentSysError, SettingsError, StoreError

_SQLITE = "sqlite:///"
_POSTGRES = ("postgresql://", "postgres://")
_REDIS = ("redis://", "rediss://")

WAIT_S = 30.0
"""How long to wait for another process that is writing to the same file."""

_NO_MODULES = (
    "It needs RediSearch and RedisJSON, which Redis 8 has; or set 'checkpoints' under [store] to "
    "'sqlite:///PATH' or 'postgresql://…'."
)


@dataclass
class _Shared:
    """A saver that is open while anybody uses it: a connection for all runs of an event loop."""

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    users: int = 0
    opened: Any = None
    saver: Saver | None = None


_shared: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[str, _Shared]] = WeakKeyDictionary()


@asynccontextmanager
async def checkpointer(url: str) -> AsyncGenerator[Saver]:
    """The saver at a URL, with its tables made.

    `sqlite:///PATH` is a file of this machine; `postgresql://…` needs the extra
    `agentsys[postgres]`; `redis://…` the extra `agentsys[redis-checkpoints]` and a server with
    RediSearch and RedisJSON, such as Redis 8.

    Raises:
        SettingsError: the URL is of another form, or its saver is not installed.
        StoreError: the saver's server or file cannot be used.
    """
    shared = _shared.setdefault(asyncio.get_running_loop(), {}).setdefault(url, _Shared())
    async with shared.lock:
        if not shared.users:
            shared.opened = _opened(url)
            shared.saver = Saver(await _entered(shared.opened, url), _place(url))
        shared.users += 1
    assert shared.saver is not None
    try:
        yield shared.saver
    finally:
        await surely(_left(shared))


async def _entered(opened: Any, url: str) -> Any:
    try:
        return await opened.__aenter__()
    except AgentSysError:
        raise
    except Exception as error:  # each saver raises the errors of its own client
        hint = _NO_MODULES if url.startswith(_REDIS) and _lacks_modules(error) else ""
        raise unusable(_place(url), error, hint) from error


async def _left(shared: _Shared) -> None:
    async with shared.lock:
        shared.users -= 1
        if not shared.users:
            await shared.opened.__aexit__(None, None, None)


def _opened(url: str) -> Any:
    if url.startswith(_SQLITE):
        return _sqlite(url.removeprefix(_SQLITE))
    if url.startswith(_POSTGRES):
        return _postgres(url)
    if url.startswith(_REDIS):
        return _redis(url)
    raise SettingsError(
        f"{_place(url)!r} cannot keep checkpoints.",
        hint="Allowed are 'sqlite:///PATH', 'postgresql://…' and 'redis://…'.",
    )


@asynccontextmanager
async def _sqlite(path: str) -> AsyncGenerator[Any]:
    import aiosqlite
    from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver

    _require_file(path)
    async with aiosqlite.connect(path, timeout=WAIT_S) as connection:
        names = await connection.execute_fetchall("SELECT name FROM sqlite_master")
        tables = {name for (name,) in names}
        if tables and not {"checkpoints", "writes"} <= tables:
            raise StoreError(
                f"{path} cannot keep checkpoints: it is the database of another program.",
                hint="Set 'checkpoints' under [store] to a file of its own.",
            )
        saver = AsyncSqliteSaver(connection, serde=TextSerializer())
        await saver.setup()
        yield saver


def _require_file(path: str) -> None:
    """Make the file where there is none: a thread of aiosqlite's that fails to outlives its loop.

    Raises:
        OSError: it cannot be written.
    """
    if path != ":memory:":
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).open("ab").close()


@asynccontextmanager
async def _postgres(url: str) -> AsyncGenerator[Any]:
    _need("langgraph.checkpoint.postgres", "postgres")
    from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver  # pyright: ignore

    opened: Any = AsyncPostgresSaver.from_conn_string(url, serde=TextSerializer())  # pyright: ignore
    async with opened as saver:
        # One process at a time makes the tables. It is waited for outside of transactions, for
        # which `CREATE INDEX CONCURRENTLY` would wait in turn.
        await _locked(saver)
        try:
            await saver.setup()
        finally:
            await _has(saver, "pg_advisory_unlock")
        yield saver


async def _locked(saver: Any) -> None:
    while True:
        if await _has(saver, "pg_try_advisory_lock"):
            return
        await asyncio.sleep(0.02)


async def _has(saver: Any, function: str) -> bool:
    """Whether one of Postgres' functions on the lock around the making of tables gives true."""
    cursor = await saver.conn.execute(f"SELECT {function}(hashtext('agentsys')) AS it")
    return bool((await cursor.fetchone())["it"])


@asynccontextmanager
async def _redis(url: str) -> AsyncGenerator[Any]:
    _need("langgraph.checkpoint.redis", "redis-checkpoints")
    from langgraph.checkpoint.redis.aio import AsyncRedisSaver  # pyright: ignore

    saver: Any = AsyncRedisSaver(redis_url=url)  # pyright: ignore
    saver.serde = TextSerializer()
    try:
        await saver.asetup()
        yield saver
    finally:
        await saver.__aexit__(None, None, None)


def _need(module: str, extra: str) -> None:
    package, _, name = module.rpartition(".")
    if find_spec(package) is None or find_spec(f"{package}.{name}") is None:
        raise SettingsError(
            f"{module} is not installed.", hint=f"Install it: pip install 'agentsys[{extra}]'."
        )


def _lacks_modules(error: Exception) -> bool:
    return "unknown command" in str(error).lower()


def _place(url: str) -> str:
    """The URL without a password."""
    scheme, colon, rest = url.partition("://")
    return scheme + colon + rest.partition("?")[0].rpartition("@")[2]
