"""The Lua scripts, each of which runs whole or not at all."""

import hashlib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

_BEFORE = {
    "append": ("entries",),
    "reserve": ("entries", "holds", "sweep"),
    "settle": ("entries", "holds", "sweep"),
    "release": ("holds",),
    "balances": ("holds",),
    "rebuild": ("holds",),
    "put": ("value",),
    "delete": ("value",),
}
"""The files that a script needs besides `shared`."""


@dataclass(frozen=True, slots=True)
class Script:
    """The text of a script and the name that the server gives it."""

    text: str
    sha: str


@cache
def script(name: str) -> Script:
    """The script of a name, with what it needs."""
    folder = files("agentsys.stores.redis") / "lua"
    parts = ("shared", *_BEFORE.get(name, ()), name)
    text = "\n".join((folder / f"{part}.lua").read_text("utf-8") for part in parts)
    return Script(text, hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest())
