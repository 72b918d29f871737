"""Reads and writes at positions that are data: embedding, gather, index_select, advanced indexing, scatters.

A position is checked where it is used: a negative one counts from the end (where PyTorch allows it), one out
of range is reported by the kernel with the operator and the model's source line.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from compiler.ir import dtypes
from compiler.ir.expr import Expr, IntLike
from compiler.ir.loop import Layout
from compiler.lowering.broadcasting import at_broadcast, broadcast_size
from compiler.lowering.builder import Builder
from compiler.lowering.elementwise import Operand
from compiler.lowering.factories import full
from compiler.lowering.pointwise import apply
from compiler.lowering.pointwise_composites import convert
from compiler.lowering.pointwise_composites import select as where
from compiler.lowering.registry import Unsupported, lowers
from compiler.lowering.selecting import selected
from compiler.lowering.tracer import Scalar, Tracer, compute_dtype
from compiler.lowering.values import Cost, Index, Value
from compiler.lowering.view_ops import expand, reshape, slice_dim


def where_from(b: Builder) -> str:
    """What a message about a bad position says of its place."""
    location = f" at {b.origin.location}" if b.origin.location else ""
    return f"{b.origin.aten_op} [{b.origin.fx_node}]{location}"


@lowers("aten.embedding.default")
def embedding(b: Builder, weight: Value, indices: Value, *_: object, **__: object) -> Value:
    return _take(b, weight, 0, indices)


@lowers("aten.index_select.default")
def index_select(b: Builder, x: Value, dim: int, index: Value) -> Value:
    if x.rank == 0:
        return reshape(b, x, b.out.size)
    return _take(b, x, dim % x.rank, reshape(b, index, (index.numel(),)))


def _take(b: Builder, x: Value, dim: int, positions: Value) -> Value:
    """x with `dim` replaced by x's slices at `positions` (of any rank)."""
    size = (*x.size[:dim], *positions.size, *x.size[dim + 1 :])
    where_used = where_from(b)
    _before_random_access(b, x)

    def make(t: Tracer, index: Index) -> Scalar:
        own = index[dim : dim + positions.rank]
        found = t.indirect(positions.at(t, own), x.size[dim], where_used)
        return x.at(t, (*index[:dim], found, *index[dim + positions.rank :]))

    return b.lazy(x.dtype, size, make, Cost.of([x, positions], 2))


def _before_random_access(b: Builder, x: Value) -> None:
    """An element may be read many times: anything costly is computed once first."""
    b.share(x)


@lowers("aten.gather.default")
def gather(b: Builder, x: Value, dim: int, index: Value, sparse_grad: bool = False) -> Value:
    if 0 in (x.rank, index.rank):
        row, places = (reshape(b, v, (v.numel(),)) for v in (x, index))
        return reshape(b, gather(b, row, 0, places), index.size)
    if index.rank != x.rank:  # PyTorch takes that of an index with no elements only
        return full(b, index.size, 0, x.dtype)
    dim %= x.rank
    where_used = where_from(b)
    _before_random_access(b, x)

    def make(t: Tracer, i: Index) -> Scalar:
        found = t.indirect(index.at(t, i), x.size[dim], where_used)
        return x.at(t, (*i[:dim], found, *i[dim + 1 :]))

    return b.lazy(x.dtype, index.size, make, Cost.of([x, index], 2))


@lowers("aten.index.Tensor", "aten._unsafe_index.Tensor")
def index_tensor(b: Builder, x: Value, indices: Sequence[Value | None]) -> Value:
    """Advanced indexing with integer tensors; a mask is the positions that it selects, in x with the mask's dims as one."""
    x, indices = _without_masks(b, x, indices, lambda start: b.out.size[start])
    given = {d: v for d, v in enumerate(indices) if v is not None}
    common = broadcast_size(list(given.values()))
    start, size = _indexed_size(x, given, common)
    where_used = where_from(b)
    _before_random_access(b, x)

    def make(t: Tracer, index: Index) -> Scalar:
        shared = index[start : start + len(common)]
        rest = iter((*index[:start], *index[start + len(common) :]))
        source = [
            t.indirect(at_broadcast(given[d], t, shared), x.size[d], where_used) if d in given else next(rest)
            for d in range(x.rank)
        ]
        return x.at(t, tuple(source))

    return b.lazy(x.dtype, size, make, Cost.of([x, *given.values()], 2 * len(given)))


def _is_mask(index: Value | None) -> bool:
    return index is not None and index.dtype in (dtypes.bool_, dtypes.uint8)


