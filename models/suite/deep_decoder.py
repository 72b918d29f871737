"""A decoder of any number of layers, each with its own weights, as an exporter unrolls it: how compile time grows with a model.

layers_48()  -> a module of 48 layers, about 60 ATen operators each. Small tensors: the graph is large, not the arithmetic.
unequal_48() -> the same, each layer with heads and an MLP of its own width, so that no two layers share kernels but their norms.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

Example = tuple[nn.Module, tuple[Tensor, ...]]

WIDTH, HEADS, GROUPS, WORDS, PLACES = 128, 8, 2, 512, 32
HEAD = WIDTH // HEADS


def __getattr__(name: str) -> Callable[[], Example]:
    kind, _, count = name.partition("_")
    if kind in ("layers", "unequal") and count.isdecimal():
        step = 2 if kind == "unequal" else 0
        return functools.partial(_build, [HEAD + step * layer for layer in range(int(count))])
    raise AttributeError(f"no model {name}")


class RmsNorm(nn.Module):
    """x / rms(x) (Zhang and Sennrich, arXiv:1910.07467), operator by operator."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(WIDTH))

    def forward(self, x: Tensor) -> Tensor:
        """[N, S, WIDTH] -> the same."""
        return self.weight * (x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + 1e-6))


def rotated(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Rotary positions (Su et al., arXiv:2104.09864)."""
    first, second = x.chunk(2, -1)
    return x * cos + torch.cat((-second, first), -1) * sin


class Layer(nn.Module):
    """Grouped attention with rotary positions, and a gated MLP that is twice as wide as all heads; `head`: the width of one."""

    def __init__(self, head: int) -> None:
        super().__init__()
        self.head, wide = head, HEADS * head
        self.norm_1, self.norm_2 = RmsNorm(), RmsNorm()
        self.q, self.out = nn.Linear(WIDTH, wide, bias=False), nn.Linear(wide, WIDTH, bias=False)
        self.k, self.v = (nn.Linear(WIDTH, GROUPS * head, bias=False) for _ in range(2))
        self.gate, self.up = (nn.Linear(WIDTH, 2 * wide, bias=False) for _ in range(2))
        self.down = nn.Linear(2 * wide, WIDTH, bias=False)

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        """[N, S, WIDTH] -> the same."""
        n, s, _ = x.shape
        y = self.norm_1(x)
        q = rotated(self.q(y).view(n, s, HEADS, self.head).transpose(1, 2), cos, sin)
        k = rotated(self.k(y).view(n, s, GROUPS, self.head).transpose(1, 2), cos, sin)
        v = self.v(y).view(n, s, GROUPS, self.head).transpose(1, 2)
        k, v = (
            t[:, :, None].expand(n, GROUPS, HEADS // GROUPS, s, self.head).reshape(n, HEADS, s, self.head)
            for t in (k, v)
        )
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.out(y.transpose(1, 2).reshape(n, s, HEADS * self.head))
        y = self.norm_2(x)
        result: Tensor = x + self.down(F.silu(self.gate(y)) * self.up(y))
        return result


class Decoder(nn.Module):
    """Token numbers to logits; `heads`: the width of a head of each layer."""

    def __init__(self, heads: Sequence[int]) -> None:
        super().__init__()
        self.words, self.norm = nn.Embedding(WORDS, WIDTH), RmsNorm()
        self.layers = nn.ModuleList(map(Layer, heads))
        self.frequencies = nn.ParameterDict(
            {str(h): nn.Parameter(10000.0 ** (-torch.arange(0, h, 2) / h), False) for h in set(heads)}
        )

    def forward(self, ids: Tensor) -> Tensor:
        """int64 [N, S] -> [N, S, WORDS]."""
        tables: dict[int, tuple[Tensor, Tensor]] = {}
        for head, frequencies in self.frequencies.items():
            angles = torch.arange(ids.shape[1])[:, None] * frequencies
            angles = torch.cat((angles, angles), -1)
            tables[int(head)] = (angles.cos(), angles.sin())
        x = self.words(ids)
        for layer in self.layers:
            assert isinstance(layer, Layer)
            x = layer(x, *tables[layer.head])
        return F.linear(self.norm(x), self.words.weight)


def _build(heads: Sequence[int]) -> Example:
    return Decoder(heads), (torch.randint(0, WORDS, (1, PLACES)),)
