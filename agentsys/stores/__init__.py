"""Where state is kept."""

from pathlib import Path

from agentsys.errors import SettingsError
from agentsys.stores.base import Entry, Store

__all__ = ["Entry", "Store", "open_store"]

_SQLITE = "sqlite:///"


def open_store(url: str) -> Store:
    """The store at a URL.

    `sqlite:///runs.db` is a file in the current directory, `sqlite:////var/runs.db` one with an
    absolute path; the folder is created where there is none.

    Raises:
        SettingsError: the URL is of another form.
        StoreError: the file cannot be opened or is not an agentsys database.
    """
    path = url.removeprefix(_SQLITE)
    if path == url or not path:
        raise SettingsError(
            f"{url!r} is not a store.", hint="Allowed is: 'sqlite:///PATH', a file on this machine."
        )
    from agentsys.stores.sqlite import SqliteStore  # loads SQLite only where it is used

    return SqliteStore(Path(path).expanduser())
