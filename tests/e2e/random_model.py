"""A model that draws random numbers of every kind, for random_test: distributions, and that a seed gives the same numbers."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Random(nn.Module):
    def forward(self, x: Tensor) -> dict[str, Tensor]:
        return {
            "uniform": torch.rand_like(x),
            "wide": torch.rand(300, 211, dtype=torch.float64),
            "normal": torch.randn_like(x) * 2 + 1,
            "dice": torch.randint(1, 7, (300, 211)),
            "coins": torch.bernoulli(x * 0 + 0.3),
            "kept": F.dropout(x * 0 + 1, 0.25, training=True),
            "order": torch.randperm(1000),
            "both": torch.where(x > 0, torch.rand_like(x), torch.randn_like(x)).sum(1),
        }


def build() -> dict[str, Any]:
    return {"module": Random(), "args": (torch.ones(300, 211),)}
