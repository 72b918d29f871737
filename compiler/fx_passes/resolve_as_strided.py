"""`as_strided` of an intermediate result looks at the result's own elements in the order of their memory, row by row.

Enters: a graph as the frontend made it, before any pass has changed what is a view of what. Leaves: the same, where `as_strided` of an
intermediate result, or of views of one, has a flat tensor of all its elements as operand and says its offset. An input's memory is the
caller's: of it (and of constants, which `fold_constants` computes) nothing changes. What cannot be expressed is a problem of the
compilation.

In eager PyTorch `as_strided` reads the storage: the tensor that an operator made, whatever views were taken of it since. Where that tensor
is dense, position p of the storage is element p of the tensor in the order of its strides, wherever lowering puts it.

    h = sin(x)  [4, 6];  v = h[1:]                     flat = reshape(h, [24])
    as_strided(v, [2, 2], [3, 1])                  ->  as_strided(flat, [2, 2], [3, 1], 6)
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
import torch.fx

from compiler.fx_passes.rewriter import Rewriter, argument, value
from compiler.ir.expr import (
    Expr,
    IntLike,
    as_expr,
    contiguous_strides,
    exprs,
    maximum,
    minimum,
    mul_all,
    typical,
    wrapped,
)
from compiler.ir.graph import ModelGraph
from compiler.support.diagnostics import Problem
from compiler.support.options import Context

aten = torch.ops.aten
_REMEDY = (
    "write it with view, permute, narrow, select or unfold: they count from the tensor's own first element"
)


@dataclass(frozen=True)
class _Owner:
    """The tensor that a view looks into, and where in its memory the view begins."""

    node: torch.fx.Node
    offset: Expr


def run(graph: ModelGraph, ctx: Context) -> ModelGraph:
    r = Rewriter(graph)
    for node in r.calls("aten.as_strided.default"):
        if reason := _resolve(r, node):
            ctx.problems.append(Problem(reason, node.meta["origin"].location, _REMEDY))
    return r.finish()


def _resolve(r: Rewriter, node: torch.fx.Node) -> str:
    """Rewrites the call; why that is not possible, where it is not."""
    x, size, stride, offset = (
        argument(node, k, name) for k, name in enumerate(("self", "size", "stride", "storage_offset"))
    )
    owner = _owner(x)
    if owner is None:
        return f"aten.as_strided of {x.name} is not lowered: whether that is a view, and of which tensor, is not known"
    if owner.node.op == "placeholder":
        return "" if r.constant(owner.node) else _of_input(node, owner, offset)
    order = _memory_order(value(owner.node))
    if order is None:
        return f"aten.as_strided of {owner.node.name} is not lowered: its memory has gaps, or elements in one place"
    first = owner.offset if offset is None else as_expr(offset)
    with r.at(node):
        rows = owner.node if order == sorted(order) else r.call(aten.permute.default, owner.node, order)
        numel = _plain(mul_all(exprs(value(owner.node).shape)))
        flat = r.call(aten.reshape.default, rows, [numel])
        r.replace(node, r.call_like(node, flat, size, stride, _plain(first)))
    return ""


def _of_input(node: torch.fx.Node, owner: _Owner, offset: object) -> str:
    """Of an input's memory only the address of the first element is known, where the caller's tensor may be a view itself."""
    if offset is None and owner.offset == 0:
        node.args = (owner.node, *node.args[1:])
        return ""
    first = owner.offset if offset is None else offset
    return (
        f"aten.as_strided of input {owner.node.name} with storage offset {first} is not lowered: a caller's tensor may be a view, whose "
        "storage starts elsewhere"
    )


def _owner(node: torch.fx.Node) -> _Owner | None:
    """Whose memory the node's tensor is; None where a view on the way is of a kind that has no rule here."""
    total = as_expr(0)
    while node.op == "call_function":
        rule = _VIEWS.get(str(node.target))
        if rule is None:
            return _Owner(node, total) if _is_new(node) else None
        total = total + rule(node)
        node = node.args[0]  # type: ignore[assignment]
    return _Owner(node, total)


def _is_new(node: torch.fx.Node) -> bool:
    """Whether the result, or what it is part of, has memory of its own."""
    of: Any = node.args[0] if node.target is operator.getitem else node
    if str(of.target) == "aten.contiguous.default":  # itself where it is contiguous
        return list(map(as_expr, value(of).stride())) != list(map(as_expr, value(of.args[0]).stride()))
    is_op = isinstance(of.target, torch._ops.OpOverload)
    return not is_op or all(r.alias_info is None for r in of.target._schema.returns)


def _memory_order(tensor: torch.Tensor) -> list[int] | None:
    """The dims, outermost first, of a tensor whose elements lie one after the other; None of any other."""
    size, stride = exprs(tensor.shape), exprs(tensor.stride())
    order = sorted(range(len(size)), key=lambda d: (-typical(stride[d]), -typical(size[d]), d))
    wanted = contiguous_strides([size[d] for d in order])
    dense = all(stride[d] is s or size[d] == 1 for d, s in zip(order, wanted, strict=True))
    return order if dense else None


def _plain(e: Expr) -> IntLike:
    return e.value() if e.is_const else e


# -- where a view begins, counted from where its operand does --------------------------------------------------------------


def _same(node: torch.fx.Node) -> Expr:
    return as_expr(0)


def _along(node: torch.fx.Node, dim: int, position: IntLike, clip: bool) -> Expr:
    x = value(node.args[0])
    extent = as_expr(x.shape[dim])
    first = wrapped(as_expr(position), extent)
    return as_expr(x.stride()[dim]) * (minimum(maximum(first, 0), extent) if clip else first)


def _slice(node: torch.fx.Node) -> Expr:
    start = argument(node, 2, "start")
    return _along(node, argument(node, 1, "dim") or 0, 0 if start is None else start, clip=True)


def _select(node: torch.fx.Node) -> Expr:
    return _along(node, argument(node, 1, "dim"), argument(node, 2, "index"), clip=False)


def _narrow(node: torch.fx.Node) -> Expr:
    return _along(node, argument(node, 1, "dim"), argument(node, 2, "start"), clip=False)


_VIEWS: dict[str, Callable[[torch.fx.Node], Expr]] = {
    **dict.fromkeys(
        (
            f"aten.{name}"
            for name in "alias.default detach.default view.default permute.default transpose.int t.default numpy_T.default expand.default "
            "unsqueeze.default squeeze.default squeeze.dim squeeze.dims unfold.default".split()
        ),
        _same,
    ),
    "aten.slice.Tensor": _slice,
    "aten.select.int": _select,
    "aten.narrow.default": _narrow,
}
