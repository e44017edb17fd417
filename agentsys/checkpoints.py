"""LangGraph's own savers, by URL. They keep the state of runs that have an id of their own."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import is_dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, cast

from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.types import Send
from pydantic import BaseModel
from pydantic_core import PydanticSerializationError, to_jsonable_python

from agentsys.errors import AgentSysError, SettingsError, StoreError

Saver = Any
"""One of LangGraph's checkpoint savers; untyped, because two of them are extras."""

_SQLITE = "sqlite:///"
_POSTGRES = ("postgresql://", "postgres://")
_REDIS = ("redis://", "rediss://")


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
    try:
        if url.startswith(_SQLITE):
            opened = _sqlite(url.removeprefix(_SQLITE))
        elif url.startswith(_POSTGRES):
            opened = _postgres(url)
        elif url.startswith(_REDIS):
            opened = _redis(url)
        else:
            raise SettingsError(
                f"{url.partition('://')[0]!r} cannot keep checkpoints.",
                hint="Allowed are 'sqlite:///PATH', 'postgresql://…' and 'redis://…'.",
            )
        saver = await opened.__aenter__()
    except AgentSysError:
        raise
    except Exception as error:  # each saver raises the errors of its own client
        raise StoreError(
            f"The checkpoints at {_place(url)} cannot be used: {_line(error)}.",
            hint=_hint(url, error),
        ) from error
    try:
        yield saver
    finally:
        await opened.__aexit__(None, None, None)


class _Plain(JsonPlusSerializer):
    """State as JSON data: reading a checkpoint makes no object of any class it names.

    Nodes turn it into the types that they take.
    """

    def __init__(self) -> None:
        super().__init__(allowed_msgpack_modules=())

    def dumps_typed(self, obj: Any) -> tuple[str, bytes]:
        return super().dumps_typed(_plain(obj))


def _plain(value: Any) -> Any:
    match value:
        case BaseModel():
            return _json(value)
        case Send():
            return Send(value.node, _plain(value.arg))
        case Mapping():
            fields = cast("Mapping[Any, Any]", value)
            return {name: _plain(part) for name, part in fields.items()}
        case list():
            return [_plain(part) for part in cast("list[Any]", value)]
        case tuple() if type(cast("tuple[Any, ...]", value)) is tuple:
            return tuple(_plain(part) for part in cast("tuple[Any, ...]", value))
        case _ if is_dataclass(value) and not type(value).__module__.startswith("langgraph"):
            return _json(value)
        case _:
            return value


def _json(value: Any) -> Any:
    try:
        return to_jsonable_python(value, by_alias=True)
    except PydanticSerializationError as error:
        raise StoreError(
            f"A {type(value).__name__} cannot be kept in a checkpoint: {error}.",
            hint="Give the node types that JSON can hold, or run it without a run id.",
        ) from error


@asynccontextmanager
async def _sqlite(path: str) -> AsyncGenerator[Saver]:
    import aiosqlite
    from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver

    Path(path).parent.mkdir(parents=True, exist_ok=True)
    async with aiosqlite.connect(path, timeout=30) as connection:
        saver = AsyncSqliteSaver(connection, serde=_Plain())
        await saver.setup()
        yield saver


@asynccontextmanager
async def _postgres(url: str) -> AsyncGenerator[Saver]:
    _need("langgraph.checkpoint.postgres", "postgres")
    from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver  # pyright: ignore

    opened: Any = AsyncPostgresSaver.from_conn_string(url, serde=_Plain())  # pyright: ignore
    async with opened as saver:
        await saver.setup()
        yield saver


@asynccontextmanager
async def _redis(url: str) -> AsyncGenerator[Saver]:
    _need("langgraph.checkpoint.redis", "redis-checkpoints")
    from langgraph.checkpoint.redis.aio import AsyncRedisSaver  # pyright: ignore

    opened: Any = AsyncRedisSaver.from_conn_string(url)  # pyright: ignore
    async with opened as saver:
        saver.serde = _Plain()
        await saver.asetup()
        yield saver


def _need(module: str, extra: str) -> None:
    package, _, name = module.rpartition(".")
    if find_spec(package) is None or find_spec(f"{package}.{name}") is None:
        raise SettingsError(
            f"{module} is not installed.", hint=f"Install it: pip install 'agentsys[{extra}]'."
        )


def _place(url: str) -> str:
    """The URL without a password."""
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{rest.rpartition('@')[2]}"


def _line(error: Exception) -> str:
    return " ".join(str(error).split()).rstrip(".") or type(error).__name__


def _hint(url: str, error: Exception) -> str:
    if url.startswith(_REDIS) and "unknown command" in str(error).lower():
        return "It needs RediSearch and RedisJSON (Redis 8 has them); or keep them in SQLite."
    return "Look at 'checkpoints' under [store]."
