"""Pooling over windows: max, average, and their adaptive forms.

A small window is unrolled into masked loads of one pointwise value, which vectorises over channels; a large
one is a reduction. Only positions that can leave the input are tested (by the interval of their index).

    max_pool2d 3x3 stride 2 padding 1 over [1, 64, 112, 112]: nine loads, tests at the top and left edge only
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from typing import Union

from compiler.ir import dtypes
from compiler.ir.dtypes import DType
from compiler.ir.expr import Expr, as_expr, maximum, minimum, mul_all
from compiler.lowering.builder import Builder
from compiler.lowering.reductions import mean_dims
from compiler.lowering.registry import lowers
from compiler.lowering.tracer import Number, Scalar, Tracer, compute_dtype
from compiler.lowering.values import Cost, Index, Value

# Windows of more elements become a reduction.
_LARGEST_UNROLLED_WINDOW = 25

Extents = tuple[int, ...]
Spatial = Union[int, Sequence[int]]


def _each(value: Sequence[int] | int, rank: int) -> Extents:
    values = [value] if isinstance(value, int) else list(value)
    return tuple(values * rank if len(values) == 1 else values)


def lowest(dtype: DType) -> Number:
    """What no element is less than."""
    return -math.inf if dtype.is_float else (0 if dtype.kind != "int" else -(1 << (8 * dtype.size_bytes - 1)))


class _Pool:
    """Windows over the last `rank` dims of `x`: window element `tap` of output `out` is x at out * stride - padding + tap * dilation."""

    def __init__(
        self,
        x: Value,
        rank: int,
        kernel: Sequence[int] | int,
        stride: Sequence[int] | int,
        padding: Sequence[int] | int,
        dilation: Sequence[int] | int = 1,
    ) -> None:
        self.x, self.rank = x, rank
        self.kernel = _each(kernel, rank)
        self.stride = _each(stride, rank) if stride not in ([], ()) else self.kernel
        self.padding, self.dilation = _each(padding, rank), _each(dilation, rank)
        self.extent = x.size[x.rank - rank :]

    def taps(self) -> list[Extents]:
        return list(itertools.product(*(range(k) for k in self.kernel)))

    def position(self, out: Index, tap: Sequence[Expr | int]) -> Index:
        return tuple(
            o * s - p + as_expr(k) * d
            for o, k, s, p, d in zip(out, tap, self.stride, self.padding, self.dilation, strict=True)
        )

    def element(self, t: Tracer, i: Index, tap: Sequence[Expr | int], outside: Number) -> Scalar:
        """The window's element, `outside` where it lies in the padding."""
        at = self.position(i[len(i) - self.rank :], tap)
        inside = [
            c for position, size in zip(at, self.extent, strict=True) for c in t.in_range(position, 0, size)
        ]
        return t.masked(t.all_of(inside), lambda: self.x.at(t, (*i[: len(i) - self.rank], *at)), outside)

    def combine(self, b: Builder, op: str, kind: str, size: Index, outside: Number) -> Value:
        """All elements of each window combined by `op` (reduction `kind`)."""
        b.share(self.x)
        inner = compute_dtype(self.x.dtype)
        if math.prod(self.kernel) > _LARGEST_UNROLLED_WINDOW:
            return b.reduce(
                kind,
                self.x.dtype,
                inner,
                size,
                [as_expr(k) for k in self.kernel],
                lambda t, i, r: self.element(t, i, r, outside),
            )

        def make(t: Tracer, i: Index) -> Scalar:
            first, *rest = (self.element(t, i, tap, outside) for tap in self.taps())
            for other in rest:
                first = t.op(op, first, other)
            return first

        return b.lazy(self.x.dtype, size, make, Cost.of([self.x], 2 * math.prod(self.kernel)))


def _register_max_pools() -> None:
    for rank in (1, 2, 3):

        @lowers(f"aten.max_pool{rank}d.default")
        def max_pool(
            b: Builder, x: Value, kernel: Spatial, stride: Spatial = (), padding: Spatial = 0, dilation: Spatial = 1,
            ceil_mode: bool = False, rank: int = rank,
        ) -> Value:  # fmt: skip
            pool = _Pool(x, rank, kernel, stride, padding, dilation)
            return b.realize(pool.combine(b, "maximum", "max", b.out.size, lowest(x.dtype)))

    for rank in (2, 3):

        @lowers(f"aten.max_pool{rank}d_with_indices.default")
        def max_pool_with_indices(
            b: Builder, x: Value, kernel: Spatial, stride: Spatial = (), padding: Spatial = 0, dilation: Spatial = 1,
            ceil_mode: bool = False, rank: int = rank,
        ) -> tuple[Value, Value]:  # fmt: skip
            pool = _Pool(x, rank, kernel, stride, padding, dilation)
            values = pool.combine(b, "maximum", "max", b.out.size, lowest(x.dtype))
            return values, _max_positions(b, pool, b.out.size)


def _max_positions(b: Builder, pool: _Pool, size: Index) -> Value:
    """The flat spatial position of each window's first maximum (of a NaN, where there is one)."""

    def make(t: Tracer, i: Index) -> Scalar:
        best: Scalar | None = None
        best_at: Scalar | None = None
        for tap in pool.taps():
            at = pool.position(i[len(i) - pool.rank :], tap)
            flat = as_expr(0)
            for position, extent in zip(at, pool.extent, strict=True):
                flat = flat * extent + position
            value, here = pool.element(t, i, tap, lowest(pool.x.dtype)), t.index(flat)
            if best is None or best_at is None:
                best, best_at = value, here
                continue
            better = t.op("gt", value, best)
            if value.dtype.is_float:
                better = t.op("logical_or", better, t.op("isnan", value))
            best, best_at = t.op("where", better, value, best), t.op("where", better, here, best_at)
        assert best_at is not None
        return best_at

    return b.lazy(dtypes.int64, size, make, Cost.of([pool.x], 5 * math.prod(pool.kernel)))


