"""A small model with weights, a reduction and a matrix product: enough for every file that a compilation writes."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class SmallModel(nn.Module):
    """x [4, 32] -> softmax(W2 gelu(norm(W1 x))) [4, 16]."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(32, 64)
        self.norm = nn.LayerNorm(64)
        self.second = nn.Linear(64, 16)

    def forward(self, x: Tensor) -> Tensor:
        hidden = nn.functional.gelu(self.norm(self.first(x)))
        return torch.softmax(self.second(hidden), dim=-1)


def build() -> tuple[nn.Module, tuple[Tensor, ...]]:
    return SmallModel().eval(), (torch.randn(4, 32),)
