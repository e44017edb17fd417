"""Fixtures for all tests. No test reaches beyond this machine, and none waits before a retry."""

import signal
import socket
from collections.abc import Iterator
from typing import Any

import pytest

from agentsys import retry
from tests.loopback import Loopback
from tests.redis_server import RedisServer
from tests.vllm_server import VllmServer, start

TRIALS, ALL_TRIALS = 50, 1_000
"""How often what must hold under any timing is tried: ordinarily, and with `--all`."""

LOCAL = ("127.0.0.1", "::1", "localhost")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let `scripts/test --all` try longer."""
    parser.addoption(
        "--all", action="store_true", help=f"{ALL_TRIALS:,} trials of budgets instead of {TRIALS}"
    )


@pytest.fixture(autouse=True, scope="session")
def ctrl_c_works() -> None:
    """Let Ctrl-C reach the programs that tests start.

    A shell that runs the tests in its background has it ignored, which children inherit.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def trials(request: pytest.FixtureRequest) -> int:
    """How many trials to make."""
    return ALL_TRIALS if request.config.getoption("--all") else TRIALS


@pytest.fixture(autouse=True, scope="session")
def only_this_machine() -> Iterator[None]:
    """Refuse connections and name look-ups that leave the machine."""
    patch = pytest.MonkeyPatch()
    for name in ("connect", "connect_ex"):
        patch.setattr(socket.socket, name, _local_only(getattr(socket.socket, name)))
    patch.setattr(socket, "getaddrinfo", _local_names(socket.getaddrinfo))
    yield
    patch.undo()


@pytest.fixture(autouse=True)
def waits() -> Iterator[list[float]]:
    """The seconds that retries would have waited; none of them is waited."""
    with retry.without_waiting() as seconds:
        yield seconds


@pytest.fixture
def loopback() -> Iterator[Loopback]:
    """An OpenAI-compatible server on this machine."""
    server = Loopback().start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def redis_server() -> Iterator[RedisServer]:
    """A Redis server for all tests; without one they fail."""
    server = RedisServer().start()
    yield server
    server.remove()


@pytest.fixture
def redis_url(redis_server: RedisServer) -> str:
    """The URL of an empty Redis server."""
    redis_server.command("FLUSHALL")
    return redis_server.url


@pytest.fixture(scope="session")
def vllm_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[VllmServer]:
    """A vLLM server with the small miniature, for all tests; without vLLM they fail."""
    server = start(tmp_path_factory.mktemp("vllm"))
    yield server
    server.command("down")


def _local_only(connect: Any) -> Any:
    def guarded(self: socket.socket, address: Any) -> Any:
        if self.family != socket.AF_UNIX and address[0] not in LOCAL:
            raise AssertionError(f"a test tried to reach {address[0]}")
        return connect(self, address)

    return guarded


def _local_names(look_up: Any) -> Any:
    def guarded(host: Any, *args: Any, **kwargs: Any) -> Any:
        if host is not None and host not in (*LOCAL, *(name.encode() for name in LOCAL)):
            raise AssertionError(f"a test tried to look up {host!r}")
        return look_up(host, *args, **kwargs)

    return guarded
