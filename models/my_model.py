"""The smallest whole example: two pointwise operations around a matrix product.

Enters: nothing. Leaves: the module and its example inputs, for `compiler.driver.export`. Float32, [64, 64] throughout.

    build() -> (MyModel(), (x, y))        x, y: [64, 64]
    forward: sin(x) -> mm with y -> cos   [64, 64]
"""

from __future__ import annotations

import torch

SIZE = 64


class MyModel(torch.nn.Module):
    """`cos(sin(x) @ y)`."""

    def forward(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        """x: [64, 64], y: [64, 64] -> [64, 64]."""
        return torch.cos(torch.mm(torch.sin(x), y))


def build() -> tuple[torch.nn.Module, tuple[torch.Tensor, ...]]:
    """The module and one pair of random inputs (seeded by the export tool)."""
    return MyModel(), (torch.randn(SIZE, SIZE), torch.randn(SIZE, SIZE))
