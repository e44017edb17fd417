"""Servers of this machine are asked directly, whatever proxies the environment names."""

import os
from urllib.request import getproxies

_HERE = ("127.0.0.1", "localhost")


def ask_this_machine_directly() -> None:
    """Have the HTTP clients of this process send no proxy what is for this machine.

    They read `no_proxy` as `urllib` does: in small letters it goes before `NO_PROXY`.
    """
    given = os.environ.get("no_proxy", os.environ.get("NO_PROXY", ""))
    if getproxies() and given.strip() != "*":
        os.environ["no_proxy"] = ",".join((*filter(None, [given]), *_HERE))
