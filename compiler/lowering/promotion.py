"""PyTorch's type promotion (https://docs.pytorch.org/docs/stable/tensor_attributes.html#type-promotion-doc).

Operands count in three ranks: tensors with dims, tensors without, Python numbers. A lower rank changes the
result only where its category (bool < integer < float) is higher.

    int32 [4] + int64 []   -> int32        int32 [4] + 1.5 -> float32        uint8 [4] + float64 [] -> float64
"""

from __future__ import annotations

from collections.abc import Sequence

import torch

from compiler.ir import dtypes
from compiler.ir.dtypes import DType
from compiler.ir.expr import Expr
from compiler.lowering.elementwise import Operand
from compiler.lowering.torch_types import to_dtype, to_torch
from compiler.lowering.values import Value


def promote(operands: Sequence[Operand]) -> DType:
    """The common type of the operands."""
    ranks: list[DType | None] = [None, None, None]
    for o in operands:
        if isinstance(o, Value):
            rank, dtype = (0 if o.rank else 1), o.dtype
        else:
            rank, dtype = 2, _of_number(o)
        known = ranks[rank]
        ranks[rank] = dtype if known is None else _join(known, dtype)
    result = _combine(ranks[0], _combine(ranks[1], ranks[2]))
    assert result is not None
    return result


def promote_to_float(operands: Sequence[Operand]) -> DType:
    """The common type, float32 for integers and bools."""
    dtype = promote(operands)
    return dtype if dtype.is_float else dtypes.float32


def _of_number(number: object) -> DType:
    if isinstance(number, bool):
        return dtypes.bool_
    return dtypes.int64 if isinstance(number, (int, Expr)) else dtypes.float32


def _join(a: DType, b: DType) -> DType:
    return a if a == b else to_dtype(torch.promote_types(to_torch(a), to_torch(b)))


def _combine(higher: DType | None, lower: DType | None) -> DType | None:
    if higher is None or lower is None:
        return higher or lower
    if higher.is_float:
        return higher
    return _join(higher, lower) if higher == dtypes.bool_ or lower.is_float else higher
