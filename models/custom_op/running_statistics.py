"""A model with custom operators that write to their arguments: its own buffers, an input, views of intermediate results, options, lists.

statistics.update(self.mean, self.spread, x, 0.9)      # both buffers are changed
statistics.clip_(h[:, 1:3], 0.5)                        # a part of h is
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn


@torch.library.custom_op("statistics::update", mutates_args=("mean", "spread"))
def update(mean: Tensor, spread: Tensor | None, x: Tensor, decay: float) -> Tensor:
    """Moves the mean of each column towards that of x, and so its spread; returns how far the mean was from x."""
    distance = (x - mean).abs().mean(0)
    mean.mul_(decay).add_(x.mean(0), alpha=1 - decay)
    if spread is not None:
        spread.mul_(decay).add_(distance, alpha=1 - decay)
    return distance


@update.register_fake
def _(mean: Tensor, spread: Tensor | None, x: Tensor, decay: float) -> Tensor:
    return torch.empty(x.shape[1:], dtype=x.dtype)


@torch.library.custom_op("statistics::rescale", mutates_args=("parts",))
def rescale(parts: list[Tensor], factors: list[float]) -> None:
    """Multiplies each part by its factor."""
    for part, factor in zip(parts, factors, strict=True):
        part.mul_(factor)


# Operators in PyTorch's own in-place and out= forms return what they wrote; a tag says so.
torch.library.define(
    "statistics::clip_", "(Tensor(a!) x, float limit) -> Tensor(a!)", tags=[torch.Tag.inplace]
)
torch.library.define(
    "statistics::largest.out", "(Tensor x, *, Tensor(a!) out) -> Tensor(a!)", tags=[torch.Tag.out]
)


@torch.library.impl("statistics::clip_", "CompositeExplicitAutograd")
def clip_(x: Tensor, limit: float) -> Tensor:
    return x.clamp_(-limit, limit)


@torch.library.impl("statistics::largest.out", "CompositeExplicitAutograd")
def largest(x: Tensor, *, out: Tensor) -> Tensor:
    return torch.amax(x, 1, out=out)


class Statistics(nn.Module):
    """Keeps statistics of what it sees, and works on parts of an intermediate result in place."""

    mean: Tensor
    spread: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(6, 8)
        self.register_buffer("mean", torch.zeros(8))
        self.register_buffer("spread", torch.ones(2, 8))

    def forward(self, x: Tensor, history: Tensor) -> tuple[Tensor, ...]:
        h = self.layer(x)
        distance = update(self.mean, self.spread[1], h, 0.9)
        first = h * 2
        torch.ops.statistics.clip_(h[:, 1:3], 0.5)  # a slice
        rescale([h.t()[5], h[:, 7], history], [0.5, -1.0, 3.0])  # views by strides, an input
        clipped = torch.ops.statistics.clip_(h.sin(), 0.3)
        alone = update(x.new_zeros(8), None, h, 0.5)  # the new mean is not read
        bias = self.layer.bias.clone()  # a weight's copy, which an operator may change
        rescale([bias], [2.0])
        top = torch.ops.statistics.largest.out(h, out=x.new_empty(x.shape[0]))
        state = self.mean + self.spread
        return first, h + 1, distance, clipped.cos(), alone, top * 2, history.sum(1), bias, state


def build() -> dict[str, Any]:
    """The model with a batch of any size."""
    batch = torch.export.Dim("batch", min=1, max=64)
    args = (torch.randn(5, 6), torch.randn(3, 4))
    return {"module": Statistics(), "args": args, "dynamic_shapes": ({0: batch}, {})}
