"""Sorting, selecting and searching: a kernel finds int64 positions in rows (kernels/cpp/positions.h), values are read at them.

    sort(x [A, B, C], dim=1)   ->   keys [A*C, B] in memory; positions = sort_positions(keys); values = x at positions

Invariants: NaN is larger than every number, as in PyTorch; of equal elements the first one comes first, so positions are among the answers
that PyTorch may give where it promises none.
"""

from __future__ import annotations

from compiler.ir import dtypes
from compiler.ir.expr import Expr, as_expr, mul_all
from compiler.ir.loop import Layout
from compiler.lowering import gpu_positions
from compiler.lowering.builder import Builder, Parameter
from compiler.lowering.elementwise import Operand, elementwise
from compiler.lowering.factories import full
from compiler.lowering.pointwise import apply
from compiler.lowering.pointwise_composites import convert
from compiler.lowering.promotion import promote
from compiler.lowering.reductions import reduce_dims, sum_dims
from compiler.lowering.registry import lowers
from compiler.lowering.tracer import Scalar, Tracer
from compiler.lowering.values import Cost, Index, Value
from compiler.lowering.view_ops import permute, reshape, select, slice_dim


class _Rows:
    """x with `dim` last, as rows of keys; a scalar is a row of one element."""

    def __init__(self, b: Builder, x: Value, dim: int) -> None:
        self.b, self.rank = b, x.rank
        self.x = x if x.rank else reshape(b, x, (1,))
        self.dim = dim % self.x.rank
        self.order = (*(d for d in range(self.x.rank) if d != self.dim), self.dim)
        b.share(self.x)
        self.last = permute(b, self.x, self.order)
        self.outer, self.length = self.last.size[:-1], self.last.size[-1]

    def positions(self, template: str, flag: Parameter, count: Expr) -> Value:
        """The template's int64 result as [..., count], dims as in `last`."""
        b = self.b
        rows = mul_all(self.outer)
        if rows == 0 or self.length == 0 or count == 0:
            return full(b, (*self.outer, count), 0, dtypes.int64)
        keys = reshape(b, _comparable(b, self.last), (rows, self.length))
        if b.on_gpu:
            return reshape(b, _found_on_gpu(b, template, keys, flag, count), (*self.outer, count))
        size = (rows, count) if template != "sort_positions" else (as_expr(2), rows, count)
        layout = Layout.contiguous(dtypes.int64, size)
        found = Value.stored(b.template(template, layout, [b.contiguous(keys)], [flag], size))
        if template == "sort_positions":
            found = select(b, found, 0, 0)
        return reshape(b, found, (*self.outer, count))

    def values(self, positions: Value) -> Value:
        """The elements of x at positions [..., count] of the rows. Positions come from a kernel and are in range."""
        size = self.last.size

        def make(t: Tracer, i: Index) -> Scalar:
            at = t.indirect(positions.at(t, i), size[-1], "a position that sorting found")
            return self.last.at(t, (*i[:-1], at))

        if positions.numel() == 0:
            return full(self.b, positions.size, 0, self.x.dtype)
        return self.b.lazy(self.x.dtype, positions.size, make, Cost.of([self.last, positions], 2))

    def back(self, value: Value) -> Value:
        """[..., count] with the last dim where `dim` was."""
        if self.rank == 0:
            return reshape(self.b, value, ())
        place = {d: k for k, d in enumerate(self.order)}
        return permute(self.b, value, [place[d] for d in range(self.x.rank)])


def _comparable(b: Builder, x: Value) -> Value:
    """16-bit floats as float32, which has all of their values in the same order."""
    return convert(b, x, dtypes.float32) if x.dtype in (dtypes.float16, dtypes.bfloat16) else x


def _found_on_gpu(b: Builder, template: str, keys: Value, flag: Parameter, count: Expr) -> Value:
    """What the template would find in rows of keys [R, N]."""
    stored = Value.stored(b.contiguous(keys))
    if template == "extreme_positions":
        return gpu_positions.extremes(b, stored, bool(flag[1]))
    return slice_dim(b, gpu_positions.sort(b, stored, bool(flag[1])), -1, 0, count)


def in_order(b: Builder, flat: Value) -> tuple[Value, Value]:
    """x [N] ascending: the positions and the elements."""
    rows = _Rows(b, flat, 0)
    positions = rows.positions("sort_positions", ("descending", False), rows.length)
    return positions, rows.values(positions)


