"""How the miniatures are made: end to end in small, and what is done to their weights."""

import subprocess
import sys
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="needs the extra 'train'")
pytest.importorskip("gguf", reason="needs the extra 'train'")
pytest.importorskip("safetensors", reason="needs the extra 'train'")
pytest.importorskip("tokenizers", reason="needs the extra 'train'")

ROOT = Path(__file__).parents[1]


@pytest.mark.slow
def test_smoke_run_trains_ships_and_measures(tmp_path: Path) -> None:
    """A run of a few steps goes through every stage and leaves files, record and card."""
    command = [sys.executable, str(ROOT / "scripts" / "train_miniatures"), "--smoke"]
    command += ["--out", str(tmp_path / "out"), "--ship", str(tmp_path)]
    result = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    assert result.returncode == 0, result.stderr
    for name in ("mini-slm.gguf", "mini-llm.json", "mini-llm.md", "mini-slm/model.safetensors"):
        assert (tmp_path / name).exists()


def test_wider_heads_compute_the_same() -> None:
    """Attention over the padded heads gives what it gives over the narrow ones."""
    sys.path.insert(0, str(ROOT / "scripts"))
    try:
        from miniatures.model import ROPE_BASE, _turn
        from miniatures.widen import WIDTH, widened
    finally:
        sys.path.remove(str(ROOT / "scripts"))
    heads, narrow, length = 4, 16, 40
    generator = torch.Generator().manual_seed(0)
    shape = (heads * narrow, heads * narrow)
    names = {part: f"layer.self_attn.{part}_proj.weight" for part in "qkvo"}
    weights = {
        name: torch.randn(shape, generator=generator, dtype=torch.float64) / 8
        for name in names.values()
    }
    x = torch.randn(length, shape[0], generator=generator, dtype=torch.float64)

    def attention(weights: dict, head: int):
        q, k, v = (
            (x @ weights[names[part]].T).view(length, heads, head).transpose(0, 1) for part in "qkv"
        )
        powers = torch.arange(0, head, 2, dtype=torch.float64) / head
        angles = torch.outer(torch.arange(length, dtype=torch.float64), ROPE_BASE**-powers)
        q, k = (_turn(part, angles.cos(), angles.sin()) for part in (q, k))
        mixed = torch.nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True)
        return mixed.transpose(0, 1).reshape(length, -1) @ weights[names["o"]].T

    assert torch.allclose(attention(weights, narrow), attention(widened(weights, heads), WIDTH))
