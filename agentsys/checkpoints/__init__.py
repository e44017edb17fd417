"""LangGraph's own savers, by URL. They keep the state of runs that have an id of their own."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

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
    place = _place(url)
    opened = _opened(url)
    try:
        inner = await opened.__aenter__()
    except AgentSysError:
        raise
    except Exception as error:  # each saver raises the errors of its own client
        hint = _NO_MODULES if url.startswith(_REDIS) and _lacks_modules(error) else ""
        raise unusable(place, error, hint) from error
    try:
        yield Saver(inner, place)
    finally:
        await opened.__aexit__(None, None, None)


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
        await saver.setup()
        yield saver


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
