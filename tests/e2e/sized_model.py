"""A small model whose sizes are known at run time only, for the generated header: one dynamic size, two, a derived one, another memory
order, and numbers made of sizes as outputs."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.export import Dim


class Sized(nn.Module):
    def forward(self, rows: Tensor, table: Tensor, columns: Tensor) -> dict[str, Any]:
        return {
            "doubled": rows * 2,
            "sums": table.sum(1) + rows.sum(1)[: table.shape[0]],
            "turned": columns + 1,
            "count": rows.shape[0] * 3,
            "ratio": table.shape[1] / 4,
        }


def build() -> dict[str, Any]:
    n, m = Dim("n", min=0, max=100), Dim("m", min=1, max=9)
    args = (torch.randn(4, 3), torch.randn(4, 5), torch.randn(5, 2).t())
    return {"module": Sized(), "args": args, "dynamic_shapes": ({0: n}, {0: n, 1: m}, {1: m})}
