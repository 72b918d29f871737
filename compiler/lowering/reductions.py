"""Reductions over dims: sum, mean, extremes, products, any/all, norms, variance, arg-extremes, cumulative sums.

A reduction is always a node of its own; what it reads is traced into its body. Sums and products of 16-bit
floats accumulate in float32. Variance takes two passes (mean first, then squared differences), which loses no
digits where the mean is large.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from compiler.ir import dtypes
from compiler.ir.dtypes import DType
from compiler.ir.expr import Expr, maximum, mul_all
from compiler.lowering.builder import Builder
from compiler.lowering.elementwise import elementwise
from compiler.lowering.factories import full
from compiler.lowering.pointwise import apply
from compiler.lowering.pointwise_composites import convert
from compiler.lowering.registry import Unsupported, lowers
from compiler.lowering.torch_types import to_dtype
from compiler.lowering.tracer import Scalar, Tracer, compute_dtype
from compiler.lowering.values import Index, Value
from compiler.lowering.view_ops import reshape, unsqueeze

Dims = "int | Sequence[int] | None"


def dims_of(x: Value, dim: int | Sequence[int] | None) -> tuple[int, ...]:
    """The reduced dims in order; None and () mean all."""
    given = [dim] if isinstance(dim, int) else list(dim or [])
    if not given:
        return tuple(range(x.rank))
    return tuple(sorted({d % x.rank for d in given})) if x.rank else ()


def reduce_dims(b: Builder, kind: str, x: Value, dims: Sequence[int], keepdim: bool, dtype: DType) -> Value:
    """`kind` of x over `dims`, as `dtype`."""
    accumulate = _accumulator(kind, x.dtype, dtype)
    size = [x.size[d] for d in range(x.rank) if d not in dims]

    def make(t: Tracer, i: Index, r: Index) -> Scalar:
        left, reduced = iter(i), iter(r)
        index = tuple(next(reduced) if d in dims else next(left) for d in range(x.rank))
        return t.cast(x.at(t, index), accumulate)

    stored = dtypes.int64 if kind in ("argmax", "argmin") else dtype
    result = b.reduce(kind, stored, accumulate, size, [x.size[d] for d in dims], make)
    if keepdim:
        for d in dims:
            result = unsqueeze(b, result, d)
    return result


def _accumulator(kind: str, read: DType, dtype: DType) -> DType:
    if kind in ("any", "all"):
        return dtypes.bool_
    if kind in ("sum", "prod"):
        return compute_dtype(dtype)
    return compute_dtype(read)


def sum_dims(b: Builder, x: Value, dims: Sequence[int], keepdim: bool, dtype: DType | None = None) -> Value:
    """The sum; integers and bools sum as int64 unless `dtype` says otherwise."""
    return reduce_dims(b, "sum", x, dims, keepdim, dtype or (x.dtype if x.dtype.is_float else dtypes.int64))


def mean_dims(b: Builder, x: Value, dims: Sequence[int], keepdim: bool, dtype: DType) -> Value:
    """The mean: the sum in compute precision over the number of elements."""
    total = sum_dims(b, x, dims, keepdim, compute_dtype(dtype))
    count = mul_all(x.size[d] for d in dims)
    return convert(b, apply(b, "div", [total, plain_float(count)], total.dtype, total.dtype), dtype)


@lowers("aten.sum.default", "aten.sum.dim_IntList")
def lower_sum(
    b: Builder, x: Value, dim: Any = None, keepdim: bool = False, dtype: torch.dtype | None = None
) -> Value:
    return sum_dims(b, x, dims_of(x, dim), keepdim, to_dtype(dtype) if dtype else None)


@lowers("aten.mean.default", "aten.mean.dim")
def mean(
    b: Builder, x: Value, dim: Any = None, keepdim: bool = False, dtype: torch.dtype | None = None
) -> Value:
    return mean_dims(b, x, dims_of(x, dim), keepdim, to_dtype(dtype) if dtype else x.dtype)


@lowers("aten.prod.default", "aten.prod.dim_int")
def prod(
    b: Builder, x: Value, dim: Any = None, keepdim: bool = False, dtype: torch.dtype | None = None
) -> Value:
    wanted = to_dtype(dtype) if dtype else (x.dtype if x.dtype.is_float else dtypes.int64)
    return reduce_dims(b, "prod", x, dims_of(x, dim), keepdim, wanted)


def _register_extremes() -> None:
    for name, kind in (("amax", "max"), ("amin", "min")):

        @lowers(f"aten.{name}.default")
        def extreme(b: Builder, x: Value, dim: Any = (), keepdim: bool = False, kind: str = kind) -> Value:
            return reduce_dims(b, kind, x, dims_of(x, dim), keepdim, x.dtype)

    for kind in ("max", "min"):

        @lowers(f"aten.{kind}.default")
        def over_all(b: Builder, x: Value, kind: str = kind) -> Value:
            return reduce_dims(b, kind, x, dims_of(x, None), False, x.dtype)

        @lowers(f"aten.{kind}.dim")
        def with_position(
            b: Builder, x: Value, dim: int, keepdim: bool = False, kind: str = kind
        ) -> tuple[Value, Value]:
            b.share(x)
            dims = dims_of(x, dim)
            values = reduce_dims(b, kind, x, dims, keepdim, x.dtype)
            return values, _position(b, f"arg{kind}", x, dims, keepdim)

        @lowers(f"aten.arg{kind}.default")
        def position(
            b: Builder, x: Value, dim: int | None = None, keepdim: bool = False, kind: str = kind
        ) -> Value:
            if dim is not None:
                return _position(b, f"arg{kind}", x, dims_of(x, dim), keepdim)
            found = _position(b, f"arg{kind}", reshape(b, x, (x.numel(),)), (0,), False)
            return reshape(b, found, [1] * x.rank) if keepdim else found

    for kind in ("any", "all"):

        @lowers(f"aten.{kind}.default", f"aten.{kind}.dim", f"aten.{kind}.dims")
        def truth(b: Builder, x: Value, dim: Any = None, keepdim: bool = False, kind: str = kind) -> Value:
            held = reduce_dims(b, kind, convert(b, x, dtypes.bool_), dims_of(x, dim), keepdim, dtypes.bool_)
            return convert(b, held, dtypes.uint8) if x.dtype == dtypes.uint8 else held


def _position(b: Builder, kind: str, x: Value, dims: Sequence[int], keepdim: bool) -> Value:
    """The position of the extreme along one dim (0 for a scalar)."""
    if not dims:
        return full(b, x.size, 0, dtypes.int64)
    if not mul_all(x.size[d] for d in dims).is_const:
        b.realize(x)  # the kernel reads a row twice; one of unknown length is in memory
    return reduce_dims(b, kind, x, dims, keepdim, x.dtype)


def moments(
    b: Builder, x: Value, dims: Sequence[int], keepdim: bool, correction: float = 0
) -> tuple[Value, Value]:
    """Variance and mean in compute precision, in two passes over x."""
    b.share(x)
    inner = compute_dtype(x.dtype)
    wide_mean = mean_dims(b, x, dims, True, inner)

    def squared(t: Tracer, p: Scalar, m: Scalar) -> Scalar:
        difference = t.op("sub", p, m)
        return t.op("mul", difference, difference)

    squares = elementwise(b, inner, inner, squared, [x, wide_mean], ops=2)
    total = sum_dims(b, squares, dims, keepdim, inner)
    variance = apply(b, "div", [total, _degrees(mul_all(x.size[d] for d in dims), correction)], inner, inner)
    kept = wide_mean if keepdim else reshape(b, wide_mean, [s for d, s in enumerate(x.size) if d not in dims])
    return variance, kept


def _precise(b: Builder, x: Value) -> Value:
    """What a variance that the model asks for is computed from: float64 on the CPU, as in PyTorch, whose one pass keeps its moments so."""
    return x if b.on_gpu else convert(b, x, dtypes.float64)


def plain_float(count: Expr) -> Expr | float:
    """A number of elements as an operand."""
    return float(count.value()) if count.is_const else count


def _degrees(count: Expr, correction: float) -> Expr | float:
    """What a variance divides by."""
    if count.is_const:
        return max(float(count.value()) - correction, 0.0)
    if not float(correction).is_integer():
        raise Unsupported(
            f"a variance with correction {correction} over a size that is known at run time only"
        )
    return maximum(count - int(correction), 0)


def _correction(unbiased: bool, correction: float | None) -> float:
    return (1.0 if unbiased else 0.0) if correction is None else float(correction)


@lowers("aten.var.correction", "aten.var.dim")
def var(
    b: Builder,
    x: Value,
    dim: Any = None,
    unbiased: bool = True,
    keepdim: bool = False,
    correction: float | None = None,
) -> Value:
    found = moments(b, _precise(b, x), dims_of(x, dim), keepdim, _correction(unbiased, correction))
    return convert(b, found[0], x.dtype)


@lowers("aten.std.correction", "aten.std.dim")
def std(
    b: Builder,
    x: Value,
    dim: Any = None,
    unbiased: bool = True,
    keepdim: bool = False,
    correction: float | None = None,
) -> Value:
    variance = moments(b, _precise(b, x), dims_of(x, dim), keepdim, _correction(unbiased, correction))[0]
    return convert(b, apply(b, "sqrt", [variance], variance.dtype, variance.dtype), x.dtype)


@lowers("aten.var_mean.correction")
def var_mean(
    b: Builder, x: Value, dim: Any = None, *, correction: float | None = None, keepdim: bool = False
) -> tuple[Value, Value]:
    variance, average = moments(b, _precise(b, x), dims_of(x, dim), keepdim, _correction(True, correction))
    return convert(b, variance, x.dtype), convert(b, average, x.dtype)


@lowers("aten.linalg_vector_norm.default")
def vector_norm(
    b: Builder,
    x: Value,
    ord: float = 2,
    dim: Any = None,
    keepdim: bool = False,
    dtype: torch.dtype | None = None,
) -> Value:
    wanted = to_dtype(dtype) if dtype else x.dtype
    inner = compute_dtype(wanted)
    x = convert(b, x, wanted)
    dims = dims_of(x, dim)
    size = apply(b, "abs", [x], inner, inner)
    if ord in (float("inf"), float("-inf")):
        return convert(b, reduce_dims(b, "max" if ord > 0 else "min", size, dims, keepdim, inner), wanted)
    if ord == 0:
        return convert(b, sum_dims(b, apply(b, "ne", [x, 0], inner, inner), dims, keepdim, inner), wanted)
    if ord == 1:
        return convert(b, sum_dims(b, size, dims, keepdim, inner), wanted)
    powered = (
        apply(b, "mul", [x, x], inner, inner)
        if ord == 2
        else apply(b, "pow", [size, float(ord)], inner, inner)
    )
    total = sum_dims(b, powered, dims, keepdim, inner)
    root = (
        apply(b, "sqrt", [total], inner, inner)
        if ord == 2
        else apply(b, "pow", [total, 1.0 / ord], inner, inner)
    )
    return convert(b, root, wanted)


def _register_scans() -> None:
    for name, kind in (("cumsum", "sum"), ("cumprod", "prod")):

        @lowers(f"aten.{name}.default")
        def scan(b: Builder, x: Value, dim: int, dtype: torch.dtype | None = None, kind: str = kind) -> Value:
            wanted = to_dtype(dtype) if dtype else (x.dtype if x.dtype.is_float else dtypes.int64)
            return (
                b.scan(kind, wanted, compute_dtype(wanted), x, dim % x.rank)
                if x.rank
                else convert(b, x, wanted)
            )


_register_extremes()
_register_scans()
