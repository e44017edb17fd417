"""Scorers that may hang or take all memory: in a process of their own, which is stopped then."""

import atexit
import json
import os
import subprocess
import sys
import threading
from contextlib import suppress
from functools import cache
from typing import Any

from agentsys.errors import InvalidOutput

SECONDS = 5.0
"""That an answer may take; the process starts within a time of its own."""
START_S = 120.0

MODULE = "agentsys.evaluation.scorers.working"

_KEPT = (
    "APPDATA",
    "DYLD_LIBRARY_PATH",
    "LD_LIBRARY_PATH",
    "PYTHONHOME",
    "PYTHONPATH",
    "PYTHONUSERBASE",
    "SYSTEMROOT",
)
"""Of the environment: where Python and its libraries are. No keys, whatever they are called."""


class Worker:
    """A process that answers questions, one at a time; one that was stopped is started again."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        atexit.register(self.close)

    def ask(self, question: dict[str, Any], *, seconds: float = SECONDS) -> Any:
        """What it answers. Safe from any number of threads, which take turns.

        Raises:
            InvalidOutput: it could not tell, took too long, or needed too much memory.
        """
        with self._lock:
            process = self._process
            if process is None or process.poll() is not None:
                process = self._started()
            line = _answer(process, json.dumps(question).encode() + b"\n", seconds)
            if not line.endswith(b"\n"):
                self._stop()
                raise InvalidOutput(
                    f"it was stopped after {seconds:g} seconds, or took too much memory."
                )
        reply = json.loads(line)
        if "error" in reply:
            raise InvalidOutput(reply["error"])
        return reply["answer"]

    def close(self) -> None:
        """Stop it, also while it works on a question; the next one starts another."""
        process = self._process
        if process is not None:
            process.kill()
        with self._lock:
            self._stop()

    def _started(self) -> subprocess.Popen[bytes]:
        # -P: what lies in the current directory is not imported. -B: no bytecode is written.
        process = self._process = subprocess.Popen(
            [sys.executable, "-P", "-B", "-m", MODULE],
            env=_environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C is for the bench, which then stops it
        )
        if not _answer(process, b'{"kind": "ready"}\n', START_S).endswith(b"\n"):
            self._stop()
            raise InvalidOutput("the process that scores does not start.")
        return process

    def _stop(self) -> None:
        if self._process is not None:
            _end(self._process)
            self._process = None


@cache
def worker() -> Worker:
    """The one of this process."""
    return Worker()


def _environment() -> dict[str, str]:
    """A hash seed as well: some tasks depend on the order of sets, and it may start again."""
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    return kept | {"PYTHONHASHSEED": "0"}


def _answer(process: subprocess.Popen[bytes], line: bytes, seconds: float) -> bytes:
    """The line that comes back; it is cut short where the process had to be killed, or died."""
    assert process.stdin is not None
    assert process.stdout is not None
    late = threading.Timer(seconds, process.kill)
    late.daemon = True
    late.start()
    try:
        process.stdin.write(line)
        process.stdin.flush()
        return process.stdout.readline()
    except OSError:
        return b""
    finally:
        late.cancel()


def _end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()
    for stream in (process.stdin, process.stdout):
        if stream is not None:
            with suppress(OSError):
                stream.close()
