"""Where state is kept."""

from agentsys.errors import SettingsError
from agentsys.stores.base import ABSENT, Balance, Entry, Refusal, Store, Value
from agentsys.stores.columns import Line
from agentsys.stores.totals import listed

__all__ = [
    "ABSENT",
    "Balance",
    "Entry",
    "Line",
    "Refusal",
    "Store",
    "Value",
    "listed",
    "open_store",
]

_SQLITE = "sqlite:///"
_REDIS = ("redis://", "rediss://", "unix://")


def open_store(url: str) -> Store:
    """The store at a URL.

    `sqlite:///runs.db` is a file in the current directory, `sqlite:////var/runs.db` one with an
    absolute path; the folder is created where there is none. `sqlite:///:memory:` is gone with the
    object. `redis://USER:PASSWORD@HOST:6379/0` is a Redis or Valkey server, `rediss://` one behind
    TLS, `unix://PATH?db=0` one behind a socket; it is reached when it is first used.

    Raises:
        SettingsError: the URL is of another form.
        StoreError: the file cannot be opened or is not an agentsys database.
    """
    if url.startswith(_REDIS):
        from agentsys.stores.redis import RedisStore  # loads Redis' client only where it is used

        return RedisStore(url)
    path = url.removeprefix(_SQLITE)
    if path == url or not path:
        raise SettingsError(
            f"{url!r} is not a store.",
            hint="Allowed are 'sqlite:///PATH', a file on this machine, and 'redis://HOST:PORT/DB'.",
        )
    from agentsys.stores.sqlite import SqliteStore  # loads SQLite only where it is used

    return SqliteStore(path)
