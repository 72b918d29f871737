"""Operators whose result has as many elements as the data says: nonzero, masks as indices, repeat_interleave, unique; and `.item()`.

x[mask]    buf0 = pointwise bool [N]           the mask, flat
           buf1 = reduction.sum int64 []       how many
           u0   = size of buf1
           buf2 = template selected_positions int64 [1, u0]     where, ascending
           x at buf2, lazy
"""

from __future__ import annotations

from compiler.ir import dtypes
from compiler.ir.expr import Expr, IntLike, as_expr, contiguous_strides, mul_all
from compiler.ir.loop import Layout
from compiler.ir.size_float import SizeFloat
from compiler.lowering import gpu_positions
from compiler.lowering.broadcasting import broadcast_size
from compiler.lowering.builder import Builder
from compiler.lowering.data_sizes import bind, require_not_negative
from compiler.lowering.factories import full
from compiler.lowering.joining import stack
from compiler.lowering.ordering import in_order, search
from compiler.lowering.pointwise import apply
from compiler.lowering.pointwise_composites import convert
from compiler.lowering.reductions import reduce_dims, sum_dims
from compiler.lowering.registry import Unsupported, lowers
from compiler.lowering.tracer import Scalar, Tracer
from compiler.lowering.values import Cost, Index, Value
from compiler.lowering.view_ops import expand, reshape


@lowers("aten.item.default", "aten._local_scalar_dense.default")
def item(b: Builder, x: Value) -> None:
    """Users of the number have its expression already; that of a float stays in memory, where they load it."""
    if isinstance(b.number, SizeFloat):
        one = convert(b, reshape(b, x, ()), dtypes.float64)
        b.numbers[str(b.number.args[0])] = b.store_as(one, Layout.contiguous(dtypes.float64, [])).buffer
        return
    assert isinstance(b.number, (int, Expr))
    bind(b, x, b.number)


def selected(b: Builder, mask: Value, count: IntLike | None) -> Value:
    """The flat positions [count] of what the mask selects, ascending; `count` is what export calls their number, if it does."""
    flat = b.contiguous(reshape(b, convert(b, mask, dtypes.bool_), (mask.numel(),)))
    stored = Value.stored(flat)
    total = full(b, (), 0, dtypes.int64) if mask.numel() == 0 else sum_dims(b, stored, (0,), False)
    size = (as_expr(1), bind(b, total, count))
    if b.on_gpu:
        return gpu_positions.selected(b, stored, size[1])
    keys = b.contiguous(reshape(b, stored, (1, mask.numel())))
    layout = Layout.contiguous(dtypes.int64, size)
    return reshape(b, Value.stored(b.template("selected_positions", layout, [keys], [], size)), size[1:])


def take(b: Builder, x: Value, positions: Value) -> Value:
    """x [N] at positions that a kernel found, which are in range."""
    b.share(x)

    def make(t: Tracer, index: Index) -> Scalar:
        return x.at(t, (t.indirect(positions.at(t, index), x.size[0], "a position that a kernel found"),))

    return b.lazy(x.dtype, positions.size, make, Cost.of([x, positions], 2))


@lowers("aten.nonzero.default")
def nonzero(b: Builder, x: Value) -> Value:
    mask = x if x.dtype == dtypes.bool_ else apply(b, "ne", [x, 0], dtypes.bool_, x.dtype)
    positions = selected(b, mask, b.out.size[0])
    if x.rank == 0:
        return full(b, b.out.size, 0, dtypes.int64)
    columns = []
    for dim, (size, stride) in enumerate(zip(x.size, contiguous_strides(x.size), strict=True)):
        column = positions
        if dim < x.rank - 1:
            column = apply(b, "floordiv", [column, stride], dtypes.int64, dtypes.int64)
        if dim > 0:
            column = apply(b, "mod", [column, size], dtypes.int64, dtypes.int64)
        columns.append(column)
    return stack(b, columns, 1)


@lowers("aten.masked_select.default")
def masked_select(b: Builder, x: Value, mask: Value) -> Value:
    size = broadcast_size([x, mask])
    positions = selected(b, expand(b, mask, size), b.out.size[0])
    return take(b, reshape(b, expand(b, x, size), (mul_all(size),)), positions)


