"""A model with everything that a run may change: a cache of which one position is written, a counter, two buffers that swap their
values, a total that loops in loops add to, an input in place; its outputs are some of these again, an input as it came, plain values."""

from __future__ import annotations

from typing import Any

import torch
import torch._higher_order_ops
from torch import Tensor, nn

while_loop: Any = torch._higher_order_ops.while_loop  # typed as little as PyTorch types it


def collatz(number: Tensor, steps: Tensor) -> Tensor:
    """`steps` and how often `number` has to be halved, or tripled with one added, until it is 1."""

    def step(n: Tensor, k: Tensor) -> tuple[Tensor, Tensor]:
        return torch.cond((n % 2 == 0).all(), lambda m: m // 2, lambda m: 3 * m + 1, (n,)), k + 1

    return while_loop(lambda n, k: (n > 1).all(), step, (number, steps))[1]  # type: ignore[no-any-return]


class Stateful(nn.Module):
    cache: Tensor
    count: Tensor
    scale: Tensor
    a: Tensor
    b: Tensor
    steps: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("cache", torch.zeros(2, 8, 4))
        self.register_buffer("count", torch.zeros(1, dtype=torch.int64))
        self.register_buffer("scale", torch.ones(3), persistent=False)
        self.register_buffer("steps", torch.zeros(1, dtype=torch.int64))
        self.register_buffer("a", torch.zeros(3))
        self.register_buffer("b", torch.ones(3))

    def forward(self, x: Tensor, y: Tensor) -> dict[str, Any]:
        self.cache.index_copy_(1, self.count, x.unsqueeze(1))
        self.count.add_(1)
        first = torch.ones(1, dtype=torch.int64)
        turns = while_loop(
            lambda i, k: (i <= self.count).all(),
            lambda i, k: (i + 1, collatz(i, k)),
            (first, self.steps.clone()),
        )
        self.steps.copy_(turns[1])
        y.mul_(2)
        old = self.a.clone()
        self.a.copy_(self.b)
        self.b.copy_(old + self.scale)
        self.scale *= 2
        return {
            "total": self.cache.sum(1), "x_again": x, "count": self.count, "nothing": None, "number": 3, "doubled": y,
            "mixed": self.a + 10 * self.b, "steps": self.steps * 1, "cache": self.cache,
        }  # fmt: skip


def build() -> tuple[nn.Module, tuple[Tensor, ...]]:
    """The model and example inputs."""
    return Stateful(), (torch.ones(2, 4), torch.ones(5))
