"""A real Postgres server on this machine, for tests, where one is installed."""

import os
import pwd
import shutil
import subprocess
import tempfile
from pathlib import Path
from time import monotonic, sleep

_PATIENCE_S = 30.0


class PostgresServer:
    """A server behind a socket, with its data in a folder of its own."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="postgres-"))
        self.url = f"postgresql://tester@/postgres?host={self.folder}"
        self._user = _server_user()
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> "PostgresServer":
        """Make the data and start the server.

        Raises:
            RuntimeError: it does not start.
        """
        if self._user is not None:
            shutil.chown(self.folder, self._user)
        data = str(self.folder / "data")
        made = self._run("initdb", "-D", data, "-U", "tester", "-A", "trust", "--no-sync").wait()
        options = ("-c", "listen_addresses=", "-c", "fsync=off", "-k", str(self.folder))
        self._process = self._run("postgres", "-D", data, *options)
        end = monotonic() + _PATIENCE_S
        while not (self.folder / ".s.PGSQL.5432").exists():
            if made or self._process.poll() is not None or monotonic() > end:
                raise RuntimeError((self.folder / "log").read_text())
            sleep(0.01)
        return self

    def remove(self) -> None:
        """End it and take its data away."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _run(self, *words: str) -> "subprocess.Popen[bytes]":
        with (self.folder / "log").open("ab") as log:
            return subprocess.Popen(words, stdout=log, stderr=log, user=self._user, cwd="/")


def missing() -> str:
    """Why there can be no server here; empty where there can."""
    if shutil.which("initdb") is None or shutil.which("postgres") is None:
        return "no Postgres server is installed"
    if os.getuid() == 0 and _server_user() is None:
        return "Postgres does not run as root, and there is no other user"
    return ""


def _server_user() -> str | None:
    """Whom a server runs as: not root."""
    if os.getuid() != 0:
        return None
    names = {entry.pw_name for entry in pwd.getpwall()}
    return next((name for name in ("postgres", "nobody") if name in names), None)
