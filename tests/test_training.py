"""What is done to the weights of the miniatures when they are written for vLLM."""

import sys
from importlib import import_module
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="needs the extra 'train'")

ROOT = Path(__file__).parents[1]


def test_wider_heads_compute_the_same() -> None:
    """Attention over the padded heads gives what it gives over the narrow ones."""
    sys.path.insert(0, str(ROOT / "scripts"))
    try:
        model, widen = import_module("miniatures.model"), import_module("miniatures.widen")
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
        angles = torch.outer(torch.arange(length, dtype=torch.float64), model.ROPE_BASE**-powers)
        q, k = (model._turn(part, angles.cos(), angles.sin()) for part in (q, k))
        mixed = torch.nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True)
        return mixed.transpose(0, 1).reshape(length, -1) @ weights[names["o"]].T

    assert torch.allclose(
        attention(weights, narrow), attention(widen.widened(weights, heads), widen.WIDTH)
    )
