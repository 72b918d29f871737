"""Reads a value at an index of a larger, broadcast size, by PyTorch's rule: dims align at the end, size 1
repeats."""

from __future__ import annotations

from collections.abc import Sequence

from compiler.ir.expr import Expr, as_expr
from compiler.lowering.tracer import Scalar, Tracer
from compiler.lowering.values import Index, Value

_ZERO = as_expr(0)


def at_broadcast(value: Value, t: Tracer, index: Index) -> Scalar:
    """The element of `value` that position `index` of the broadcast result sees."""
    own = index[len(index) - value.rank :]
    return value.at(t, tuple(_ZERO if s == 1 else i for i, s in zip(own, value.size, strict=True)))


def broadcast_size(values: Sequence[Value]) -> Index:
    """The common size."""
    rank = max((v.rank for v in values), default=0)
    size: list[Expr] = [as_expr(1)] * rank
    for v in values:
        for d, s in enumerate(v.size, start=rank - v.rank):
            if size[d] == 1:
                size[d] = s
    return tuple(size)


def repeats_over_outer_dim(value: Value, size: Sequence[Expr]) -> bool:
    """Whether broadcasting `value` to `size` repeats it along a dim outside of one that it has: its elements would be computed anew in
    an inner loop. Repeated along inner dims only, it is computed once in the outer loop."""
    padded = (as_expr(1),) * (len(size) - value.rank) + value.size
    repeated = False
    for own, wanted in zip(padded, size, strict=True):
        if own == 1 and wanted != 1:
            repeated = True
        elif own != 1 and repeated:
            return True
    return False
