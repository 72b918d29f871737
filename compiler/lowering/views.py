"""ATen's view operators, and copies, which change nothing but strides. What they do is in `view_ops.py`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from compiler.ir.expr import Expr, IntLike, as_expr, exprs
from compiler.ir.loop import Layout, TensorRef
from compiler.lowering.builder import Builder
from compiler.lowering.pointwise_composites import convert
from compiler.lowering.registry import POINTWISE, VIEWS, Unsupported, lowers
from compiler.lowering.values import Index, Value
from compiler.lowering.view_ops import (
    clip,
    expand,
    from_start,
    permute,
    reindex,
    reshape,
    select,
    slice_dim,
    squeeze,
    unsqueeze,
)


@lowers(
    "aten.alias.default",
    "aten.detach.default",
    "aten.detach_.default",
    "aten.lift_fresh_copy.default",
    family=VIEWS,
)
def alias(b: Builder, x: Value) -> Value:
    return x


# The copy's memory format is not followed: a consumer that needs an order asks for it, an output gets its promised strides.
@lowers("aten.clone.default", "aten.contiguous.default", family=POINTWISE)
def clone(b: Builder, x: Value, **_: object) -> Value:
    return x


@lowers(
    "aten.view.default",
    "aten.reshape.default",
    "aten._unsafe_view.default",
    "aten.flatten.using_ints",
    "aten.unflatten.int",
    family=VIEWS,
)
def view(b: Builder, x: Value, *_: object) -> Value:
    return reshape(b, x, b.out.size)


@lowers("aten.permute.default", family=VIEWS)
def lower_permute(b: Builder, x: Value, dims: Sequence[int]) -> Value:
    return permute(b, x, dims)


@lowers("aten.transpose.int", family=VIEWS)
def transpose(b: Builder, x: Value, dim0: int, dim1: int) -> Value:
    dims = list(range(x.rank))
    if dims:
        dims[dim0], dims[dim1] = dims[dim1], dims[dim0]
    return permute(b, x, dims)


@lowers("aten.t.default", "aten.numpy_T.default", family=VIEWS)
def t(b: Builder, x: Value) -> Value:
    return permute(b, x, tuple(range(x.rank))[::-1])


@lowers("aten.unsqueeze.default", family=VIEWS)
def lower_unsqueeze(b: Builder, x: Value, dim: int) -> Value:
    return unsqueeze(b, x, dim)


@lowers("aten.squeeze.default", "aten.squeeze.dim", "aten.squeeze.dims", family=VIEWS)
def lower_squeeze(b: Builder, x: Value, dims: int | Sequence[int] | None = None) -> Value:
    if dims is None:
        dims = range(x.rank)
    return squeeze(b, x, [dims] if isinstance(dims, int) else dims)


@lowers("aten.expand.default", "aten.broadcast_to.default", family=VIEWS)
def lower_expand(b: Builder, x: Value, size: Sequence[IntLike], **_: object) -> Value:
    return expand(b, x, size)


@lowers("aten.expand_as.default", family=VIEWS)
def expand_as(b: Builder, x: Value, other: Value) -> Value:
    return expand(b, x, other.size)


@lowers("aten.slice.Tensor", family=VIEWS)
def lower_slice(
    b: Builder,
    x: Value,
    dim: int = 0,
    start: IntLike | None = None,
    end: IntLike | None = None,
    step: int = 1,
) -> Value:
    first = clip(0 if start is None else start, x.size[dim % x.rank])
    return slice_dim(b, x, dim, first, b.out.size[dim % x.rank], step)


@lowers("aten.narrow.default", family=VIEWS)
def narrow(b: Builder, x: Value, dim: int, start: IntLike, length: IntLike) -> Value:
    if length == 0:
        return slice_dim(b, x, dim, 0, length)
    first = from_start(start, x.size[dim % x.rank])
    b.require("le", first + length, x.size[dim % x.rank])
    return slice_dim(b, x, dim, first, length)


@lowers("aten.select.int", family=VIEWS)
def lower_select(b: Builder, x: Value, dim: int, index: IntLike) -> Value:
    position = from_start(index, x.size[dim % x.rank])
    b.require("le", 0, position)
    b.require("lt", position, x.size[dim % x.rank])
    return select(b, x, dim, position)


@lowers(
    "aten.split.Tensor",
    "aten.split.sizes",
    "aten.split_with_sizes.default",
    "aten.chunk.default",
    family=VIEWS,
)
def split(b: Builder, x: Value, _: object, dim: int = 0) -> tuple[Value, ...]:
    parts, start = [], as_expr(0)
    for part in b.outs:
        length = part.size[dim % x.rank]
        parts.append(slice_dim(b, x, dim, start, length))
        start = start + length
    return tuple(parts)


@lowers("aten.unbind.int", family=VIEWS)
def unbind(b: Builder, x: Value, dim: int = 0) -> tuple[Value, ...]:
    return tuple(select(b, x, dim, position) for position in range(len(b.outs)))


@lowers("aten.diagonal.default", family=VIEWS)
def diagonal(b: Builder, x: Value, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Value:
    dim1, dim2 = dim1 % x.rank, dim2 % x.rank
    rest = [d for d in range(x.rank) if d not in (dim1, dim2)]

    def source(i: Index) -> Index:
        place: dict[int, Expr] = dict(zip(rest, i, strict=False))
        place[dim1], place[dim2] = i[-1] + max(-offset, 0), i[-1] + max(offset, 0)
        return tuple(place[d] for d in range(x.rank))

    return reindex(b, x, b.out.size, source)


@lowers("aten.as_strided.default")
def as_strided(
    b: Builder, x: Value, size: Sequence[IntLike], stride: Sequence[IntLike], offset: IntLike | None = None
) -> Value:
    """Another view of memory: of an input's, which begins with its first element, or of a flat tensor, which the FX passes made of a result
    (`fx_passes/resolve_as_strided`)."""
    owner = b.owned_layout(x.ref.buffer) if x.ref is not None else None
    if offset is None and owner is not None:
        ref, room = TensorRef(b.in_memory(x).buffer, owner), owner.storage_numel()
    else:
        ref, room = b.contiguous(x), x.numel()
    seen = Layout(x.dtype, exprs(size), exprs(stride), as_expr(offset or 0))
    beyond = (seen.storage_numel() - room).hi
    if beyond is None or beyond > 0:
        reaches = "reaches" if seen.storage_numel().is_const and room.is_const else "may reach"
        raise Unsupported(
            f"aten.as_strided {reaches} element {seen.storage_numel() - 1} of a memory of {room}",
            "give the model the whole tensor that it looks into, or write it with narrow, select or unfold",
        )
    return Value.stored(TensorRef(ref.buffer, replace(seen, offset=seen.offset + ref.layout.offset)))


@lowers("aten.unfold.default", family=VIEWS)
def unfold(b: Builder, x: Value, dim: int, size: int, step: int) -> Value:
    dim = dim % x.rank if x.rank else 0
    if x.rank == 0:
        return reindex(b, x, b.out.size, lambda i: ())
    return reindex(
        b, x, b.out.size, lambda i: (*i[:dim], i[dim] * step + i[-1], *i[dim + 1 : -1]), repeats=step < size
    )


@lowers("aten.flip.default", family=VIEWS)
def flip(b: Builder, x: Value, dims: Sequence[int]) -> Value:
    gone = {d % x.rank for d in dims}
    return reindex(
        b, x, x.size, lambda i: tuple(x.size[d] - 1 - i[d] if d in gone else i[d] for d in range(x.rank))
    )


def _wrapped(position: Expr, extent: Expr) -> Expr:
    """position modulo extent; any number where there is no element."""
    return as_expr(0) if extent == 0 else position % extent


@lowers("aten.roll.default", family=VIEWS)
def roll(b: Builder, x: Value, shifts: Sequence[IntLike] | IntLike, dims: Sequence[int] | int = ()) -> Value:
    moves = [shifts] if isinstance(shifts, (int, Expr)) else list(shifts)
    along = [dims] if isinstance(dims, int) else list(dims)
    if not along:
        flat = reshape(b, x, (x.numel(),))
        return reshape(b, roll(b, flat, moves, [0]), x.size)
    shift = {d % x.rank: s for d, s in zip(along, moves, strict=True)}

    def source(i: Index) -> Index:
        return tuple(_wrapped(k - shift[d], x.size[d]) if d in shift else k for d, k in enumerate(i))

    return reindex(b, x, x.size, source)


@lowers("aten.repeat.default", family=VIEWS)
def repeat(b: Builder, x: Value, repeats: Sequence[IntLike]) -> Value:
    added = len(repeats) - x.rank

    def source(i: Index) -> Index:
        return tuple(_wrapped(k, s) for k, s in zip(i[added:], x.size, strict=True))

    return reindex(b, x, b.out.size, source, repeats=True)


@lowers("aten.copy.default", family=POINTWISE)
def copy(b: Builder, x: Value, source: Value, non_blocking: bool = False) -> Value:
    return convert(b, expand(b, source, x.size), x.dtype)
