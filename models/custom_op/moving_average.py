"""A model with custom operators: a moving average written in C, and one that takes every kind of argument.

out, energy = smoothing.describe(smoothing.average(x, 5), [w, None], ...)
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


@torch.library.custom_op("smoothing::average", mutates_args=())
def average(x: Tensor, width: int) -> Tensor:
    """The mean over `width` neighbours along the last dim; beyond the ends the first and last element go on."""
    half = width // 2
    padded = nn.functional.pad(x.unsqueeze(0), (half, width - 1 - half), mode="replicate")[0]
    return padded.unfold(-1, width, 1).mean(-1)


@average.register_fake
def _(x: Tensor, width: int) -> Tensor:
    return torch.empty(x.shape, dtype=x.dtype)


@torch.library.custom_op("smoothing::combine", mutates_args=())
def combine(
    parts: list[Tensor],
    weights: list[float],
    bias: Tensor | None,
    scale: float,
    mode: str,
    dtype: torch.dtype,
    keep: bool,
    order: list[int],
) -> tuple[Tensor, Tensor]:
    """The weighted sum of the parts in `order`, and the sum of each row of it."""
    total = torch.zeros_like(parts[0])
    for k in order:
        total = total + parts[k] * weights[k]
    total = total * scale
    if bias is not None:
        total = total + bias
    if mode == "negate":
        total = -total
    return total.to(dtype), total.sum(-1, keepdim=keep)


@combine.register_fake
def _(  # type: ignore[no-untyped-def]
    parts, weights, bias, scale, mode, dtype, keep, order
):
    size = parts[0].shape
    rows = (*size[:-1], 1) if keep else size[:-1]
    return torch.empty(size, dtype=dtype), torch.empty(rows)


class Smoothing(nn.Module):
    """Smooths twice, combines with what came in, and goes on with an ordinary layer."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(64, 16)
        self.bias = nn.Parameter(torch.randn(64))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        smooth = average(x.sin(), 5)
        parts = [x, smooth, average(smooth * 2, 9)]
        first, rows = combine(
            parts, [0.5, 0.25, 2.0], self.bias, 0.1, "negate", torch.float64, True, [2, 0, 1]
        )
        second, _ = combine(
            [smooth.t().contiguous().t()], [1.0], None, 3.0, "plain", torch.float32, False, [0]
        )
        return self.layer(first.float() + second), rows, second + 1


def build() -> tuple[nn.Module, tuple[Tensor, ...]]:
    """The model and an example input."""
    return Smoothing(), (torch.randn(8, 64),)
