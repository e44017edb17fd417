"""A server with everything that it starts, in a process group that outlives nobody.

vLLM's engine goes on by itself where the process that started it is killed, and keeps the GPU. So
its group is led by a shell that does nothing but wait for the end of a pipe whose other end the
supervisor has. When the supervisor ends, however it ends, the pipe does, too, and the shell kills
the group. While it is there, the number of the group cannot become another's.
"""

import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from agentsys.processes import Process, members

_WATCH = "trap '' HUP INT TERM; read -r _; kill -KILL 0"


class Group:
    """One running server."""

    def __init__(
        self, argv: Sequence[str], env: Mapping[str, str], *, folder: Path, log: int
    ) -> None:
        """Start it.

        Args:
            argv: Its command.
            env: Its whole environment.
            folder: Where it works.
            log: An open file for what it prints.

        Raises:
            OSError: it cannot be started.
        """
        self.began = time.time()
        self._watch = subprocess.Popen(
            ["/bin/sh", "-c", _WATCH],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            process_group=0,
        )
        self.number = self._watch.pid
        self._server: subprocess.Popen[bytes] | None = None
        try:
            self._server = subprocess.Popen(
                argv,
                env=env,
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                process_group=self.number,
            )
        except OSError:
            self.kill()
            raise

    @property
    def pid(self) -> int | None:
        """Of the server itself."""
        return self._server and self._server.pid

    def ended(self) -> str:
        """How the server itself has ended; empty while it runs."""
        code = self._server and self._server.poll()
        if code is None:
            # Without its watch, nobody would end it with the supervisor.
            return "" if self._watch.poll() is None else "its watch was killed"
        return f"exit code {code}" if code >= 0 else f"killed by {signal.Signals(-code).name}"

    def ask_to_stop(self) -> None:
        """Let it finish by itself."""
        if self._server is not None:
            self._server.terminate()

    def members(self) -> list[Process]:
        """Its living processes."""
        return members(self.number, os.getsid(0), self.began)

    def kill(self, patience_s: float = 10) -> None:
        """End all of it at once, and wait until it is gone."""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.number, signal.SIGKILL)
        if self._watch.stdin is not None:
            self._watch.stdin.close()
        self._watch.wait()
        if self._server is not None:
            self._server.wait()
        end = time.monotonic() + patience_s
        while self.members() and time.monotonic() < end:
            time.sleep(0.02)
