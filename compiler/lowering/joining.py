"""cat, stack, pad and the scatters along a slice: results whose parts come from different places.

Each is one pointwise value that picks its source by the position, with masked loads: nothing outside a part
is read.

    cat([x, y], 0)[i]  ->  where(i < n, x[i] if i < n, y[i - n] if i >= n)
"""

from __future__ import annotations

from collections.abc import Sequence

from compiler.ir.expr import Expr, IntLike, as_expr, maximum, minimum
from compiler.lowering.broadcasting import at_broadcast
from compiler.lowering.builder import Builder
from compiler.lowering.registry import lowers
from compiler.lowering.tracer import Number, Scalar, Tracer, compute_dtype
from compiler.lowering.values import Cost, Index, Value
from compiler.lowering.view_ops import clip, from_start, reindex, slice_dim, unsqueeze


@lowers("aten.cat.default")
def cat(b: Builder, values: Sequence[Value], dim: int = 0) -> Value:
    # An empty 1-D tensor may be concatenated with anything.
    parts = [v for v in values if v.numel() != 0] or [values[0]]
    return join(b, parts, dim % parts[0].rank)


@lowers("aten.stack.default")
def stack(b: Builder, values: Sequence[Value], dim: int = 0) -> Value:
    dim %= values[0].rank + 1
    return join(b, [unsqueeze(b, v, dim) for v in values], dim)


def join(b: Builder, parts: Sequence[Value], dim: int) -> Value:
    """The parts one after the other along `dim`."""
    dtype = b.out.dtype
    if len(parts) == 1:
        return parts[0]
    for p in parts:
        if p.cost.heavy:
            b.realize(p)
    ends: list[Expr] = []
    for p in parts:
        ends.append((ends[-1] if ends else as_expr(0)) + p.size[dim])

    def make(t: Tracer, index: Index) -> Scalar:
        position = index[dim]
        result: Scalar | None = None
        for k in range(len(parts) - 1, -1, -1):
            start = ends[k - 1] if k else as_expr(0)
            shifted = (*index[:dim], position - start, *index[dim + 1 :])

            def element(part: Value = parts[k], at: Index = shifted) -> Scalar:
                return t.cast(part.at(t, at), compute_dtype(dtype))

            own = t.masked(t.all_of(t.in_range(position, start, ends[k])), element, 0)
            before_end = t.all_of(t.in_range(position, 0, ends[k]))
            result = own if result is None or before_end is None else t.op("where", before_end, own, result)
        assert result is not None
        return result

    size = (*parts[0].size[:dim], ends[-1], *parts[0].size[dim + 1 :])
    return b.lazy(dtype, size, make, Cost.of(parts, 4 * len(parts)))


