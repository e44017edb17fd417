"""The command line and the environment of a server: plain functions on the configuration."""

import json
import os
from collections.abc import Mapping
from pathlib import Path

from agentsys.servers import VllmServer

MODULE = "vllm.entrypoints.openai.api_server"
"""What is run; the `vllm` program refuses to start in vLLM's build for CPUs."""

_RANKS = (16, 32, 64, 128, 256, 320, 512)
"""The ranks of adapters that vLLM can be told to make room for, from its default on."""

_OUTLINES = {"backend": "outlines"}

_QUIET = {
    "PYTHONUNBUFFERED": "1",
    "VLLM_NO_USAGE_STATS": "1",
    "DO_NOT_TRACK": "1",
    # As `nvidia-smi` numbers them, which is what users see.
    "CUDA_DEVICE_ORDER": "PCI_BUS_ID",
}

_FOREIGN = ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "VLLM_API_KEY")
"""Variables of the environment that agentsys runs in, and the server does not; with a key for
servers elsewhere, it would refuse whoever asks it."""


def arguments(server: VllmServer, model: str, template: str | None, rank: int) -> list[str]:
    """Everything after the interpreter.

    Args:
        server: The configuration.
        model: The folder or the name on the Hub.
        template: The file of the chat template.
        rank: The highest of its adapters.
    """
    given: dict[str, object] = {
        "--model": model,
        "--served-model-name": server.name,
        "--host": "127.0.0.1",
        "--port": server.port,
        "--dtype": server.dtype,
        "--tensor-parallel-size": server.parts,
        "--structured-outputs-config": json.dumps(_OUTLINES),
    }
    if server.max_model_len is not None:
        given["--max-model-len"] = server.max_model_len
    if template is not None:
        given["--chat-template"] = template
    if server.device != "cpu":
        given["--gpu-memory-utilization"] = server.gpu_memory
    if server.adapters:
        given["--max-lora-rank"] = next((r for r in _RANKS if r >= rank), _RANKS[-1])
        given["--max-loras"] = len(server.adapters)
    switches = ["--enable-prefix-caching", "--disable-uvicorn-access-log"]
    # `/load` then says how many requests there are that the engine may not have seen.
    switches.append("--enable-server-load-tracking")
    if server.adapters:
        switches.append("--enable-lora")
    if server.device == "cpu":
        # Compiling takes minutes and a C++ compiler. `--no-enforce-eager` among the flags brings
        # it back.
        switches.append("--enforce-eager")
    pairs = [word for flag, value in given.items() for word in (flag, str(value))]
    return ["-m", MODULE, *pairs, *switches, *server.flags]


def variables(server: VllmServer, python: Path, path: str) -> Mapping[str, str | None]:
    """What differs from the environment of whoever starts it; `None` takes a variable out.

    Args:
        server: The configuration.
        python: The interpreter; programs beside it are found first.
        path: `PATH` as it is.
    """
    given: dict[str, str | None] = {**dict.fromkeys(_FOREIGN), **_QUIET}
    given["PATH"] = os.pathsep.join(part for part in (str(python.parent), path) if part)
    if server.device == "cpu":
        given["VLLM_CPU_KVCACHE_SPACE"] = str(server.kv_cache_gib)
    else:
        given["CUDA_VISIBLE_DEVICES"] = ",".join(map(str, server.device))
    if server.adapters:
        given["VLLM_ALLOW_RUNTIME_LORA_UPDATING"] = "1"
    return {**given, **server.env}
