"""What the tests of matrix products share: operands of any memory order, and how far a result may be from the exact one.

The bound is elementwise: each product and sum is done in float32, and the result is rounded once to its own type. Per element that is
at most (K + 2) * 2**-24 of the sum of the absolute products, plus one rounding of the result.
"""

from __future__ import annotations

import torch
from torch import Tensor

_ROUNDING = {
    torch.float32: 2.0**-24,
    torch.float16: 2.0**-11,
    torch.bfloat16: 2.0**-8,
    torch.float64: 2.0**-53,
}


def operand(batches: int, rows: int, columns: int, order: str, dtype: torch.dtype = torch.float32) -> Tensor:
    """Random [batches, rows, columns]. order: "rows" (unit stride along a row), "columns", or "apart" (rows with a gap between them)."""
    if order == "columns":
        return torch.randn(batches, columns, rows).to(dtype).transpose(1, 2)
    if order == "apart":
        return torch.randn(batches, rows, columns + 5).to(dtype)[:, :, :columns]
    return torch.randn(batches, rows, columns).to(dtype)


def untouched(*size: int, dtype: torch.dtype = torch.float32) -> Tensor:
    """Memory in which an element that is not written shows."""
    return torch.full(size, float("nan"), dtype=torch.float32).to(dtype)


def assert_close(actual: Tensor, exact: Tensor, magnitude: Tensor, terms: int) -> None:
    """`magnitude`: the sum of the absolute values that were added to get each element of `exact` (both float64)."""
    allowed = (terms + 2) * 2.0**-24 * magnitude + 2 * _ROUNDING[actual.dtype] * exact.abs() + 1e-30
    excess = (actual.double() - exact).abs() / allowed
    worst = excess.nan_to_num(float("inf")).max().item()
    assert worst <= 1, (
        f"{worst:.3g} times the bound; {excess.isnan().sum().item()} of {excess.numel()} are not numbers"
    )


def assert_product(actual: Tensor, a: Tensor, b: Tensor) -> None:
    a, b = a.double(), b.double()
    assert_close(actual, a @ b, a.abs() @ b.abs(), a.shape[-1])
