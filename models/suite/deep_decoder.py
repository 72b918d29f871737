"""A decoder of any number of layers, each with its own weights, as an exporter unrolls it: how compile time grows with a model.

layers_48() -> a module of 48 layers, about 80 ATen operators each. Small tensors: the graph is large, not the arithmetic.
"""

from __future__ import annotations

import functools
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

Example = tuple[nn.Module, tuple[Tensor, ...]]

WIDTH, HEADS, GROUPS, WORDS, PLACES = 128, 8, 2, 512, 32
HEAD = WIDTH // HEADS


def __getattr__(name: str) -> Callable[[], Example]:
    count = name.removeprefix("layers_")
    if name.startswith("layers_") and count.isdecimal():
        return functools.partial(_build, int(count))
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
    first, second = x[..., : HEAD // 2], x[..., HEAD // 2 :]
    return x * cos + torch.cat((-second, first), -1) * sin


class Layer(nn.Module):
    """Grouped attention with rotary positions, and a gated MLP."""

    def __init__(self) -> None:
        super().__init__()
        self.norm_1, self.norm_2 = RmsNorm(), RmsNorm()
        self.q, self.out = nn.Linear(WIDTH, WIDTH, bias=False), nn.Linear(WIDTH, WIDTH, bias=False)
        self.k, self.v = (nn.Linear(WIDTH, GROUPS * HEAD, bias=False) for _ in range(2))
        self.gate, self.up = (nn.Linear(WIDTH, 2 * WIDTH, bias=False) for _ in range(2))
        self.down = nn.Linear(2 * WIDTH, WIDTH, bias=False)

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        """[N, S, WIDTH] -> the same."""
        n, s, _ = x.shape
        y = self.norm_1(x)
        q = rotated(self.q(y).view(n, s, HEADS, HEAD).transpose(1, 2), cos, sin)
        k = rotated(self.k(y).view(n, s, GROUPS, HEAD).transpose(1, 2), cos, sin)
        v = self.v(y).view(n, s, GROUPS, HEAD).transpose(1, 2)
        k, v = (
            t[:, :, None].expand(n, GROUPS, HEADS // GROUPS, s, HEAD).reshape(n, HEADS, s, HEAD)
            for t in (k, v)
        )
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.out(y.transpose(1, 2).reshape(n, s, WIDTH))
        y = self.norm_2(x)
        result: Tensor = x + self.down(F.silu(self.gate(y)) * self.up(y))
        return result


class Decoder(nn.Module):
    """Token numbers to logits."""

    def __init__(self, layers: int) -> None:
        super().__init__()
        self.words, self.norm = nn.Embedding(WORDS, WIDTH), RmsNorm()
        self.layers = nn.ModuleList(Layer() for _ in range(layers))
        self.register_buffer("frequencies", 10000.0 ** (-torch.arange(0, HEAD, 2) / HEAD))

    def forward(self, ids: Tensor) -> Tensor:
        """int64 [N, S] -> [N, S, WORDS]."""
        assert isinstance(self.frequencies, Tensor)
        angles = torch.arange(ids.shape[1])[:, None] * self.frequencies
        angles = torch.cat((angles, angles), -1)
        x, cos, sin = self.words(ids), angles.cos(), angles.sin()
        for layer in self.layers:
            x = layer(x, cos, sin)
        return F.linear(self.norm(x), self.words.weight)


def _build(layers: int) -> Example:
    return Decoder(layers), (torch.randint(0, WORDS, (1, PLACES)),)
