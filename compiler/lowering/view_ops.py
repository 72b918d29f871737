"""Views as functions on values: a stored value gets another layout, a lazy one another index.

Invariant: a view of stored memory is stored whenever strides can express it; nothing is copied for a view
except where a reshape merges dims that do not lie one after the other.

Before/after (x lazy [64, 64]):
    permute(x, (1, 0)).at(t, (i0, i1))   ==   x.at(t, (i1, i0))
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from compiler.ir.expr import Expr, IntLike, as_expr, contiguous_strides, exprs, maximum, minimum, wrapped
from compiler.ir.loop import Layout
from compiler.lowering.builder import Builder
from compiler.lowering.reshaping import Group, groups_of, reshaped_layout
from compiler.lowering.values import Cost, Index, Value


def reindex(
    b: Builder, x: Value, size: Sequence[IntLike], source: Callable[[Index], Index], repeats: bool = False
) -> Value:
    """A lazy view: its element at `i` is x's at `source(i)`. `repeats`: several positions see one element."""
    result = b.lazy(x.dtype, size, lambda t, index: x.at(t, source(index)), Cost.of([x]))
    result.repeats = repeats or x.repeats
    return result


def permute(b: Builder, x: Value, dims: Sequence[int]) -> Value:
    """Dim d of the result is dim dims[d] of x."""
    dims = [d % x.rank for d in dims]
    if x.ref is not None:
        layout = x.ref.layout
        return x.with_layout(
            Layout(
                layout.dtype,
                tuple(layout.size[d] for d in dims),
                tuple(layout.stride[d] for d in dims),
                layout.offset,
            )
        )
    place = {d: k for k, d in enumerate(dims)}
    return reindex(b, x, [x.size[d] for d in dims], lambda i: tuple(i[place[d]] for d in range(x.rank)))


def unsqueeze(b: Builder, x: Value, dim: int) -> Value:
    """A dim of size 1 before dim `dim`."""
    dim %= x.rank + 1
    size = (*x.size[:dim], as_expr(1), *x.size[dim:])
    if x.ref is not None:
        layout = x.ref.layout
        step = layout.size[dim] * layout.stride[dim] if dim < x.rank else as_expr(1)
        return x.with_layout(
            Layout(layout.dtype, size, (*layout.stride[:dim], step, *layout.stride[dim:]), layout.offset)
        )
    return reindex(b, x, size, lambda i: (*i[:dim], *i[dim + 1 :]))


def squeeze(b: Builder, x: Value, dims: Sequence[int]) -> Value:
    """Without those of the dims that have size 1."""
    gone = {d % x.rank for d in dims if x.size[d % x.rank] == 1} if x.rank else set()
    left = [d for d in range(x.rank) if d not in gone]
    size = tuple(x.size[d] for d in left)
    if x.ref is not None:
        layout = x.ref.layout
        return x.with_layout(Layout(layout.dtype, size, tuple(layout.stride[d] for d in left), layout.offset))
    place = {d: k for k, d in enumerate(left)}
    zero = as_expr(0)
    return reindex(b, x, size, lambda i: tuple(i[place[d]] if d in place else zero for d in range(x.rank)))


def expand(b: Builder, x: Value, size: Sequence[IntLike]) -> Value:
    """Repeats dims of size 1 (and adds dims in front); -1 keeps a size."""
    added = len(size) - x.rank
    wanted = tuple(
        x.size[d - added] if isinstance(s, int) and s == -1 else as_expr(s) for d, s in enumerate(size)
    )
    if wanted == x.size:
        return x
    zero = as_expr(0)
    if x.ref is not None:
        layout = x.ref.layout
        strides = [
            zero if s == 1 and w is not s else st
            for s, st, w in zip(layout.size, layout.stride, wanted[added:], strict=True)
        ]
        return x.with_layout(Layout(layout.dtype, wanted, (*[zero] * added, *strides), layout.offset))

    def source(i: Index) -> Index:
        return tuple(zero if s == 1 else k for k, s in zip(i[added:], x.size, strict=True))

    return reindex(b, x, wanted, source, repeats=True)


def from_start(position: IntLike, extent: Expr) -> Expr:
    """A position that may be counted from the end, counted from the start."""
    return wrapped(as_expr(position), extent)


def clip(position: IntLike, extent: Expr) -> Expr:
    """The same, moved into [0, extent]."""
    return minimum(maximum(from_start(position, extent), 0), extent)


def slice_dim(b: Builder, x: Value, dim: int, start: IntLike, length: IntLike, step: int = 1) -> Value:
    """Elements start, start + step, ... of a dim. A negative step runs backwards."""
    dim %= x.rank
    size = (*x.size[:dim], as_expr(length), *x.size[dim + 1 :])
    if size == x.size and step == 1:
        return x
    if x.ref is not None and step > 0:
        layout = x.ref.layout
        stride = (*layout.stride[:dim], layout.stride[dim] * step, *layout.stride[dim + 1 :])
        return x.with_layout(
            Layout(layout.dtype, size, stride, layout.offset + layout.stride[dim] * as_expr(start))
        )
    return reindex(b, x, size, lambda i: (*i[:dim], i[dim] * step + as_expr(start), *i[dim + 1 :]))


def select(b: Builder, x: Value, dim: int, position: IntLike) -> Value:
    """One position of a dim, which goes away."""
    dim %= x.rank
    return squeeze(b, slice_dim(b, x, dim, position, 1), [dim])


def reshape(b: Builder, x: Value, size: Sequence[IntLike]) -> Value:
    """The same elements in row-major order under another size."""
    wanted = exprs(size)
    if wanted == x.size:
        return x
    if x.numel() == 0:
        return reindex(b, x, wanted, lambda i: tuple(as_expr(0) for _ in x.size))
    groups = groups_of(x.size, wanted)
    if x.ref is not None:
        layout = reshaped_layout(x.ref.layout, groups, wanted)
        if layout is not None:
            return x.with_layout(layout)
        repeats = any(s != 1 and stride == 0 for s, stride in zip(x.size, x.ref.layout.stride, strict=True))
    else:
        repeats = x.repeats or not x.cost.reads
    # Dims that are merged are divided out of the index again; a copy in x's own shape has the simpler loops. Values that repeat are
    # small in memory and would be large as a copy.
    if all(g.splits_only(x.size) for g in groups) or repeats:
        return reindex(b, x, wanted, lambda i: _unflatten(i, groups, x.size, wanted))
    if x.ref is None and reshaped_layout(b.planned_layout(x), groups, wanted) is not None:
        return reshape(b, b.realize(x), wanted)  # the dims lie one after the other where it will be
    dense = Value.stored(b.contiguous(x))
    return reshape(b, dense, wanted)


def _unflatten(index: Index, groups: Sequence[Group], before: Index, after: Index) -> Index:
    """The position in a tensor of size `before` of position `index` of size `after`."""
    source: list[Expr] = []
    for g in groups:
        flat = as_expr(0)
        for d, stride in zip(g.after, contiguous_strides([after[d] for d in g.after]), strict=True):
            flat = flat + index[d] * stride
        sizes = [before[d] for d in g.before]
        for size, stride in zip(sizes, contiguous_strides(sizes), strict=True):
            source.append(flat // stride % size if size != 1 else as_expr(0))
    return tuple(source)
