"""What a supervisor is to start: everything that the configuration says of one server."""

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from agentsys.errors import SettingsError
from agentsys.models.vllm.state import RUNNING, folder, phase_of, recorded
from agentsys.servers import VllmServer, folder_or_name

HUNG_S = 60.0
"""A server may be silent for so long."""


@dataclass(frozen=True, slots=True)
class Plan:
    """One server, as it is started and started again."""

    name: str
    argv: tuple[str, ...]
    """The command without its adapters."""
    env: Mapping[str, str | None]
    """What differs from the environment of whoever starts it; `None` takes a variable out."""
    port: int
    device: str
    """Where it runs, to read: `cpu`, or `0,1`."""
    takes: Mapping[str, int]
    """Bytes that it needs of each device."""
    adapters: Mapping[str, str]
    """Names and places of the LoRA adapters that it has from its start."""
    file: str
    """The configuration file."""
    delays_s: tuple[float, ...] = (1, 2, 4, 8, 16, 32, 60)
    """Waits before each restart in a row; after the last of them it is given up."""
    calm_s: float = 600
    """Ready for so long, a crash counts as the first again."""
    grace_s: float = 15
    """From being asked to stop until it is made to."""
    hung_s: float = HUNG_S
    """Without a reply about its health, or without doing anything that it was asked for, for so
    long, it counts as crashed."""

    @property
    def command(self) -> tuple[str, ...]:
        """The command with the adapters."""
        if not self.adapters:
            return self.argv
        modules = [json.dumps({"name": n, "path": p}) for n, p in self.adapters.items()]
        return (*self.argv, "--lora-modules", *modules)

    def is_like(self, other: "Plan") -> bool:
        """Whether both give the same server, whatever adapters were loaded meanwhile."""
        return self._essence == other._essence

    @property
    def _essence(self) -> tuple[object, ...]:
        env = {key: value for key, value in self.env.items() if key != "PATH"}
        return (self.argv, env, self.port)

    def as_json(self) -> str:
        """To be kept in a file."""
        return json.dumps(asdict(self), indent=1)

    @classmethod
    def parse(cls, text: str) -> "Plan":
        """One that was kept."""
        given: dict[str, Any] = json.loads(text)
        given |= {key: tuple(given[key]) for key in ("argv", "delays_s")}
        return cls(**given)


def refuse_another_model(server: VllmServer, base: Path) -> None:
    """Do nothing unless a server of that name and port runs, and has another model.

    Args:
        server: The configuration that is in use.
        base: The folder that relative paths in it start from.

    Raises:
        SettingsError: another configuration has started it.
    """
    place = folder(server.name)
    plan = read_plan(place)
    if plan is None or plan.port != server.port or phase_of(recorded(place)) not in RUNNING:
        return
    wanted = str(folder_or_name(server.model, base) or server.model)
    served = plan.argv[plan.argv.index("--model") + 1]
    if os.path.realpath(served) != os.path.realpath(wanted):
        raise SettingsError(
            f"{server.name!r} on port {server.port} is not this configuration's: it has the model "
            f"{served}, and was started by {plan.file}.",
            hint="Give yours another 'name' and 'port'.",
        )


def read_plan(folder: Path) -> Plan | None:
    """What was started last; `None` where nothing was."""
    try:
        return Plan.parse((folder / "plan.json").read_text(encoding="utf-8"))
    except (OSError, ValueError, TypeError, KeyError):
        return None
