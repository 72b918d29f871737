"""Adaptive max pooling: the largest element of each of a fixed number of windows, and where it is.

    adaptive_max_pool2d [N, C, 7, 7] -> [3, 3]: window o of a dim runs from floor(o * 7 / 3) to ceil((o + 1) * 7 / 3)

Two reductions over the longest window, elements beyond a window's end left out: the maximum, and its place in the window, from which the
flat position in the input is computed. Of equal elements it is the first.
"""

from __future__ import annotations

from collections.abc import Sequence

from compiler.ir import dtypes
from compiler.ir.expr import Expr, as_expr, contiguous_strides, mul_all
from compiler.lowering.builder import Builder
from compiler.lowering.pooling import below, longest_window, lowest, window
from compiler.lowering.registry import lowers
from compiler.lowering.tracer import Scalar, Tracer, compute_dtype
from compiler.lowering.values import Cost, Index, Value


class _Windows:
    """The windows of the last `rank` dims of x; a place in a window is one number, row-major in the longest window."""

    def __init__(self, b: Builder, x: Value, rank: int) -> None:
        self.x, self.rank = x, rank
        self.extent = x.size[x.rank - rank :]
        self.wanted = b.out.size[x.rank - rank :]
        self.longest = [longest_window(e, w) for e, w in zip(self.extent, self.wanted, strict=True)]
        self.places = mul_all(self.longest)

    def starts(self, i: Index) -> list[tuple[Expr, Expr]]:
        last = i[len(i) - self.rank :]
        return [window(o, e, w) for o, e, w in zip(last, self.extent, self.wanted, strict=True)]

    def steps(self, place: Expr) -> list[Expr]:
        """How far a place is from the window's start, in each dim."""
        strides = contiguous_strides(self.longest)
        return [place // s % n for s, n in zip(strides, self.longest, strict=True)]

    def element(self, t: Tracer, i: Index, place: Expr) -> Scalar:
        windows = self.starts(i)
        at = [start + k for (start, _), k in zip(windows, self.steps(place), strict=True)]
        inside = [c for position, (_, end) in zip(at, windows, strict=True) for c in below(t, position, end)]
        outer = i[: len(i) - self.rank]
        return t.masked(t.all_of(inside), lambda: self.x.at(t, (*outer, *at)), lowest(self.x.dtype))


def _adaptive_max_pool(b: Builder, x: Value, rank: int) -> tuple[Value, Value]:
    b.share(x)
    size = b.out.size
    windows = _Windows(b, x, rank)
    inner = compute_dtype(x.dtype)

    def element(t: Tracer, i: Index, r: Index) -> Scalar:
        return t.cast(windows.element(t, i, r[0]), inner)

    values = b.reduce("max", x.dtype, inner, size, [windows.places], element)
    places = b.reduce("argmax", dtypes.int64, inner, size, [windows.places], element)

    def flat(t: Tracer, i: Index) -> Scalar:
        place = t.indirect(places.at(t, i), windows.places, "a place in a window")
        total = as_expr(0)
        for (start, _), step, extent in zip(
            windows.starts(i), windows.steps(place), windows.extent, strict=True
        ):
            total = total * extent + start + step
        return t.index(total)

    return values, b.lazy(dtypes.int64, size, flat, Cost.of([places], 6))


def _register() -> None:
    for rank in (2, 3):

        @lowers(f"aten.adaptive_max_pool{rank}d.default")
        def adaptive_max_pool(
            b: Builder, x: Value, _: Sequence[int], rank: int = rank
        ) -> tuple[Value, Value]:
            return _adaptive_max_pool(b, x, rank)


_register()