def _picked(rows: _Rows, positions: Value) -> tuple[Value, Value]:
    return rows.back(rows.values(positions)), rows.back(positions)


@lowers("aten.sort.default")
def sort(b: Builder, x: Value, dim: int = -1, descending: bool = False) -> tuple[Value, Value]:
    rows = _Rows(b, x, dim)
    return _picked(rows, rows.positions("sort_positions", ("descending", descending), rows.length))


@lowers("aten.sort.stable")
def sort_stable(
    b: Builder, x: Value, *, stable: bool | None, dim: int = -1, descending: bool = False
) -> tuple[Value, Value]:
    return sort(b, x, dim, descending)


@lowers("aten.argsort.default")
def argsort(b: Builder, x: Value, dim: int = -1, descending: bool = False) -> Value:
    return sort(b, x, dim, descending)[1]


@lowers("aten.argsort.stable")
def argsort_stable(b: Builder, x: Value, *, stable: bool, dim: int = -1, descending: bool = False) -> Value:
    return sort(b, x, dim, descending)[1]


@lowers("aten.topk.default")
def topk(
    b: Builder, x: Value, k: int | Expr, dim: int = -1, largest: bool = True, sorted: bool = True
) -> tuple[Value, Value]:
    rows = _Rows(b, x, dim)
    return _picked(rows, rows.positions("topk_positions", ("largest", largest), as_expr(k)))


@lowers("aten.kthvalue.default")
def kthvalue(b: Builder, x: Value, k: int, dim: int = -1, keepdim: bool = False) -> tuple[Value, Value]:
    """The last of the k smallest."""
    rows = _Rows(b, x, dim)
    chosen = rows.positions("topk_positions", ("largest", False), as_expr(k))
    return _one(rows, slice_dim(b, chosen, -1, k - 1, 1), keepdim)


def _one(rows: _Rows, position: Value, keepdim: bool) -> tuple[Value, Value]:
    """Value and position [..., 1], the reduced dim kept or not."""
    results = _picked(rows, position)
    if keepdim or rows.rank == 0:
        return results
    return select(rows.b, results[0], rows.dim, 0), select(rows.b, results[1], rows.dim, 0)


def _register_medians() -> None:
    for name, ignore_nan in (("median", False), ("nanmedian", True)):

        @lowers(f"aten.{name}.dim")
        def along(
            b: Builder, x: Value, dim: int, keepdim: bool = False, ignore_nan: bool = ignore_nan
        ) -> tuple[Value, Value]:
            return _median(b, x, dim, keepdim, ignore_nan)

        @lowers(f"aten.{name}.default")
        def of_all(b: Builder, x: Value, ignore_nan: bool = ignore_nan) -> Value:
            if x.numel() == 0:
                return full(b, (), float("nan") if x.dtype.is_float else _lowest_of(x), x.dtype)
            return _median(b, reshape(b, x, (x.numel(),)), 0, False, ignore_nan)[0]


def _lowest_of(x: Value) -> int:
    """What the median of no integers is in eager."""
    return -(1 << (8 * x.dtype.size_bytes - 1)) if x.dtype.kind == "int" else 0


