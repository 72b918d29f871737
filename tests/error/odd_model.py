"""A small model with everything that is odd about inputs and outputs, for the tests of the generated header and of refusals.

Outputs: an input itself, a parameter itself, one tensor under two names, a transposed view, a number, None, and rows looked up by
indices that may be out of range. Input names are what C++ keeps for itself.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Odd(nn.Module):
    """forward(class [3], x [2, 3]) -> a dict of outputs."""

    twin: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Parameter(torch.arange(20.0).reshape(5, 4))
        self.register_buffer("twin", torch.arange(20.0).reshape(5, 4))

    def forward(self, operator: Tensor, x: Tensor) -> dict[str, object]:
        doubled = x * 2.0
        return {
            "alias": x,
            "weight": self.table,
            "first": doubled,
            "second": doubled,
            "turned": torch.sin(x).t(),
            "number": 7,
            "nothing": None,
            "rows": torch.nn.functional.embedding(operator, self.table)
            + torch.nn.functional.embedding(operator, self.twin),
        }


def build() -> tuple[nn.Module, tuple[Tensor, ...]]:
    """The module with indices and a matrix."""
    return Odd(), (torch.tensor([0, 4, 2]), torch.arange(6.0).reshape(2, 3))