def _register_average_pools() -> None:
    for rank in (1, 2, 3):

        @lowers(f"aten.avg_pool{rank}d.default")
        def avg_pool(
            b: Builder, x: Value, kernel: Spatial, stride: Spatial = (), padding: Spatial = 0, ceil_mode: bool = False,
            count_include_pad: bool = True, divisor_override: int | None = None, rank: int = rank,
        ) -> Value:  # fmt: skip
            pool = _Pool(x, rank, kernel, stride, padding)
            total = pool.combine(b, "add", "sum", b.out.size, 0)
            if divisor_override:
                return b.realize(_divided(b, total, rank, lambda out: as_expr(divisor_override or 1)))
            return b.realize(
                _divided(b, total, rank, lambda out: _window_count(pool, out, count_include_pad))
            )

        @lowers(
            f"aten.adaptive_avg_pool{rank}d.default",
            *([f"aten._adaptive_avg_pool{rank}d.default"] if rank > 1 else []),
        )
        def adaptive_avg_pool(b: Builder, x: Value, _: object, rank: int = rank) -> Value:
            return _adaptive_average(b, x, b.out.size, rank)


def _window_count(pool: _Pool, out: Index, include_padding: bool) -> Expr:
    """How many elements the average of this window divides by."""
    count = as_expr(1)
    for o, kernel, stride, padding, extent in zip(
        out, pool.kernel, pool.stride, pool.padding, pool.extent, strict=True
    ):
        start = o * stride - padding
        end = minimum(start + kernel, extent + padding)
        if not include_padding:
            start, end = maximum(start, 0), minimum(end, extent)
        count = count * (end - start)
    return count


def _divided(b: Builder, total: Value, rank: int, count: Callable[[Index], Expr]) -> Value:
    """total / count(position in the last `rank` dims)."""
    inner = compute_dtype(total.dtype)

    def make(t: Tracer, i: Index) -> Scalar:
        divisor = t.cast(t.index(count(i[len(i) - rank :])), inner)
        # Integers are cut off, as in eager.
        return t.op("div" if inner.is_float else "truncdiv", t.cast(total.at(t, i), inner), divisor)

    return b.lazy(total.dtype, total.size, make, Cost.of([total], 2))


def _adaptive_average(b: Builder, x: Value, size: Index, rank: int) -> Value:
    """Output o averages the input from floor(o * in / out) to ceil((o + 1) * in / out)."""
    extent, wanted = x.size[x.rank - rank :], size[len(size) - rank :]
    if all(w == 1 for w in wanted):
        return mean_dims(b, x, range(x.rank - rank, x.rank), True, x.dtype)
    b.share(x)
    if all(e.is_const and w.is_const and e % w == 0 for e, w in zip(extent, wanted, strict=True)):
        kernel = [(e // w).value() for e, w in zip(extent, wanted, strict=True)]
        pool = _Pool(x, rank, kernel, kernel, 0)
        return b.realize(
            _divided(b, pool.combine(b, "add", "sum", size, 0), rank, lambda out: as_expr(math.prod(kernel)))
        )
    return b.realize(
        _divided(b, _uneven_sum(b, x, size, rank), rank, lambda out: _uneven_count(out, extent, wanted))
    )


def window(o: Expr, extent: Expr, wanted: Expr) -> tuple[Expr, Expr]:
    """Start and end of output o's window."""
    return o * extent // wanted, (o * extent + extent + wanted - 1) // wanted


def _uneven_count(out: Index, extent: Sequence[Expr], wanted: Sequence[Expr]) -> Expr:
    windows = [window(o, e, w) for o, e, w in zip(out, extent, wanted, strict=True)]
    return mul_all(end - start for start, end in windows)


def _uneven_sum(b: Builder, x: Value, size: Index, rank: int) -> Value:
    extent, wanted = x.size[x.rank - rank :], size[len(size) - rank :]
    longest = [longest_window(e, w) for e, w in zip(extent, wanted, strict=True)]

    def element(t: Tracer, i: Index, r: Index) -> Scalar:
        windows = [window(o, e, w) for o, e, w in zip(i[len(i) - rank :], extent, wanted, strict=True)]
        at = tuple(start + k for (start, _), k in zip(windows, r, strict=True))
        inside = [c for position, (_, end) in zip(at, windows, strict=True) for c in below(t, position, end)]
        return t.masked(t.all_of(inside), lambda: x.at(t, (*i[: len(i) - rank], *at)), 0)

    return b.reduce("sum", x.dtype, compute_dtype(x.dtype), size, longest, element)


def longest_window(extent: Expr, wanted: Expr) -> Expr:
    """Of a size known at run time only: as many as any window can have, of which those beyond its end are left out."""
    if not extent.is_const or not wanted.is_const:
        return (extent + wanted - 1) // wanted + 1
    windows = (window(as_expr(o), extent, wanted) for o in range(wanted.value()))
    return max((end - start for start, end in windows), key=lambda size: size.value())


def below(t: Tracer, position: Expr, end: Expr) -> list[Scalar]:
    """The condition position < end, where it is not known."""
    least = (end - position).lo
    return [] if least is not None and least > 0 else [t.op("lt", t.index(position), t.index(end))]


_register_max_pools()
_register_average_pools()