@lowers("aten.constant_pad_nd.default")
def constant_pad_nd(b: Builder, x: Value, pad: Sequence[IntLike], value: Number = 0) -> Value:
    """`pad` is (before, after) of the last dim, then of the one before it, ...; negative numbers cut."""
    before: list[IntLike] = [0] * x.rank
    for k in range(len(pad) // 2):
        before[x.rank - 1 - k] = pad[2 * k]
    return padded(b, x, before, b.out.size, value)


@lowers("aten.pad.default")
def pad_mode(
    b: Builder, x: Value, pad: Sequence[IntLike], mode: str = "constant", value: Number | None = None
) -> Value:
    """`mode` other than "constant" repeats elements of x: mirrored, the nearest, or from the other side."""
    if mode == "constant":
        return constant_pad_nd(b, x, pad, 0 if value is None else value)
    if mode == "circular":
        x, pad = _cropped(b, x, pad)
    before: list[IntLike] = [0] * x.rank
    for k in range(len(pad) // 2):
        before[x.rank - 1 - k] = pad[2 * k]

    def inside(position: Expr, extent: Expr) -> Expr:
        if mode == "replicate":
            return minimum(maximum(position, 0), extent - 1)
        if mode == "circular":
            return position % extent
        mirrored = maximum(position, -position)
        # The outer bounds hold anyway; they are for the intervals, which do not know that -p and p are one number.
        return minimum(maximum(minimum(mirrored, (extent - 1) * 2 - mirrored), 0), extent - 1)

    size = b.out.size

    def source(index: Index) -> Index:
        moved = (i - p for i, p in zip(index, before, strict=True))
        return tuple(
            inside(m, e) if p or s is not e else m
            for m, e, p, s in zip(moved, x.size, before, size, strict=True)
        )

    return reindex(b, x, size, source, repeats=True)


def _cropped(b: Builder, x: Value, pad: Sequence[IntLike]) -> tuple[Value, list[IntLike]]:
    """x without what negative numbers cut, and the padding that is left: what is cut does not come around at the other side."""
    left = [max(p, 0) if isinstance(p, int) else p for p in pad]
    for k in range(len(pad) // 2):
        start, end = (-p if isinstance(p, int) and p < 0 else 0 for p in pad[2 * k : 2 * k + 2])
        if start or end:
            dim = x.rank - 1 - k
            x = slice_dim(b, x, dim, start, x.size[dim] - (start + end))
    return x, left


def padded(b: Builder, x: Value, before: Sequence[IntLike], size: Sequence[Expr], value: Number) -> Value:
    """x moved by `before` inside a tensor of `size` that holds `value` elsewhere."""

    def make(t: Tracer, index: Index) -> Scalar:
        source = tuple(i - p for i, p in zip(index, before, strict=True))
        inside = [c for s, extent in zip(source, x.size, strict=True) for c in t.in_range(s, 0, extent)]
        return t.masked(t.all_of(inside), lambda: x.at(t, source), value)

    return b.lazy(x.dtype, size, make, Cost.of([x], 4))


@lowers("aten.slice_scatter.default")
def slice_scatter(
    b: Builder,
    x: Value,
    source: Value,
    dim: int = 0,
    start: IntLike | None = None,
    end: IntLike | None = None,
    step: int = 1,
) -> Value:
    dim %= x.rank
    first = clip(0 if start is None else start, x.size[dim])

    def make(t: Tracer, index: Index) -> Scalar:
        offset = index[dim] - first
        within = t.in_range(offset, 0, source.size[dim] * step)
        if step > 1:
            within.append(t.op("eq", t.index(offset % step), t.index(0)))
        at = (*index[:dim], offset // step, *index[dim + 1 :])
        return _replace(t, x, index, within, source, at)

    return b.lazy(x.dtype, x.size, make, Cost.of([x, source], 5))


@lowers("aten.select_scatter.default")
def select_scatter(b: Builder, x: Value, source: Value, dim: int, index: IntLike) -> Value:
    dim %= x.rank
    position = from_start(index, x.size[dim])
    b.require("le", 0, position)
    b.require("lt", position, x.size[dim])

    def make(t: Tracer, i: Index) -> Scalar:
        within = [t.op("eq", t.index(i[dim]), t.index(position))]
        return _replace(t, x, i, within, source, (*i[:dim], *i[dim + 1 :]))

    return b.lazy(x.dtype, x.size, make, Cost.of([x, source], 4))


@lowers("aten.diagonal_scatter.default")
def diagonal_scatter(
    b: Builder, x: Value, source: Value, offset: int = 0, dim1: int = 0, dim2: int = 1
) -> Value:
    dim1, dim2 = dim1 % x.rank, dim2 % x.rank

    def make(t: Tracer, i: Index) -> Scalar:
        within = [t.op("eq", t.index(i[dim2] - i[dim1]), t.index(offset))]
        along = i[dim1] if offset >= 0 else i[dim2]
        # The bound holds wherever the condition does; it is for the intervals.
        place = minimum(along, source.size[-1] - 1)
        rest = tuple(k for d, k in enumerate(i) if d not in (dim1, dim2))
        return _replace(t, x, i, within, source, (*rest, place))

    if source.numel() == 0:
        return x
    return b.lazy(x.dtype, x.size, make, Cost.of([x, source], 5))


def _replace(t: Tracer, x: Value, index: Index, within: Sequence[Scalar], source: Value, at: Index) -> Scalar:
    """source[at] where all of `within` hold, else x[index]."""
    inside = t.all_of(within)
    new = t.masked(inside, lambda: t.cast(at_broadcast(source, t, at), compute_dtype(x.dtype)), 0)
    return new if inside is None else t.op("where", inside, new, x.at(t, index))
