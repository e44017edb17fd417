"""Servers that cannot fit are refused before anything starts, with the arithmetic."""

import json
import struct
from pathlib import Path

import pytest

from agentsys.models.vllm.sizes import Size, size
from tests.vllm.conftest import MODEL, Command, Project

SMI = """#!/bin/sh
echo "0, {free}, 24576"
echo "1, 24000, 24576"
"""


@pytest.fixture
def gpus(project: Project, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two GPUs of 24 GiB, as `nvidia-smi` says; the first is half taken."""
    program = project.folder / "bin" / "nvidia-smi"
    program.parent.mkdir()
    program.write_text(SMI.format(free=12288))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")
    return program


def big(folder: Path, *, weights: int, **config: object) -> str:
    """A model of so many bytes in bfloat16, of which only the header is there."""
    folder.mkdir()
    header = json.dumps({"w": {"dtype": "BF16", "shape": [weights // 2], "data_offsets": [0, 0]}})
    content = struct.pack("<Q", len(header)) + header.encode()
    (folder / "model.safetensors").write_bytes(content)
    shape = {"num_hidden_layers": 32, "num_attention_heads": 32, "num_key_value_heads": 8}
    known = {"hidden_size": 4096, "max_position_embeddings": 32768, **shape, **config}
    (folder / "config.json").write_text(json.dumps(known))
    return f'model = "{folder}"'


def test_the_size_of_a_model_is_in_its_files() -> None:
    """The miniature, 0.28 million parameters: 4 bytes a weight, and its KV cache for a token."""
    config = json.loads((MODEL / "config.json").read_text())
    known = size(MODEL, "float32")
    assert known.weights == (MODEL / "model.safetensors").stat().st_size // 4 * 4 - _header(MODEL)
    kept = config["num_key_value_heads"] * config["head_dim"]
    assert known.kv_per_token == 2 * config["num_hidden_layers"] * kept * 4
    half = size(MODEL, "bfloat16")
    assert (known.weights, known.kv_per_token) == (1378560, 4096)
    assert (half.weights, half.kv_per_token) == (1378560 // 2, 4096 // 2)


def _header(folder: Path) -> int:
    with (folder / "model.safetensors").open("rb") as file:
        return 8 + struct.unpack("<Q", file.read(8))[0]


@pytest.mark.parametrize(
    "content", [b"", b"\xff" * 16, b"\x02\0\0\0\0\0\0\0{}", b"\x01" + b"\0" * 7 + b"x"]
)
def test_files_that_say_nothing_are_no_error(tmp_path: Path, content: bytes) -> None:
    """What is not known is not counted; vLLM will say what is wrong with it."""
    (tmp_path / "model.safetensors").write_bytes(content)
    (tmp_path / "config.json").write_text("[]")
    assert size(tmp_path, "auto") == Size()


def test_quantized_weights_and_attention_of_other_kinds(tmp_path: Path) -> None:
    """Packed integers count as they are, a latent KV cache is not guessed at."""
    big(tmp_path / "m", weights=100, kv_lora_rank=8)
    header = json.dumps(
        {
            "__metadata__": {"format": "pt"},
            "q": {"dtype": "I32", "shape": [3, 5]},
            "s": {"dtype": "F32", "shape": [2]},
            "f": {"dtype": "F8_E4M3", "shape": [7]},
        }
    )
    more = struct.pack("<Q", len(header)) + header.encode()
    (tmp_path / "m" / "more.safetensors").write_bytes(more)
    known = size(tmp_path / "m", "auto")
    assert (known.weights, known.kv_per_token) == (100 + 60 + 4 + 7, None)


def test_more_than_the_free_memory_is_refused(agentsys: Command, project: Project) -> None:
    """Main memory, by what each of two servers takes of it; neither is started."""
    project.add("one", "kv_cache_gib = 100000").add("two", "kv_cache_gib = 2")
    up = agentsys("vllm", "up")
    assert (up.code, up.err.count("\n"), project.starts("two")) == (2, 1, [])
    assert "'one' and 'two' do not fit the memory of this machine, of which" in up.err
    assert "'one' takes 100001.5 (weights 0.0, KV cache 100000.0, vLLM itself 1.5)" in up.err
    assert "'two' takes 3.5" in up.err
    assert "together 100005.0" in up.err
    assert agentsys("vllm", "up", "two").code == 0


def test_a_share_of_a_gpu_that_is_not_free_is_refused(
    agentsys: Command, project: Project, gpus: Path
) -> None:
    """The share of the whole GPU is what vLLM takes, whatever its model needs."""
    model = big(project.folder / "m", weights=8 * 2**30)
    project.text = (
        f'[[vllm]]\nname = "a"\ntier = "slm"\n{model}\ndevice = [0]\nusd_per_hour = 1\n'
        f'python = "{project.folder}/python"\n'
    )
    _python(project)
    up = agentsys("vllm", "up")
    assert (up.code, up.err.count("\n")) == (2, 1)
    assert (
        "'a' does not fit GPU 0, of which 12.0 of 24.0 GiB are free: "
        "'a' takes 21.6 (0.9 of 24.0: weights 8.0, KV cache 13.6)." in up.err
    )


def test_two_servers_of_one_gpu_are_added_up(
    agentsys: Command, project: Project, gpus: Path
) -> None:
    """Each fits alone; a third on another GPU does not count."""
    model = big(project.folder / "m", weights=2**30)
    project.text = "".join(
        f'[[vllm]]\nname = "{name}"\ntier = "slm"\n{model}\ndevice = [{gpu}]\nport = {8000 + at}\n'
        f'max_model_len = 4096\npython = "{project.folder}/python"\nusd_per_hour = 1\n'
        f"gpu_memory = 0.3\n"
        for at, (name, gpu) in enumerate([("a", 0), ("b", 0), ("c", 1)])
    )
    _python(project)
    up = agentsys("vllm", "up")
    assert "'a' and 'b' do not fit GPU 0" in up.err
    assert "together 14.4" in up.err
    assert "'c'" not in up.err


def test_a_model_that_does_not_fit_its_share_is_refused(
    agentsys: Command, project: Project, gpus: Path
) -> None:
    """Its weights and the KV cache of one request of the longest kind: 128 KiB a token here."""
    model = big(project.folder / "m", weights=6 * 2**30)
    project.text = (
        f'[[vllm]]\nname = "a"\ntier = "slm"\n{model}\ndevice = [0]\nusd_per_hour = 1\n'
        f'gpu_memory = 0.4\npython = "{project.folder}/python"\n'
    )
    _python(project)
    up = agentsys("vllm", "up")
    assert "it needs 10.0 (weights 6.0, KV cache of one request of 32,768 tokens 4.0)" in up.err
    assert "Lower 'max_model_len' or raise 'gpu_memory'." in up.err
    project.text += 'flags = ["--quantization", "fp8"]\n'
    project.write()
    assert "it needs" not in agentsys("vllm", "up", "--timeout", "0").err


def test_a_gpu_that_is_not_there_is_refused(
    agentsys: Command, project: Project, gpus: Path
) -> None:
    """By what `nvidia-smi` lists; without it, there is none."""
    project.add("one", "device = [0, 5]")
    project.text = project.text.replace("kv_cache_gib = 1\n", "")
    project.write()
    up = agentsys("vllm", "up")
    assert "There is no GPU 5: nvidia-smi shows 0, 1." in up.err
    gpus.unlink()
    up = agentsys("vllm", "up")
    assert (up.code, up.err.count("\n")) == (2, 1)
    assert "There is no GPU 0: nvidia-smi shows none." in up.err


def _python(project: Project) -> None:
    """An interpreter that says that it has vLLM, and ends when it is to run it."""
    project.write()
    program = project.folder / "python"
    program.write_text('#!/bin/sh\n[ "$1" = -c ] && echo True\n')
    program.chmod(0o755)
