"""vLLM itself, started for a benchmark, and started again where it has died."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
# Without chunks: in vLLM 0.32 for CPUs, a sampled request with a seed whose prompt is read in parts
# ends the server ("CPU Generator does not use offset").
_FLAGS = (
    *("--dtype", "float32", "--enforce-eager", "--max-model-len", "1024"),
    "--no-enable-chunked-prefill",
    *("--structured-outputs-config", '{"backend":"outlines"}'),
)


class Server:
    """A server of a miniature model on a free port; a context manager."""

    def __init__(
        self, python: str, model: str, flags: Sequence[str] = (), log: Path | None = None
    ) -> None:
        """Name it.

        Args:
            python: The interpreter that has vLLM.
            model: `mini-slm` or `mini-llm`.
            flags: More of the server's own.
            log: What it prints goes to the end of this file.
        """
        self._python, self._flags = python, tuple(flags)
        self.model = model
        self._log: Any = subprocess.DEVNULL if log is None else log.open("ab")
        self._process: subprocess.Popen[bytes] | None = None
        self.deaths: list[int | None] = []
        """How it ended when nobody had asked for it; `None` where it had only stopped answering."""
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = int(free.getsockname()[1])

    @property
    def url(self) -> str:
        """What LiteLLM calls `api_base`."""
        return f"http://127.0.0.1:{self.port}/v1"

    def __enter__(self) -> "Server":
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # or the server would live on
        self.ensure()
        return self

    def __exit__(self, *_: object) -> None:
        self._end()

    def ensure(self) -> None:
        """Wait until it answers; start it where it is not there."""
        if self._process is not None and self._process.poll() is None and self._answers():
            return
        if self._process is not None:
            self.deaths.append(self._process.poll())
        self._end()
        folder = ROOT / "agentsys/miniatures" / self.model
        command = [self._python, "-m", "vllm.entrypoints.openai.api_server"]
        command += ["--model", str(folder), "--served-model-name", self.model]
        self._process = subprocess.Popen(
            [*command, "--port", str(self.port), *_FLAGS, *self._flags],
            env=os.environ | {"VLLM_CPU_KVCACHE_SPACE": "1", "VLLM_NO_USAGE_STATS": "1"},
            stdout=self._log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        deadline = time.monotonic() + 300
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self._end()
                raise SystemExit(f"{self._python} does not start vLLM")
            time.sleep(0.5)

    def _answers(self) -> bool:
        with contextlib.suppress(OSError):
            url = f"http://127.0.0.1:{self.port}/health"
            with urllib.request.urlopen(url, timeout=60) as answer:
                return answer.status == 200
        return False

    def _end(self) -> None:
        """The server and its engine, which are a process group."""
        if self._process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, 15)
        try:
            self._process.wait(30)
        except subprocess.TimeoutExpired:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, 9)
            self._process.wait()
        self._process = None


def deployment(server: Server, tier: str, **more: Any) -> dict[str, Any]:
    """The server as a deployment of a configuration."""
    params = {"model": f"hosted_vllm/{server.model}", "api_base": server.url, "api_key": "none"}
    return {
        "name": f"vllm-{tier}",
        "tier": tier,
        "litellm_params": params,
        "usd_per_hour": 0.1,
        **more,
    }
