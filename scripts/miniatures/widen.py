"""Heads padded with zeros to a width that vLLM has, without changing what the model computes.

vLLM's attention on a CPU has no heads narrower than 32 (version 0.32). The rotary embedding turns
pair i of a head of width d by base^(-2i/d) a position, so pair i of a narrow head turns as pair
i·w/d of one of width w; queries are scaled by √(w/d), since attention divides by the root of the
width.
"""

import torch
from torch import Tensor

WIDTH = 32


def widened(weights: dict[str, Tensor], heads: int) -> dict[str, Tensor]:
    """The weights with every head at least `WIDTH` wide; the others as they are."""
    return {name: _widened(name, weight, heads) for name, weight in weights.items()}


def width(head: int) -> int:
    """The width that a head has in the padded weights."""
    return max(head, WIDTH)


def _widened(name: str, weight: Tensor, heads: int) -> Tensor:
    if "_proj" not in name or "self_attn" not in name:
        return weight
    if "o_proj" in name:
        return _spread(weight.T, heads, rotary=False).T.contiguous()
    rotary = "v_proj" not in name
    spread = _spread(weight, heads, rotary=rotary)
    head = weight.shape[0] // heads
    return spread * (width(head) / head) ** 0.5 if "q_proj" in name else spread


def _spread(weight: Tensor, heads: int, *, rotary: bool) -> Tensor:
    """The rows of each head at their places in a wider one."""
    rows, columns = weight.shape
    head = rows // heads
    wide = width(head)
    places = torch.arange(head)
    if rotary:
        pairs = torch.arange(head // 2) * (wide // head)
        places = torch.cat((pairs, pairs + wide // 2))
    spread = torch.zeros(heads, wide, columns, dtype=weight.dtype)
    spread[:, places] = weight.view(heads, head, columns)
    return spread.view(heads * wide, columns)