def _median(b: Builder, x: Value, dim: int, keepdim: bool, ignore_nan: bool) -> tuple[Value, Value]:
    """The lower one of the middle elements. A NaN is the median of a row that has one, unless they are left out."""
    rows = _Rows(b, x, dim)
    order = rows.positions("sort_positions", ("descending", False), rows.length)
    if not x.dtype.is_float:
        return _one(rows, slice_dim(b, order, -1, (rows.length - 1) // 2, 1), keepdim)
    is_nan = apply(b, "isnan", [rows.last], dtypes.bool_, rows.last.dtype)
    nans = sum_dims(b, is_nan, [rows.last.rank - 1], True)
    last = rows.length - 1

    def middle(t: Tracer, count: Scalar) -> Scalar:
        if ignore_nan:
            lower = t.op("shr", t.op("sub", t.index(last), count), t.index(1))
            return t.op("maximum", lower, t.index(0))
        return t.op(
            "where",
            t.op("gt", count, t.index(0)),
            t.op("sub", t.index(rows.length), count),
            t.index(last // 2),
        )

    rank = elementwise(b, dtypes.int64, dtypes.int64, middle, [nans], ops=3)

    def make(t: Tracer, i: Index) -> Scalar:
        at = t.indirect(rank.at(t, i), rows.length, "a position that sorting found")
        return order.at(t, (*i[:-1], at))

    b.realize(rank)
    position = b.realize(b.lazy(dtypes.int64, rank.size, make, Cost.of([rank, order], 2)))
    return _one(rows, position, keepdim)


@lowers("aten.mode.default")
def mode(b: Builder, x: Value, dim: int = -1, keepdim: bool = False) -> tuple[Value, Value]:
    """The most frequent element, the smallest of several; its last position. In a sorted row the elements equal to one are counted by two
    binary searches."""
    rows = _Rows(b, x, dim)
    if rows.last.numel() == 0:
        return _one(rows, full(b, (*rows.outer, 1), 0, dtypes.int64), keepdim)
    order = rows.positions("sort_positions", ("descending", False), rows.length)
    values = _comparable(b, rows.values(order))
    b.realize(values)
    above = search(b, values, values, True)
    counts = apply(b, "sub", [above, search(b, values, values, False)], dtypes.int64, dtypes.int64)
    first = reduce_dims(b, "argmax", counts, [counts.rank - 1], True, dtypes.int64)

    def make(t: Tracer, i: Index) -> Scalar:
        at = t.indirect(first.at(t, i), rows.length, "a position that sorting found")
        end = t.op("sub", above.at(t, (*i[:-1], at)), t.index(1))
        return order.at(t, (*i[:-1], t.indirect(end, rows.length, "a position that sorting found")))

    position = b.realize(b.lazy(dtypes.int64, first.size, make, Cost.of([first, above, order], 4)))
    return _one(rows, position, keepdim)


def _register_cumulative_extremes() -> None:
    for name, largest in (("cummax", True), ("cummin", False)):

        @lowers(f"aten.{name}.default")
        def cumulative(b: Builder, x: Value, dim: int, largest: bool = largest) -> tuple[Value, Value]:
            rows = _Rows(b, x, dim)
            return _picked(rows, rows.positions("extreme_positions", ("largest", largest), rows.length))


def search(b: Builder, sorted_rows: Value, values: Value, right: bool) -> Value:
    """Where values [.., M] belong in ascending rows [.., N] ([N]: the same for all)."""
    if values.numel() == 0 or sorted_rows.size[-1] == 0:
        return full(b, values.size, 0, dtypes.int64)
    shared = sorted_rows.rank == 1
    count = values.size[-1] if values.rank else as_expr(1)
    rows = as_expr(1) if shared else mul_all(values.size[:-1])
    wanted = (rows, values.numel()) if shared else (rows, count)
    operands = [
        b.contiguous(reshape(b, sorted_rows, (as_expr(1) if shared else rows, sorted_rows.size[-1]))),
        b.contiguous(reshape(b, values, wanted)),
    ]
    if b.on_gpu:
        found = gpu_positions.search(b, Value.stored(operands[0]), Value.stored(operands[1]), right)
        return reshape(b, found, values.size)
    layout = Layout.contiguous(dtypes.int64, wanted)
    found = Value.stored(b.template("search_positions", layout, operands, [("right", right)], wanted))
    return reshape(b, found, values.size)


def _searchsorted(
    b: Builder, sorted_rows: Value, values: Operand, right: bool, sorter: Value | None
) -> Value:
    wanted = values if isinstance(values, Value) else full(b, (), values, sorted_rows.dtype)
    dtype = promote([sorted_rows, values])
    if sorter is not None:
        rows = _Rows(b, sorted_rows, -1)
        sorted_rows = rows.values(sorter)
    inner = dtypes.float32 if dtype in (dtypes.float16, dtypes.bfloat16) else dtype
    if not isinstance(values, Value):
        wanted = full(b, (), values, inner)
    found = search(b, convert(b, sorted_rows, inner), convert(b, wanted, inner), right)
    return convert(b, found, b.out.dtype)


@lowers("aten.searchsorted.Tensor", "aten.searchsorted.Scalar")
def searchsorted(
    b: Builder,
    sorted_rows: Value,
    values: Operand,
    *,
    out_int32: bool = False,
    right: bool = False,
    side: str | None = None,
    sorter: Value | None = None,
) -> Value:
    return _searchsorted(b, sorted_rows, values, right or side == "right", sorter)


@lowers("aten.bucketize.Tensor", "aten.bucketize.Scalar")
def bucketize(
    b: Builder, values: Operand, boundaries: Value, *, out_int32: bool = False, right: bool = False
) -> Value:
    return _searchsorted(b, boundaries, values, right, None)


_register_medians()
_register_cumulative_extremes()
