"""A model whose operator takes every kind of argument that a schema can have beside plain ones: options of each scalar, lists of
optional tensors, a device, a layout, a memory format, numbers of either type, sizes of the run. It gives back what it was told."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

OP = "interop::told"
torch.library.define(
    OP,
    "(Tensor x, Tensor?[] maybe, Device device, SymInt rows, Scalar alpha, *, Tensor? bias=None, SymInt? count=None, float? factor=2.0, "
    "bool? flag=None, str? name=None, ScalarType? dtype=None, Layout? layout=None, MemoryFormat? memory_format=None, Device? where=None, "
    "Scalar? beta=None, SymInt[]? sizes=None, float[]? weights=None) -> (Tensor, Tensor)",
)
# The numbers that the C ABI has for them.
NUMBERS: dict[Any, int] = {
    None: -1, torch.float64: 7, torch.strided: 0, torch.contiguous_format: 0, torch.channels_last: 2,
}  # fmt: skip
TOLD = 18


@torch.library.impl(OP, "CPU")
def _(  # type: ignore[no-untyped-def]
    x, maybe, device, rows, alpha, *, bias=None, count=None, factor=2.0, flag=None, name=None, dtype=None, layout=None,
    memory_format=None, where=None, beta=None, sizes=None, weights=None,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """x times alpha and the tensors that came; the rest as numbers, -1 for what is None."""
    scaled = x * alpha + sum(m.sum() for m in maybe if m is not None) + (0 if bias is None else bias)
    told = [
        len(maybe), [m is None for m in maybe].index(True), len(str(device)), rows, alpha, isinstance(alpha, int),
        -1 if count is None else count, -1 if factor is None else factor, -1 if flag is None else flag,
        -1 if name is None else len(name), NUMBERS[dtype], NUMBERS[layout], NUMBERS[memory_format],
        -1 if where is None else len(str(where)), -1 if beta is None else beta, isinstance(beta, int),
        -1 if sizes is None else sum(sizes) + 100 * len(sizes), -1 if weights is None else sum(weights),
    ]  # fmt: skip
    return scaled, torch.tensor(told, dtype=torch.float64)


@torch.library.register_fake(OP)
def _(x, *args, **options):  # type: ignore[no-untyped-def]
    return torch.empty(x.shape, dtype=x.dtype), torch.empty(TOLD, dtype=torch.float64)


class ArgumentKinds(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.bias = nn.Parameter(torch.randn(5))

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        told, cpu, rows = torch.ops.interop.told, torch.device("cpu"), x.shape[0]
        everything, first = told(
            x.sin(), [x, None, x * 2], cpu, rows, 3, bias=self.bias, count=rows + 1, factor=0.5, flag=True, name="abc",
            dtype=torch.float64, layout=torch.strided, memory_format=torch.channels_last, where=cpu, beta=2,
            sizes=[rows, 2, 7], weights=[0.25, 1.5],
        )  # fmt: skip
        nothing, second = told(x.t(), [None], cpu, 7, 2.5, factor=None)
        other, third = told(
            x, [None, x], cpu, rows * 2, rows, flag=False, name="", beta=0.75, sizes=[], weights=[]
        )
        return everything + 1, first, nothing, second, other * 2, third


def build() -> dict[str, object]:
    """The model with a batch of any size."""
    batch = torch.export.Dim("batch", min=2, max=64)
    return {"module": ArgumentKinds(), "args": (torch.randn(6, 5),), "dynamic_shapes": ({0: batch},)}
