"""A model whose run depends on its data: random numbers, orders of rows, selections, a number read on the host, a branch, a loop.

Enters: nothing. Leaves: what `compiler.driver.export` takes, and what tests/gpu/run.py holds the results against.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch._higher_order_ops.while_loop import while_loop

ROWS, COLUMNS = 6, 1500
MOST_TURNS = 9
Results = tuple[Tensor, ...]


class Decisions(nn.Module):
    def forward(self, x: Tensor, turns: Tensor, length: Tensor) -> Any:
        """x: [ROWS, COLUMNS]; turns, length: int64 scalars."""
        return torch.rand(ROWS, COLUMNS), torch.randperm(COLUMNS), *decided(x, turns, length)


def decided(x: Tensor, turns: Tensor, length: Tensor) -> Results:
    """What is no draw of random numbers."""
    order = torch.sort(x, dim=1, stable=True)
    best = torch.topk(x, 5, dim=1)
    kept = x[x > 0]
    rows = x[(x[:, 0] > 0) | (x[:, 1] > 0)]
    size: Any = length.item()
    torch._check(size >= 0)  # type: ignore[no-untyped-call]
    torch._check(size <= COLUMNS)  # type: ignore[no-untyped-call]
    branch = torch.cond(x.sum() > 0, lambda a: a.sin(), lambda a: a.cos() - 1, (x,))
    _, looped = while_loop(  # type: ignore[no-untyped-call]
        lambda k, y: k < turns,
        lambda k, y: (k + 1, y * 0.5 + 1),
        (torch.zeros((), dtype=torch.int64, device=x.device), x),
    )
    return *order, *best, torch.cummax(x, 1)[1], kept * 2, rows.sum(0), x[:, :size].sum(1), branch, looped


def build() -> dict[str, Any]:
    return {"module": Decisions(), "args": inputs(3, 700, "cpu")}


def inputs(turns: int, length: int, device: str) -> Results:
    """Numbers with many equal ones among them."""
    x = (torch.randn(ROWS, COLUMNS) * 40).round() / 8
    return x.to(device), torch.tensor(turns, device=device), torch.tensor(length, device=device)


def uniform(count: int, stream: int, seed: int, run: int) -> Tensor:
    """The numbers that the compiled model must draw: Philox 4x32-10 of the element, the operator, the seed and the run."""
    low, result = 0xFFFFFFFF, []
    for element in range(count):
        c, k = [element & low, element >> 32, stream, run & low], [seed & low, seed >> 32]
        for _ in range(10):
            first, second = 0xD2511F53 * c[0], 0xCD9E8D57 * c[2]
            c = [second >> 32 ^ c[1] ^ k[0], second & low, first >> 32 ^ c[3] ^ k[1], first & low]
            k = [k[0] + 0x9E3779B9 & low, k[1] + 0xBB67AE85 & low]
        result.append((c[0] & (1 << 24) - 1) / (1 << 24))
    return torch.tensor(result).view(ROWS, -1)
