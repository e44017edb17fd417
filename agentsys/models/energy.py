"""Joules that the GPUs of this machine take, by their driver. The one importer of pynvml.

What a GPU took is the difference of two readings of NVML's energy counter (GPUs since Volta have
one), else its power, read every 100 ms and integrated: as Zeus does (You, Chung and Chowdhury 2023,
"Zeus: Understanding and Optimizing GPU Energy Consumption of DNN Training"), and with it the
ML.ENERGY benchmark (Chung et al. 2025, arXiv 2505.06371). That one measures a server in a steady
state and divides by the tokens generated in it; tasks come as they come, so here each moment is
divided among the requests under way (`meter`). It is energy of the whole board: what it takes when
idle is not subtracted. The machine's processor, memory and cooling are not in it.

Where there is no NVML, no driver, no permission or no such reading, nothing is measured: no figure
is ever guessed from a data sheet. Nor is one given for a GPU that is split into instances (MIG):
no hardware tells their parts of it (Vamja et al. 2025, arXiv 2501.17752). What the sensors are
worth is another question: Yang, Adamek and Armour 2024 (arXiv 2312.02741) found boards that sample
a quarter of the time.
"""

import time
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from agentsys.deployment import Deployment
from agentsys.models.machine import Machine
from agentsys.models.meter import Gpu, Meter
from agentsys.servers import VllmServer

EVERY_S = 0.1
"""How often power is read where there is no counter; NVML's own values are seldom newer."""

_LOCAL = "hosted_vllm/"
"""How LiteLLM's `model` begins for a vLLM server, which may be one of this machine."""


def measure(
    machines: Mapping[str, Machine],
    deployments: Iterable[Deployment],
    servers: Iterable[VllmServer],
) -> None:
    """Give each machine a meter for the GPUs of this machine that it runs on.

    A server of `[[vllm]]` runs on those of its `device`. Of another vLLM server at a loopback
    address nobody tells: all GPUs of this machine count for it. Anything else is not measured.

    Args:
        machines: By the names of the deployments.
        deployments: Of the configuration.
        servers: Those that agentsys starts.
    """
    devices = {each.name: server.device for server in servers for each in server.deployments()}
    for deployment in deployments:
        machine = machines[deployment.name]
        if machine.meter.gpus or not _is_local_vllm(deployment):
            continue
        device = devices.get(deployment.name)
        if not isinstance(device, str):  # "cpu"
            machine.meter = Meter(_gpus(device))


def _is_local_vllm(deployment: Deployment) -> bool:
    params = deployment.litellm_params or {}
    host = urlsplit(str(params.get("api_base", ""))).hostname or ""
    if not str(params.get("model", "")).startswith(_LOCAL):
        return False
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _gpus(numbers: Iterable[int] | None) -> tuple[Gpu, ...]:
    """The GPUs of these numbers, or all; none where one of them cannot be measured."""
    nvml = _nvml()
    if nvml is None:
        return ()
    try:
        found = [
            _gpu(n) for n in (range(nvml.nvmlDeviceGetCount()) if numbers is None else numbers)
        ]
    except nvml.NVMLError:
        return ()
    return () if None in found else tuple(gpu for gpu in found if gpu is not None)


@cache
def _gpu(number: int) -> Gpu | None:
    """One GPU for all servers that run on it, by NVML's number; `None`: it cannot be measured."""
    nvml = _nvml()
    try:
        handle = nvml.nvmlDeviceGetHandleByIndex(number)
        if _is_split(nvml, handle):
            return None
    except nvml.NVMLError:
        return None
    counter = _Counter(nvml, lambda: nvml.nvmlDeviceGetTotalEnergyConsumption(handle) / 1000)
    if counter.read() is not None:
        return Gpu(counter.read)
    power = _Power(nvml, lambda: nvml.nvmlDeviceGetPowerUsage(handle) / 1000)
    return None if power.read() is None else Gpu(power.read, every_s=EVERY_S)


def _is_split(nvml: Any, handle: Any) -> bool:
    try:
        current, _ = nvml.nvmlDeviceGetMigMode(handle)
    except (nvml.NVMLError_NotSupported, nvml.NVMLError_FunctionNotFound):
        return False  # neither does a driver that is too old know of any
    return current == nvml.NVML_DEVICE_MIG_ENABLE


class _Counter:
    """NVML's counter, which counts from when the driver was loaded."""

    def __init__(self, nvml: Any, joules: Callable[[], float]) -> None:
        self._nvml = nvml
        self._value = joules
        self._gone = False

    def read(self) -> float | None:
        """Joules; `None`: it cannot be read. A GPU that has gone is not asked again."""
        if self._gone:
            return None
        try:
            return self._value()
        except self._nvml.NVMLError as error:
            self._gone = isinstance(
                error, (self._nvml.NVMLError_GpuIsLost, self._nvml.NVMLError_NotSupported)
            )
            return None


class _Power:
    """Power, integrated from one reading to the next as if it had changed evenly."""

    def __init__(self, nvml: Any, watts: Callable[[], float]) -> None:
        self._reading = _Counter(nvml, watts)
        self._last: tuple[float, float] | None = None
        self._joules = 0.0

    def read(self) -> float | None:
        """Joules since the first reading; `None`: the power cannot be read."""
        now, watts = time.monotonic(), self._reading.read()
        if watts is None:
            self._last = None
            return None
        if self._last is not None:
            before, had = self._last
            self._joules += (now - before) * (had + watts) / 2
        self._last = now, watts
        return self._joules


@cache
def _nvml() -> Any:
    """NVML, ready; `None` where this machine has none that can be used. Looked for once."""
    import pynvml

    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        return None
    return pynvml
