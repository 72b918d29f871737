"""In which order a value's dims lie in memory, outermost first.

A lazy value that is realised follows its dominating input, the load that touches most elements: so pointwise
work between two channels-last convolutions stays channels-last and no reordering is needed.

    load buf0[4096*i0 + i1 + 1024*i2 + 64*i3]   (a channels-last [N, C, H, W])   ->   (0, 2, 3, 1)
"""

from __future__ import annotations

from collections.abc import Sequence

from compiler.ir.expr import Expr, typical
from compiler.ir.loop import BodyOp, Layout

Order = tuple[int, ...]


def natural(rank: int) -> Order:
    return tuple(range(rank))


def of_layout(layout: Layout) -> Order:
    return _order(layout.size, layout.stride)


def of_loads(ops: Sequence[BodyOp], variables: Sequence[Expr], size: Sequence[Expr]) -> Order:
    """The order that the body's dominating load suggests for loops `variables` over `size`."""
    best: Order | None = None
    best_touched = 0
    for op in ops:
        if op.opcode != "load":
            continue
        strides = _strides(op.expr, variables)
        if strides is None:
            continue
        touched = 1
        for s, stride in zip(size, strides, strict=True):
            touched *= _magnitude(s) if stride != 0 else 1
        order = _order(size, strides)
        # Of equal loads, one in permuted order wins: it comes from a kernel that chose that order for speed.
        permuted = order != natural(len(size)) and best == natural(len(size))
        if touched > best_touched or (touched == best_touched and permuted):
            best, best_touched = order, touched
    return best if best is not None else natural(len(size))


def permuted_layout(layout: Layout, order: Order) -> Layout:
    """`layout` with dims in memory order (position p holds dim order[p])."""
    return Layout(
        layout.dtype,
        tuple(layout.size[d] for d in order),
        tuple(layout.stride[d] for d in order),
        layout.offset,
        layout.device,
    )


def inverse(order: Order) -> Order:
    out = [0] * len(order)
    for position, dim in enumerate(order):
        out[dim] = position
    return tuple(out)


def _strides(index: Expr, variables: Sequence[Expr]) -> list[Expr] | None:
    """The index's coefficient of every variable; None where it is not linear in one."""
    strides = []
    for v in variables:
        c = index.coefficient(v) if not v.is_const else v
        if c is None:
            return None
        strides.append(c)
    return strides


def _order(size: Sequence[Expr], stride: Sequence[Expr]) -> Order:
    """Dims by falling stride. Dims of size 1 and broadcast ones have no place of their own: they stay where they are in a tensor that is
    otherwise in natural order, and go outermost in a permuted one."""
    fixed = [d for d in range(len(size)) if size[d] != 1 and stride[d] != 0]
    ranked = sorted(fixed, key=lambda d: -_magnitude(stride[d]))
    if ranked == fixed:
        return natural(len(size))
    return tuple(d for d in range(len(size)) if d not in fixed) + tuple(ranked)


def _magnitude(e: Expr) -> int:
    """A number to compare sizes and strides by."""
    return typical(e)
