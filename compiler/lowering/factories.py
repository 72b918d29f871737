"""Tensors made from nothing: full, zeros, ones, arange, eye, scalar_tensor. They stay lazy, so they never cost a
buffer by themselves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from compiler.ir import dtypes
from compiler.ir.dtypes import DType
from compiler.ir.expr import Expr, IntLike
from compiler.ir.size_float import SizeFloat
from compiler.lowering.builder import Builder
from compiler.lowering.registry import lowers
from compiler.lowering.tracer import Number, Scalar, Tracer, compute_dtype
from compiler.lowering.values import Cost, Index, Value


def full(b: Builder, size: Sequence[IntLike], value: Number | Expr | SizeFloat, dtype: DType) -> Value:
    """A tensor of one number."""
    inner = compute_dtype(dtype)

    def make(t: Tracer, index: Index) -> Scalar:
        number = (
            t.cast(t.number(value), inner)
            if isinstance(value, (Expr, SizeFloat))
            else t.constant(value, inner)
        )
        return t.round_to(number, dtype)

    return b.lazy(dtype, size, make, Cost(ops=1))


@lowers("aten.full.default", "aten.full_like.default", "aten.new_full.default")
def lower_full(b: Builder, *args: Any, **_: object) -> Value:
    return full(b, b.out.size, args[-1], b.out.dtype)


@lowers("aten.zeros.default", "aten.zeros_like.default", "aten.new_zeros.default")
def lower_zeros(b: Builder, *_: object, **__: object) -> Value:
    return full(b, b.out.size, 0, b.out.dtype)


# What `empty` holds is undefined; zero is the same every time.
@lowers(
    "aten.empty.memory_format",
    "aten.empty_like.default",
    "aten.new_empty.default",
    "aten.empty_permuted.default",
    "aten.empty_strided.default",
    "aten.new_empty_strided.default",
)
def lower_empty(b: Builder, *_: object, **__: object) -> Value:
    return full(b, b.out.size, 0, b.out.dtype)


@lowers("aten.ones.default", "aten.ones_like.default", "aten.new_ones.default")
def lower_ones(b: Builder, *_: object, **__: object) -> Value:
    return full(b, b.out.size, 1, b.out.dtype)


@lowers("aten.scalar_tensor.default")
def scalar_tensor(b: Builder, value: Number | Expr | SizeFloat, **_: object) -> Value:
    return full(b, (), value, b.out.dtype)


@lowers("aten.arange.start_step")
def arange(b: Builder, start: Number | Expr, end: Number | Expr, step: Number = 1, **_: object) -> Value:
    out = b.out

    def make(t: Tracer, index: Index) -> Scalar:
        if out.dtype.is_float:
            acc = dtypes.float64 if out.dtype == dtypes.float64 else dtypes.float32
            scaled = t.op("mul", t.cast(t.index(index[0]), acc), t.constant(step, acc))
            begin = t.cast(t.number(start), acc) if isinstance(start, Expr) else t.constant(start, acc)
            return t.round_to(t.op("add", scaled, begin), out.dtype)
        first = start if isinstance(start, Expr) else int(start)
        return t.cast(t.index(index[0] * int(step) + first), out.dtype)

    return b.lazy(out.dtype, out.size, make, Cost(ops=2))


@lowers("aten.arange.default")
def arange_end(b: Builder, end: Number | Expr, **_: object) -> Value:
    return arange(b, 0, end)


@lowers("aten.arange.start")
def arange_start(b: Builder, start: Number | Expr, end: Number | Expr, **_: object) -> Value:
    return arange(b, start, end)


@lowers("prims.iota.default")
def iota(b: Builder, length: IntLike, start: IntLike, step: int, **_: object) -> Value:
    return arange(b, start, start + length * step, step)


@lowers("aten.eye.default", "aten.eye.m")
def eye(b: Builder, *_: object, **__: object) -> Value:
    out = b.out
    inner = compute_dtype(out.dtype)

    def make(t: Tracer, index: Index) -> Scalar:
        return t.cast(t.op("eq", t.index(index[0]), t.index(index[1])), inner)

    return b.lazy(out.dtype, out.size, make, Cost(ops=2))
