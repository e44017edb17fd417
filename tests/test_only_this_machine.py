import asyncio
import socket

import pytest


def test_connections_that_leave_the_machine_are_refused() -> None:
    """A test that reaches out by mistake fails at once; 192.0.2.1 is nobody's (RFC 5737)."""
    with socket.socket() as connection, pytest.raises(AssertionError, match=r"192\.0\.2\.1"):
        connection.connect(("192.0.2.1", 80))


async def test_look_ups_of_other_names_are_refused() -> None:
    """So does one that asks for a name."""
    with pytest.raises(AssertionError, match="example"):
        await asyncio.get_running_loop().getaddrinfo("example.invalid", 80)
