"""A model with everything that a run may change: a cache of which one position is written, a counter, two buffers that swap their
values, an input in place; its outputs are some of these again, an input as it came, and plain values."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn


class Stateful(nn.Module):
    cache: Tensor
    count: Tensor
    scale: Tensor
    a: Tensor
    b: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("cache", torch.zeros(2, 8, 4))
        self.register_buffer("count", torch.zeros(1, dtype=torch.int64))
        self.register_buffer("scale", torch.ones(3), persistent=False)
        self.register_buffer("a", torch.zeros(3))
        self.register_buffer("b", torch.ones(3))

    def forward(self, x: Tensor, y: Tensor) -> dict[str, Any]:
        self.cache.index_copy_(1, self.count, x.unsqueeze(1))
        self.count.add_(1)
        y.mul_(2)
        old = self.a.clone()
        self.a.copy_(self.b)
        self.b.copy_(old + self.scale)
        self.scale *= 2
        return {
            "total": self.cache.sum(1), "x_again": x, "count": self.count, "nothing": None, "number": 3, "doubled": y,
            "mixed": self.a + 10 * self.b, "cache": self.cache,
        }  # fmt: skip


def build() -> tuple[nn.Module, tuple[Tensor, ...]]:
    """The model and example inputs."""
    return Stateful(), (torch.ones(2, 4), torch.ones(5))
