"""A small encoder layer whose batch and number of tokens are known at run time only, for tests/gpu: matrix products, attention, reductions
and pointwise kernels of every size with one library.

Enters: nothing. Leaves: what `compiler.driver.export` takes.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from models.gpu import fill

WIDTH, HEADS = 64, 4
MOST_ROWS, MOST_TOKENS = 16, 300


class Encoder(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.norm, self.qkv = nn.LayerNorm(WIDTH), nn.Linear(WIDTH, 3 * WIDTH)
        self.out, self.up = nn.Linear(WIDTH, WIDTH), nn.Linear(WIDTH, WIDTH)

    def forward(self, x: Tensor) -> Tensor:
        """x: [batch, tokens, WIDTH] -> the same."""
        batch, tokens, _ = x.shape
        q, k, v = self.qkv(self.norm(x)).view(batch, tokens, 3, HEADS, WIDTH // HEADS).permute(2, 0, 3, 1, 4)
        mixed = F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(batch, tokens, WIDTH)
        x = x + self.out(mixed)
        result: Tensor = x + F.gelu(self.up(x)).softmax(-1)
        return result


def encoder() -> dict[str, Any]:
    """Exported with 3 x 17 tokens."""
    batch = torch.export.Dim("batch", min=1, max=MOST_ROWS)
    tokens = torch.export.Dim("tokens", min=2, max=MOST_TOKENS)
    return {
        "module": fill(Encoder()),
        "args": (torch.randn(3, 17, WIDTH),),
        "dynamic_shapes": {"x": {0: batch, 1: tokens}},
    }
