"""scatter_reduce: values combined into the places that an index names.

sum, include_self     one scatter that adds into a copy of x
amax, not include_self  one scatter that stores the lowest number at each named place, then one that takes maxima
mean                  the sum, and a second scatter that counts; the quotient
"""

from __future__ import annotations

import math

from compiler.ir import dtypes
from compiler.ir.dtypes import DType
from compiler.lowering.builder import Builder
from compiler.lowering.elementwise import elementwise
from compiler.lowering.factories import full
from compiler.lowering.indexing import scatter_into, where_from
from compiler.lowering.pointwise_composites import convert
from compiler.lowering.registry import lowers
from compiler.lowering.tracer import Number, Scalar, Tracer, compute_dtype
from compiler.lowering.values import Index, Value
from compiler.lowering.view_ops import reshape, slice_dim

_MODES = {"sum": "add", "mean": "add", "prod": "mul", "amax": "maximum", "amin": "minimum"}
# Of bools, where addition is no operation.
_BOOL_MODES = {"add": "logical_or", "mul": "logical_and", "maximum": "logical_or", "minimum": "logical_and"}


@lowers("aten.scatter_reduce.two")
def scatter_reduce(
    b: Builder, x: Value, dim: int, index: Value, source: Value, reduce: str, *, include_self: bool = True
) -> Value:
    if 0 in (x.rank, index.rank):
        row, places, new = (reshape(b, v, (v.numel(),)) for v in (x, index, source))
        return reshape(b, scatter_reduce(b, row, 0, places, new, reduce, include_self=include_self), x.size)
    if index.numel() == 0 or x.numel() == 0:
        return x
    dim %= x.rank
    for d, extent in enumerate(index.size):
        source = slice_dim(b, source, d, 0, extent)
    where_used = where_from(b)

    def position(t: Tracer, i: Index) -> Index:
        return (*i[:dim], t.indirect(index.at(t, i), x.size[dim], where_used), *i[dim + 1 :])

    # 16-bit floats combine in float32 and are rounded once.
    inner = compute_dtype(x.dtype)
    mode = _MODES[reduce]
    base = convert(b, x, inner)
    if not include_self:
        neutral = full(b, index.size, _neutral(reduce, inner), inner)
        base = scatter_into(b, base, neutral, position, "store")
    mode = _BOOL_MODES[mode] if inner == dtypes.bool_ else mode
    combined = scatter_into(b, base, convert(b, source, inner), position, mode)
    if reduce == "mean":
        ones = full(b, index.size, 1, dtypes.int64)
        count = scatter_into(
            b, full(b, x.size, 1 if include_self else 0, dtypes.int64), ones, position, "add"
        )
        combined = _quotient(b, combined, count, inner)
    return convert(b, combined, x.dtype)


def _neutral(reduce: str, dtype: DType) -> Number:
    if reduce in ("sum", "mean"):
        return 0
    if reduce == "prod" or dtype == dtypes.bool_:
        return 1 if reduce in ("prod", "amin") else 0
    if dtype.is_float:
        return -math.inf if reduce == "amax" else math.inf
    bits = 8 * dtype.size_bytes - (dtype.kind == "int")
    lowest = -(1 << bits) if dtype.kind == "int" else 0
    return lowest if reduce == "amax" else (1 << bits) - 1


def _quotient(b: Builder, total: Value, count: Value, dtype: DType) -> Value:
    """total / count, rounded down for integers; where nothing was counted the total is what it was."""

    def combine(t: Tracer, s: Scalar, n: Scalar) -> Scalar:
        divisor = t.cast(t.op("maximum", n, t.constant(1, n.dtype)), dtype)
        return t.op("div" if dtype.is_float else "floordiv", s, divisor)

    return elementwise(b, dtype, (dtype, dtypes.int64), combine, [total, count], ops=3)
