"""Combines values element by element: what every pointwise lowering is made of.

elementwise(b, dtypes.float32, dtypes.float32, lambda t, x, y: t.op("add", x, y), [x, y])
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Union

from compiler.ir.dtypes import DType
from compiler.ir.expr import Expr
from compiler.ir.size_float import SizeFloat
from compiler.lowering.broadcasting import at_broadcast, broadcast_size, repeats_over_outer_dim
from compiler.lowering.builder import Builder
from compiler.lowering.tracer import Scalar, Tracer, compute_dtype
from compiler.lowering.values import Cost, Index, Value

Operand = Union[Value, Expr, SizeFloat, int, float, bool]
Combine = Callable[..., Scalar]


def elementwise(
    b: Builder,
    dtype: DType,
    compute: DType | Sequence[DType],
    combine: Combine,
    operands: Sequence[Operand],
    ops: int = 1,
    heavy: bool = False,
) -> Value:
    """`combine(t, *operands)` at every index of the broadcast size, operands cast to `compute` (one type, or one for each) first, the
    result to `dtype`.

    `ops` and `heavy` say what `combine` costs: its number of operations, and whether one is as slow as an exponential.
    """
    values = [v for v in operands if isinstance(v, Value)]
    size = broadcast_size(values)
    wanted = [compute] * len(operands) if isinstance(compute, DType) else compute
    inner = [compute_dtype(d) for d in wanted]
    outer = compute_dtype(dtype)
    for v in values:
        if v.ref is None and v.cost.heavy and repeats_over_outer_dim(v, size):
            b.realize(v)

    def make(t: Tracer, index: Index) -> Scalar:
        return t.cast(
            combine(t, *(_element(t, o, index, d) for o, d in zip(operands, inner, strict=True))), outer
        )

    return b.lazy(dtype, size, make, Cost.of(values, ops, heavy))


def _element(t: Tracer, operand: Operand, index: Index, dtype: DType) -> Scalar:
    if isinstance(operand, Value):
        return t.cast(at_broadcast(operand, t, index), dtype)
    if isinstance(operand, (Expr, SizeFloat)):
        return t.cast(t.number(operand), dtype)
    return t.constant(operand, dtype)
