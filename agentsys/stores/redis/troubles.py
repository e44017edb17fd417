"""What errors of a Redis server mean, and what to do."""

import re

from agentsys.errors import StoreError

_CAUSES = (
    (r"OOM|> 'maxmemory'", "its memory is full", "Raise its 'maxmemory', or free some."),
    (r"READONLY|read only replica", "it is a read-only replica", "Set 'store' to its master."),
    (r"LOADING|is loading the dataset", "it is still loading its data", "Try again soon."),
    (
        r"WRONGTYPE|not a valid float|not an integer",
        "another program's data is at its keys 'agentsys:…'",
        "Set 'store' to another database.",
    ),
    (r"MISCONF", "it cannot write to its disk", "Is the disk full? Its log says more."),
    (r"NOREPLICAS", "too few of its replicas are there", "Start them, then try again."),
    (r"MASTERDOWN|Link with MASTER", "its master is down", "Start it, then try again."),
    (
        r"NOPERM|has no permissions|ACL failed",
        "the user may not do this",
        "Allow it '~agentsys:*' and '+@read +@write +@scripting +@connection +time +info'.",
    ),
    (
        r"NOAUTH|Authentication required",
        "it wants a password",
        "Put user and password into the URL: 'redis://USER:PASSWORD@HOST'.",
    ),
    (
        r"WRONGPASS|invalid username-password|invalid password|without any password configured",
        "it does not know this user and password",
        "Mend them in the URL.",
    ),
    (r"DB index|invalid DB", "it has no database of this number", "Use another one in the URL."),
    (r"max number of clients", "it has too many clients", "Raise its 'maxclients'."),
    (r"BUSY", "another script keeps it busy", "Try again when that has ended."),
    (r"MOVED|CLUSTERDOWN|CROSSSLOT", "it is a cluster", "Set 'store' to a single server."),
    (
        r"CERTIFICATE|SSL|certificate",
        "TLS does not come about",
        "Look at 'ssl_ca_certs' and so on.",
    ),
)
"""Patterns in an error's text, what it means and what to do."""

_PASSING = r"LOADING|is loading the dataset|max number of clients"
_UNREACHED = r"[Tt]imeout|connecting|closed by server|reading from|writing to"


def explained(name: str, error: Exception) -> StoreError:
    """An error of the client in our words."""
    text = str(error)
    for pattern, cause, hint in _CAUSES:
        if re.search(pattern, text):
            passing = passes(error)
            return StoreError(f"{name} cannot be used: {cause}.", hint=hint, passing=passing)
    done = "reached" if re.search(_UNREACHED, text) else "used"
    return StoreError(
        f"{name} cannot be {done}: {' '.join(text.split()).rstrip('.')}.",
        hint="Is it running, and is 'store' right?",
        passing=done == "reached",
    )


def passes(error: Exception) -> bool:
    """Whether a lost connection may be there again soon, as far as one can tell."""
    text = str(error)
    known = any(re.search(pattern, text) for pattern, _, _ in _CAUSES)
    return not known or re.search(_PASSING, text) is not None


def evicting(name: str, policy: str) -> StoreError:
    """The server drops keys when its memory is full, and with them what was spent."""
    return StoreError(
        f"{name} drops data when its memory is full (maxmemory-policy {policy}).",
        hint="Set its 'maxmemory-policy' to 'noeviction', or use another server.",
    )


def too_old(name: str, version: str) -> StoreError:
    """The server is older than 6.2."""
    return StoreError(
        f"{name} is of version {version}.", hint="agentsys needs Redis 6.2 or newer, or Valkey."
    )


def too_new(name: str, version: bytes) -> StoreError:
    """The keys are of a version that is not ours."""
    if not version.isdigit():
        return explained(name, ValueError("WRONGTYPE"))
    return StoreError(
        f"{name} was written by a newer agentsys (version {int(version)} of its keys).",
        hint="Upgrade agentsys, or set 'store' to another database.",
    )