def _without_masks(
    b: Builder, x: Value, indices: Sequence[Value | None], count: Callable[[int], IntLike | None]
) -> tuple[Value, list[Value | None]]:
    """x and the indices with each mask replaced by positions in its dims, which are merged. `count(start)` is what export calls the number
    of positions that go to dim `start` of the result."""
    if not any(map(_is_mask, indices)):
        return x, list(indices)
    if any(i is not None and i.rank != (1 if not _is_mask(i) else i.rank) for i in indices):
        raise Unsupported("a mask beside an index that is no vector", "index in two steps")
    dims = [k for k, i in enumerate(indices) if i is not None]
    adjacent = dims == list(range(dims[0], dims[-1] + 1))
    expected = count(dims[0] if adjacent else 0)
    size: list[Expr] = []
    found: list[Value | None] = []
    at = 0
    for index in indices:
        if index is None or not _is_mask(index):
            size.append(x.size[at])
            found.append(index)
            at += 1
            continue
        if index.rank == 0:
            raise Unsupported("a mask of one element as an index", "select with torch.where")
        for extent, wanted in zip(index.size, x.size[at:], strict=False):
            b.require("eq", extent, wanted)
        size.append(index.numel())
        found.append(selected(b, index, expected))
        at += index.rank
    return reshape(b, x, (*size, *x.size[at:])), found


def _indexed_size(x: Value, given: dict[int, Value], common: Index) -> tuple[int, Index]:
    """Where the indices' common dims go, and the result's size: in place of adjacent indexed dims, else in front."""
    dims = sorted(given)
    adjacent = dims == list(range(dims[0], dims[-1] + 1))
    start = dims[0] if adjacent else 0
    rest = [x.size[d] for d in range(x.rank) if d not in given]
    return start, (*rest[:start], *common, *rest[start:])


@lowers("aten.index_put.default", "aten._unsafe_index_put.default")
def index_put(
    b: Builder, x: Value, indices: Sequence[Value | None], values: Value, accumulate: bool = False
) -> Value:
    given = {d: v for d, v in enumerate(indices) if v is not None}
    if len(given) == 1 and _is_mask(next(iter(given.values()))) and values.numel() == 1:
        return _masked_put(b, x, *next(iter(given.items())), reshape(b, values, ()), accumulate)
    if any(map(_is_mask, indices)):
        rest = x.rank - sum(v.rank if _is_mask(v) else 1 for v in given.values())
        merged, positions = _without_masks(b, x, indices, lambda start: _count_of(values, rest - start))
        return reshape(b, index_put(b, merged, positions, values, accumulate), x.size)
    common = broadcast_size(list(given.values()))
    start, size = _indexed_size(x, given, common)
    if 0 in size:
        return x
    where_used = where_from(b)

    def position(t: Tracer, index: Index) -> Index:
        shared = index[start : start + len(common)]
        rest = iter((*index[:start], *index[start + len(common) :]))
        return tuple(
            t.indirect(at_broadcast(given[d], t, shared), x.size[d], where_used) if d in given else next(rest)
            for d in range(x.rank)
        )

    return scatter_into(
        b, x, expand(b, convert(b, values, x.dtype), size), position, "add" if accumulate else "store"
    )


def _count_of(values: Value, after: int) -> IntLike | None:
    """How many positions the values are for: their size before the last `after` dims, unless they are repeated along it."""
    size = values.size[-1 - after] if values.rank > after else None
    return None if size is None or size == 1 else size


def _masked_put(b: Builder, x: Value, dim: int, mask: Value, values: Value, accumulate: bool) -> Value:
    """x[mask] = one number."""
    shaped = reshape(b, mask, (*[1] * dim, *mask.size, *[1] * (x.rank - dim - mask.rank)))
    new: Operand = apply(b, "add", [x, values], x.dtype, x.dtype) if accumulate else values
    return where(b, shaped, new, x, x.dtype)


@lowers("aten.scatter.src", "aten.scatter.value")
def scatter(b: Builder, x: Value, dim: int, index: Value, source: Value | float) -> Value:
    return _scatter(b, x, dim, index, source, "store")


@lowers("aten.scatter_add.default")
def scatter_add(b: Builder, x: Value, dim: int, index: Value, source: Value) -> Value:
    return _scatter(b, x, dim, index, source, "add")


def _scatter(b: Builder, x: Value, dim: int, index: Value, source: Value | float, mode: str) -> Value:
    values = source if isinstance(source, Value) else full(b, index.size, source, x.dtype)
    if 0 in (x.rank, index.rank):
        row, place, new = (reshape(b, v, (v.numel(),)) for v in (x, index, values))
        return reshape(b, _scatter(b, row, 0, place, new, mode), x.size)
    if index.numel() == 0:
        return x
    dim %= x.rank
    where_used = where_from(b)
    for d, extent in enumerate(index.size):
        values = slice_dim(b, values, d, 0, extent)

    def position(t: Tracer, i: Index) -> Index:
        found = t.indirect(index.at(t, i), x.size[dim], where_used)
        return (*i[:dim], found, *i[dim + 1 :])

    return scatter_into(b, x, values, position, mode)


def scatter_into(
    b: Builder, x: Value, values: Value, position: Callable[[Tracer, Index], Index], mode: str
) -> Value:
    """A copy of x in which values[i] is stored at (or added to) position(i)."""
    layout = Layout.contiguous(x.dtype, x.size)

    def make(t: Tracer, index: Index) -> tuple[Index, Scalar]:
        return position(t, index), t.cast(values.at(t, index), compute_dtype(x.dtype))

    return b.scatter(b.contiguous(x), layout, values.size, mode, make)
