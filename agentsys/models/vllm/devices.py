"""The memory of the devices that servers may run on."""

import subprocess
from collections.abc import Iterable
from dataclasses import dataclass

from agentsys.errors import SettingsError
from agentsys.processes import free_memory, total_memory

CPU = "cpu"

_MIB = 2**20
_QUERY = ["nvidia-smi", "--query-gpu=index,memory.free,memory.total"]
_PATIENCE_S = 30


@dataclass(frozen=True, slots=True)
class Memory:
    """Bytes of a device."""

    free: int
    total: int


def memory(devices: Iterable[str]) -> dict[str, Memory]:
    """The memory of each device: of GPUs by their numbers, and of the CPU.

    Asks `nvidia-smi`, which comes with the driver and needs no library.

    Raises:
        SettingsError: a GPU is not there.
    """
    wanted = list(dict.fromkeys(devices))
    gpus = _gpus() if any(device != CPU for device in wanted) else {}
    known = {CPU: Memory(free_memory(), total_memory()), **gpus}
    for device in wanted:
        if device not in known:
            there = ", ".join(gpus) or "none"
            raise SettingsError(
                f"There is no GPU {device}: nvidia-smi shows {there}.",
                hint="Mend 'device' in [[vllm]]; device = \"cpu\" needs none.",
            )
    return {device: known[device] for device in wanted}


def _gpus() -> dict[str, Memory]:
    words = [*_QUERY, "--format=csv,noheader,nounits"]
    try:
        done = subprocess.run(words, capture_output=True, text=True, timeout=_PATIENCE_S)
    except (OSError, subprocess.TimeoutExpired):
        return {}
    found: dict[str, Memory] = {}
    for line in done.stdout.splitlines():
        fields = [field.strip() for field in line.split(",")]
        if len(fields) == 3 and all(field.isdecimal() for field in fields):
            found[fields[0]] = Memory(int(fields[1]) * _MIB, int(fields[2]) * _MIB)
    return found