@lowers("aten.repeat_interleave.Tensor")
def repeat_interleave(b: Builder, repeats: Value, *, output_size: IntLike | None = None) -> Value:
    """Position i, repeats[i] times: how many running sums of the repeats are at most k."""
    if repeats.numel() == 0:
        bind(b, full(b, (), 0, dtypes.int64), b.out.size[0])
        return full(b, b.out.size, 0, b.out.dtype)
    b.share(repeats)
    least = reduce_dims(b, "min", repeats, (0,), False, repeats.dtype)
    require_not_negative(b, apply(b, "minimum", [least, 0], dtypes.int64, dtypes.int64))
    total = bind(b, sum_dims(b, repeats, (0,), False, dtypes.int64), b.out.size[0])
    ends = b.scan("sum", dtypes.int64, dtypes.int64, repeats, 0)
    found = search(b, ends, _counting(b, total), right=True)
    return convert(b, found, b.out.dtype)


def _counting(b: Builder, count: Expr) -> Value:
    return b.lazy(dtypes.int64, (count,), lambda t, index: t.index(index[0]), Cost(ops=1))


@lowers("aten._unique2.default")
def unique(
    b: Builder, x: Value, sorted: bool = True, return_inverse: bool = False, return_counts: bool = False
) -> tuple[Value, Value, Value]:
    """Sorted whether that is asked for or not."""
    flat = reshape(b, x, (x.numel(),))
    order, ascending = in_order(b, flat)
    return _runs(b, x, ascending, order, return_inverse, return_counts)


@lowers("aten.unique_consecutive.default")
def unique_consecutive(
    b: Builder,
    x: Value,
    return_inverse: bool = False,
    return_counts: bool = False,
    dim: int | None = None,
) -> tuple[Value, Value, Value]:
    if dim is not None:
        raise Unsupported("aten.unique_consecutive along one dim", "leave `dim` out")
    flat = reshape(b, x, (x.numel(),))
    return _runs(b, x, flat, None, return_inverse, return_counts)


def _runs(
    b: Builder, x: Value, flat: Value, order: Value | None, return_inverse: bool, return_counts: bool
) -> tuple[Value, Value, Value]:
    """The first of every run of equal elements of `flat`; in which run each element of x is, `order` being where elements of `flat`
    come from; how long the runs are."""
    b.realize(flat)
    first = _begins_run(b, flat)
    begins = selected(b, first, b.outs[0].size[0])
    values = take(b, flat, begins)
    inverse, counts = (full(b, out.size, 0, dtypes.int64) for out in b.outs[1:])
    if return_inverse and x.numel() != 0:
        inverse = reshape(b, _run_of_each(b, first, order), x.size)
    if return_counts:
        counts = _lengths(b, begins, flat.size[0])
    return values, inverse, counts


def _begins_run(b: Builder, flat: Value) -> Value:
    def make(t: Tracer, index: Index) -> Scalar:
        (i,) = index
        is_first = t.op("eq", t.index(i), t.index(0))
        inside = t.op("logical_not", is_first)
        before = t.masked(inside, lambda: flat.at(t, (i - 1,)), 0)
        return t.op("logical_or", is_first, t.op("ne", flat.at(t, (i,)), before))

    return b.lazy(dtypes.bool_, flat.size, make, Cost.of([flat], 4))


def _run_of_each(b: Builder, first: Value, order: Value | None) -> Value:
    """The number of the run that each element is in; of a sorted row, put back to where the elements come from."""
    numbered = b.scan("sum", dtypes.int64, dtypes.int64, convert(b, first, dtypes.int64), 0)
    runs = apply(b, "sub", [numbered, 1], dtypes.int64, dtypes.int64)
    if order is None:
        return runs
    base = b.contiguous(full(b, runs.size, 0, dtypes.int64))

    def make(t: Tracer, index: Index) -> tuple[Index, Scalar]:
        place = t.indirect(order.at(t, index), order.size[0], "a position that sorting found")
        return (place,), runs.at(t, index)

    return b.scatter(base, Layout.contiguous(dtypes.int64, runs.size), runs.size, "store", make)


def _lengths(b: Builder, begins: Value, total: Expr) -> Value:
    """From where each run begins to where the next one does."""
    count = begins.size[0]

    def make(t: Tracer, index: Index) -> Scalar:
        (k,) = index
        has_next = t.op("lt", t.index(k + 1), t.index(count))
        following = t.masked(has_next, lambda: begins.at(t, (k + 1,)), 0)
        end = t.op("where", has_next, following, t.index(total))
        return t.op("sub", end, begins.at(t, (k,)))

    return b.lazy(dtypes.int64, begins.size, make, Cost.of([begins], 4))
