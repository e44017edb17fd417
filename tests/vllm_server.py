"""vLLM itself, in its build for CPUs, on the small miniature: one server for all tests."""

import json
import os
import struct
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy
from platformdirs import user_cache_path

from tests.redis_server import free_port

ROOT = Path(__file__).parents[1]
MODEL = ROOT / "agentsys" / "miniatures" / "mini-slm"
PYTHON = "AGENTSYS_VLLM_PYTHON"

_CONFIG = """
[[vllm]]
name = "mini"
tier = "slm"
model = "{model}"
device = "cpu"
kv_cache_gib = 1
dtype = "float32"
max_model_len = 512
python = "{python}"
port = {port}
usd_per_hour = 0.36
env = {{ VLLM_V1_USE_OUTLINES_CACHE = "1", OUTLINES_CACHE_DIR = "{cache}" }}
adapters = [{{ name = "mini-odd", tier = "odd", path = "odd", usd_per_hour = 3.6 }}]
"""


@dataclass(frozen=True)
class VllmServer:
    """A running server: its deployment is `mini` of the tier `slm`; `mini-odd` is an adapter."""

    folder: Path
    """Of its `agentsys.toml`."""
    home: Path
    """What is in `AGENTSYS_HOME` for the supervisor that it has."""
    port: int

    @property
    def config(self) -> Path:
        """The configuration that has it."""
        return self.folder / "agentsys.toml"

    @property
    def compiled(self) -> Path:
        """Where vLLM keeps what Outlines has compiled for it; unset, it keeps that in memory."""
        return self.folder / "outlines" / "outlines_cache.db"

    @property
    def url(self) -> str:
        """Of its OpenAI-compatible door."""
        return f"http://127.0.0.1:{self.port}/v1"

    def command(self, *words: str) -> "subprocess.CompletedProcess[str]":
        """`agentsys vllm` with these words, in a process of its own."""
        env = {**os.environ, "AGENTSYS_HOME": str(self.home)}
        argv = [sys.executable, "-m", "agentsys", "vllm", *words]
        return subprocess.run(argv, cwd=self.folder, env=env, capture_output=True, text=True)

    def status(self) -> dict[str, Any]:
        """What `agentsys vllm status` says of it."""
        return json.loads(self.command("status", "--json").stdout)[0]

    def up(self) -> None:
        """Have it running and ready."""
        done = self.command("up", "--timeout", "300")
        assert done.returncode == 0, done.stderr + self.command("logs", "mini").stdout


def start(folder: Path) -> VllmServer:
    """Start it with its state in that folder."""
    port = free_port()
    adapter(folder / "odd")
    cache = folder / "outlines"
    text = _CONFIG.format(model=MODEL, python=interpreter(), port=port, cache=cache)
    (folder / "agentsys.toml").write_text(text)
    server = VllmServer(folder, folder / "home", port)
    server.up()
    return server


def interpreter() -> Path:
    """An interpreter with vLLM: the one that `AGENTSYS_VLLM_PYTHON` names, else one that is made.

    Making it takes minutes and gigabytes, once.
    """
    given = os.environ.get(PYTHON)
    if given:
        return Path(given)
    place = user_cache_path("agentsys", appauthor=False) / "vllm-cpu"
    words = [str(ROOT / "scripts" / "vllm_cpu"), str(place)]
    done = subprocess.run(words, capture_output=True, text=True)
    assert done.returncode == 0, (
        f"The tests need vLLM: run 'scripts/vllm_cpu DIR' and set {PYTHON}.\n{done.stderr[-2000:]}"
    )
    return Path(done.stdout.strip())


def adapter(folder: Path, rank: int = 4) -> None:
    """A LoRA adapter of the small miniature that turns what it says into something else."""
    shape = json.loads((MODEL / "config.json").read_text())
    random = numpy.random.default_rng(0)
    width, heads = shape["hidden_size"], shape["num_attention_heads"] * shape["head_dim"]
    tensors: dict[str, Any] = {}
    for layer in range(shape["num_hidden_layers"]):
        place = f"base_model.model.model.layers.{layer}.self_attn.q_proj"
        tensors[f"{place}.lora_A.weight"] = random.normal(size=(rank, width))
        tensors[f"{place}.lora_B.weight"] = random.normal(size=(heads, rank))
    folder.mkdir()
    _write_safetensors(folder / "adapter_model.safetensors", tensors)
    config = {"peft_type": "LORA", "task_type": "CAUSAL_LM", "r": rank, "lora_alpha": rank}
    config |= {"target_modules": ["q_proj"], "bias": "none", "base_model_name_or_path": str(MODEL)}
    (folder / "adapter_config.json").write_text(json.dumps(config))


def _write_safetensors(file: Path, tensors: dict[str, Any]) -> None:
    header: dict[str, Any] = {}
    data = b""
    for name, tensor in tensors.items():
        part = tensor.astype("<f4").tobytes()
        offsets = [len(data), len(data) + len(part)]
        header[name] = {"dtype": "F32", "shape": list(tensor.shape), "data_offsets": offsets}
        data += part
    text = json.dumps(header).encode()
    file.write_bytes(struct.pack("<Q", len(text)) + text + data)
