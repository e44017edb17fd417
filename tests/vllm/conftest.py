"""Projects with servers that start at once, and their end."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from agentsys.models.vllm.state import State, recorded
from agentsys.processes import is_alive, members, process, send
from tests.cli.conftest import Command, agentsys
from tests.redis_server import free_port

__all__ = ["Command", "agentsys"]

PATIENCE_S = 60.0

DOUBLE = Path(__file__).parent / "double"
MODEL = Path(__file__).parents[2] / "agentsys" / "miniatures" / "mini-slm"


def until(condition: Callable[[], object], what: str) -> None:
    """Look until it holds."""
    end = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < end, f"it never came: {what}"
        time.sleep(0.02)


@dataclass
class Project:
    """A configuration with servers that are doubles of vLLM's."""

    folder: Path
    home: Path
    text: str = ""
    ports: dict[str, int] = field(default_factory=dict)

    def add(self, name: str = "one", *lines: str, env: dict[str, str] | None = None) -> "Project":
        """Another server."""
        self.ports[name] = free_port()
        variables = {
            "PYTHONPATH": str(DOUBLE),
            "DOUBLE_STARTS": str(self.folder / f"{name}.starts"),
            "DOUBLE_BREAKS": str(self.folder / f"{name}.breaks"),
            "DOUBLE_ASKED": str(self.folder / f"{name}.asked"),
            **(env or {}),
        }
        keys = [
            f"name = {json.dumps(name)}",
            'tier = "slm"',
            f"model = {json.dumps(str(MODEL))}",
            'device = "cpu"',
            "kv_cache_gib = 1",
            f"python = {json.dumps(sys.executable)}",
            f"port = {self.ports[name]}",
            "usd_per_hour = 1",
            "env = { " + ", ".join(f"{k} = {json.dumps(v)}" for k, v in variables.items()) + " }",
        ]
        given = {line.partition(" ")[0] for line in lines}
        kept = [key for key in keys if key.partition(" ")[0] not in given]
        self.text += "\n".join(["[[vllm]]", *kept, *lines, ""])
        return self.write()

    def write(self) -> "Project":
        """Write the file anew."""
        (self.folder / "agentsys.toml").write_text(self.text)
        return self

    def start(self, *words: str, **given: Any) -> "subprocess.Popen[str]":
        """`agentsys` with these words, in a process of its own."""
        given = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, **given}
        env = {**os.environ, "AGENTSYS_HOME": str(self.home)}
        argv = [sys.executable, "-m", "agentsys", *words]
        return subprocess.Popen(argv, cwd=self.folder, env=env, **given)

    def starts(self, name: str = "one") -> list[int]:
        """The servers that have been started, by their numbers."""
        file = self.folder / f"{name}.starts"
        return [int(line) for line in file.read_text().split()] if file.exists() else []

    def asked(self, name: str = "one") -> list[dict[str, Any]]:
        """The chats that a server was asked for, in order."""
        file = self.folder / f"{name}.asked"
        return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []

    def state(self, name: str = "one") -> State:
        """What its supervisor says."""
        found = recorded(self.home / "vllm" / name)
        assert found is not None
        return found

    def alive(self, name: str = "one") -> int:
        """How many processes of the server are there: itself, its engine, its watch."""
        state = self.state(name)
        return len(members(state.group, state.session, state.since))

    def remove(self) -> None:
        """End all that was started."""
        for place in (self.home / "vllm").glob("*/state.json"):
            state = recorded(place.parent)
            if state is None:
                continue
            send(state.supervisor, signal.SIGKILL)
            until(lambda state=state: not is_alive(state.supervisor), "the supervisor's end")
            left = members(state.group, state.session, state.since) if state.group else []
            for each in left:
                send(each, signal.SIGKILL)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    """A project without servers yet, as the current directory; what it starts ends with it."""
    made = Project(tmp_path, tmp_path / "home")
    monkeypatch.setenv("AGENTSYS_HOME", str(made.home))
    monkeypatch.delenv("AGENTSYS_CONFIG", raising=False)
    monkeypatch.chdir(tmp_path)
    yield made
    made.remove()


def kill(*pids: int | None) -> None:
    """End processes of this test at once."""
    found = [process(pid) for pid in pids if pid is not None]
    for each in found:
        send(each, signal.SIGKILL)
    until(lambda: not any(is_alive(each) for each in found), "their end")
