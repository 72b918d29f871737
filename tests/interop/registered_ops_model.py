"""A model with operators that a library of C++ registers with PyTorch (`registered_ops.cc`): it is loaded before the export, and
Python only says what shapes come back."""

from __future__ import annotations

import torch
from torch import Tensor, nn

OPS = torch.ops.interop_registered


def load(library: str) -> None:
    """Makes the operators known to this process."""
    torch.ops.load_library(library)  # type: ignore[no-untyped-call]

    @torch.library.register_fake("interop_registered::bell")  # type: ignore[untyped-decorator]
    def _(x: Tensor, width: float, what: str, shift: Tensor | None = None) -> Tensor:
        return x.new_empty(x.shape)

    @torch.library.register_fake("interop_registered::cut")  # type: ignore[untyped-decorator]
    def _(x: Tensor, rows: int) -> list[Tensor]:
        return [x.new_empty((rows, *x.shape[1:])), x.new_empty((x.shape[0] - rows, *x.shape[1:]))]


class RegisteredOps(nn.Module):
    """Calls with and without an optional tensor, with a size of the run, with results that kernels of ours read and one that none does."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.linspace(0.5, 1.5, 5))

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        value = OPS.bell((x * self.scale).contiguous(), 2.0, "value")
        slope = OPS.bell(x.contiguous(), 0.5, "slope", value)
        first, rest = OPS.cut((slope + 1).contiguous(), x.shape[0] - 2)
        return value.sum(1) + slope.amax(1), first.exp(), rest


def build(library: str) -> dict[str, object]:
    """The model with a batch of any size."""
    load(library)
    batch = torch.export.Dim("batch", min=4, max=64)
    return {"module": RegisteredOps(), "args": (torch.randn(6, 5),), "dynamic_shapes": ({0: batch},)}
