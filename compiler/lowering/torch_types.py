"""PyTorch's dtypes and sizes as the IR's. The frontend has refused what has no counterpart."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from compiler.ir.dtypes import BY_NAME, DType
from compiler.ir.expr import Expr, IntLike, exprs
from compiler.support.diagnostics import InternalError


def to_dtype(dtype: torch.dtype) -> DType:
    """float32 for torch.float32, and so on."""
    name = str(dtype).removeprefix("torch.")
    if name not in BY_NAME:
        raise InternalError(f"dtype {dtype} reached lowering; the frontend refuses it")
    return BY_NAME[name]


def to_torch(dtype: DType) -> torch.dtype:
    found = getattr(torch, dtype.name)
    assert isinstance(found, torch.dtype)
    return found


def to_sizes(sizes: Sequence[IntLike]) -> tuple[Expr, ...]:
    """Sizes or strides of a tensor, numbers or expressions."""
    return exprs(sizes)
