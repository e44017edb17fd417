"""A small Llama: the same architecture that transformers, vLLM and llama.cpp call `llama`."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

NORM_EPSILON = 1e-5
ROPE_BASE = 10000.0


@dataclass(frozen=True)
class Shape:
    """The sizes of a model."""

    hidden: int
    layers: int
    heads: int
    inner: int
    vocabulary: int

    @property
    def head(self) -> int:
        """Width of one attention head."""
        return self.hidden // self.heads


class Norm(nn.Module):
    """Root-mean-square normalisation."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))

    def forward(self, x: Tensor) -> Tensor:
        return functional.rms_norm(x, (x.shape[-1],), self.weight, NORM_EPSILON)


def _turn(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    half = x.shape[-1] // 2
    a, b = x[..., :half], x[..., half:]
    return torch.cat((a * cos - b * sin, b * cos + a * sin), -1)


class Block(nn.Module):
    """One layer; projections that read the same input are one matrix, which is faster on a CPU."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        self.attention_norm = Norm(shape.hidden)
        self.qkv = nn.Linear(shape.hidden, 3 * shape.hidden, bias=False)
        self.out = nn.Linear(shape.hidden, shape.hidden, bias=False)
        self.inner_norm = Norm(shape.hidden)
        self.gate_up = nn.Linear(shape.hidden, 2 * shape.inner, bias=False)
        self.down = nn.Linear(shape.inner, shape.hidden, bias=False)

    def forward(
        self, x: Tensor, cos: Tensor, sin: Tensor, past: list[Tensor] | None = None
    ) -> Tensor:
        """One layer; `past` holds keys and values of earlier positions and grows."""
        rows, length, width = x.shape
        qkv = self.qkv(self.attention_norm(x)).view(
            rows, length, 3, self.shape.heads, self.shape.head
        )
        q, k, v = qkv.permute(2, 0, 3, 1, 4).unbind(0)
        q, k = _turn(q, cos, sin), _turn(k, cos, sin)
        causal = True
        if past is not None:
            if past:
                k, v = torch.cat((past[0], k), 2), torch.cat((past[1], v), 2)
                causal = False
            past[:] = [k, v]
        mixed = functional.scaled_dot_product_attention(q, k, v, is_causal=causal)
        x = x + self.out(mixed.transpose(1, 2).reshape(rows, length, width))
        gate, up = self.gate_up(self.inner_norm(x)).chunk(2, -1)
        return x + self.down(functional.silu(gate) * up)


class Llama(nn.Module):
    """The model; its embedding is also its output matrix."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        self.embedding = nn.Embedding(shape.vocabulary, shape.hidden)
        self.blocks = nn.ModuleList(Block(shape) for _ in range(shape.layers))
        self.norm = Norm(shape.hidden)
        for parameter in self.parameters():
            if parameter.dim() == 2:
                nn.init.normal_(
                    parameter,
                    std=0.02 if parameter is self.embedding.weight else shape.hidden**-0.5,
                )
        for block in self.blocks:
            for last in (block.out, block.down):
                last.weight.data.mul_((2 * shape.layers) ** -0.5)

    def hidden(self, tokens: Tensor, past: list[list[Tensor]] | None = None) -> Tensor:
        """The last layer's states."""
        before = past[0][0].shape[2] if past and past[0] else 0
        cos, sin = self._angles(before, tokens.shape[1], tokens.device)
        x = self.embedding(tokens)
        for at, block in enumerate(self.blocks):
            x = block(x, cos, sin, None if past is None else past[at])
        return self.norm(x)

    def loss(self, tokens: Tensor, targets: Tensor, weights: Tensor) -> Tensor:
        """Mean cross entropy of the tokens that count."""
        wanted = weights > 0
        states = self.hidden(tokens)[wanted]
        logits = functional.linear(states, self.embedding.weight).float()
        losses = functional.cross_entropy(logits, targets[wanted], reduction="none")
        return (losses * weights[wanted]).mean()

    def next_logits(self, tokens: Tensor, past: list[list[Tensor]]) -> Tensor:
        """Logits after the last token."""
        return functional.linear(self.hidden(tokens, past)[:, -1], self.embedding.weight)

    def _angles(self, start: int, length: int, device: torch.device) -> tuple[Tensor, Tensor]:
        powers = torch.arange(0, self.shape.head, 2, device=device).float() / self.shape.head
        positions = torch.arange(start, start + length, device=device).float()
        angles = torch.outer(positions, ROPE_BASE**-powers)
        return angles.cos(), angles.sin()


def parameters(model: nn.Module) -> int:
    """How many numbers the model consists of."""
    return sum(p.numel() for p in model.parameters())
