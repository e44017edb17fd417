"""What is remembered, its bounds, and the names of the namespaces it is kept in."""

import json
import unicodedata
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote

from agentsys.errors import StoreError, UserError
from agentsys.stores.base import Value

MAX_KEY = 200
"""Characters of a key."""
MAX_CONTENT = 10_000
"""Characters of a content; of its JSON, where it is not text."""

_UNPRINTABLE = ("Cc", "Cs")
"""Unicode's control characters, line ends among them, and lone surrogates."""


@dataclass(frozen=True, slots=True)
class Entry:
    """What is remembered under a key."""

    tenant: str
    team: str
    """Whose memory it is in; empty: the tenant's own."""
    key: str
    content: Any
    """JSON; text, where an agent remembered it."""
    version: int
    """What `Memory.set` compares its `expected` with; grows with every change."""
    node: str
    """The agent that wrote it; empty: the application."""
    run_id: str
    """The run in which it was written; empty: outside of runs."""
    written: datetime
    """UTC."""
    expires: datetime | None
    """UTC; `None`: never."""

    @property
    def text(self) -> str:
        """The content to read: text as it is, anything else as JSON."""
        return _text(self.content)

    @property
    def passage(self) -> str:
        """What a search looks in: the key, in words, and the text."""
        return f"{self.key.replace('_', ' ')}\n{self.text}"


def entry(tenant: str, team: str, key: str, value: Value) -> Entry:
    """The entry that `record` was stored for.

    Raises:
        StoreError: the store holds something else under the key.
    """
    match value.data:
        case {"content": content, "node": str(node), "run_id": str(run_id)}:
            return Entry(
                tenant,
                team,
                key,
                content,
                value.version,
                node,
                run_id,
                value.written,
                value.expires,
            )
        case _:
            raise StoreError(
                f"What is stored under the key {key!r} is no entry of a shared memory.",
                hint="Was it written by a newer agentsys? Upgrade, or delete the key.",
            )


def record(content: Any, node: str, run_id: str) -> dict[str, Any]:
    """What is stored of an entry.

    Raises:
        UserError: the content is not JSON, or too long.
    """
    try:
        length = len(_text(content))
    except (TypeError, ValueError, RecursionError) as error:
        raise UserError(f"The content is not JSON: {error}.") from error
    if length > MAX_CONTENT:
        raise UserError(f"The content has {length:,} characters; {MAX_CONTENT:,} are allowed.")
    return {"content": content, "node": node, "run_id": run_id}


def check_key(key: str) -> None:
    """Refuse a key that cannot be one.

    Raises:
        UserError: it is empty, too long, or has control characters.
    """
    if not key.strip() or len(key) > MAX_KEY:
        raise UserError(f"A key has 1 to {MAX_KEY} characters; this one has {len(key):,}.")
    if any(unicodedata.category(sign) in _UNPRINTABLE for sign in key):
        raise UserError(f"The key {key!r} has characters that cannot be printed.")


def namespace(kind: str, tenant: str, team: str) -> str:
    """The store's name for a tenant's or a team's memory; another one for every other pair.

    Names may hold any characters: what could be taken for a separator is written as `%2F`, and
    what only looks alike stays apart, byte for byte.
    """
    return f"{kind}/{_quoted(tenant)}/{_quoted(team)}"


def _quoted(name: str) -> str:
    # `surrogatepass`: also a name that is no valid Unicode has a code of its own.
    return quote(name, safe="", errors="surrogatepass")


def _text(content: Any) -> str:
    if isinstance(content, str):
        return content
    return json.dumps(content, ensure_ascii=False, allow_nan=False)
