"""Horizontal fusion of matrix products: linears of one input become one, where nothing is lost by it.

    q = linear(x, wq, bq); k = linear(x, wk, bk); v = linear(x, wv, bv)
      ->  qkv = linear(x, cat(wq, wk, wv), cat(bq, bk, bv)); q, k, v = slices of it (views)

It pays where every result goes to memory anyway, through views into attention or another product: one larger
product uses the cores better than three small ones. A result that a pointwise operator reads would lose its
epilogue, so such linears stay apart; but on a GPU those of many rows are merged all the same (gate and up of a
feed-forward): tiles of one product fill its multiprocessors evenly, which is worth more (two products of [512, 2048] x
[2048, 5632] with what follows took 26 us each on an H100, one of both 37, and what follows 5).
"""

from __future__ import annotations

import math
from collections.abc import Sequence, Set

import torch
import torch.fx

from compiler.fx_passes.constant_recipes import joined
from compiler.fx_passes.rewriter import Rewriter, argument, aten, shape
from compiler.ir.graph import ModelGraph
from compiler.support.options import Context

_VIEWS = {
    "aten.view.default", "aten.reshape.default", "aten._unsafe_view.default", "aten.unflatten.int", "aten.flatten.using_ints",
    "aten.permute.default", "aten.transpose.int", "aten.unsqueeze.default", "aten.squeeze.dim", "aten.slice.Tensor", "aten.select.int",
}  # fmt: skip
_READ_MEMORY = {"aten.scaled_dot_product_attention.default", "aten.bmm.default", "aten.mm.default"}
# A decoder's cache: on a GPU three small launches cost more than the copy, which stays a launch of its own either way.
_READ_MEMORY_ON_GPU = _READ_MEMORY | {"aten.cat.default"}
# Of a linear that is merged whatever reads it: rows, and features that enter.
MANY_ROWS, DEEP = 256, 512


def run(graph: ModelGraph, ctx: Context) -> ModelGraph:
    r = Rewriter(graph)
    readers = _READ_MEMORY_ON_GPU if ctx.options.device == "cuda" else _READ_MEMORY
    groups: dict[object, list[torch.fx.Node]] = {}
    for node in r.calls("aten.linear.default"):
        weight, bias = r.tensor(node.args[1]), argument(node, 2, "bias")
        if (
            weight is None
            or (bias is not None and r.tensor(bias) is None)
            or not _goes_to_memory(node, readers, ctx.options.device == "cuda" and _is_large(node))
        ):
            continue
        groups.setdefault((node.args[0], weight.dtype, bias is None), []).append(node)
    for linears in groups.values():
        if len(linears) > 1:
            _merge(r, linears)
    return r.finish()


def _goes_to_memory(node: torch.fx.Node, readers: Set[str], any_pointwise: bool) -> bool:
    """Whether all readers, seen through views, are among those that want the result in memory; with `any_pointwise` pointwise ones count
    as such."""
    return all(
        str(user.target) in readers
        or (any_pointwise and torch.Tag.pointwise in getattr(user.target, "tags", ()))
        or (str(user.target) in _VIEWS and _goes_to_memory(user, readers, any_pointwise))
        for user in node.users
    )


def _is_large(linear: torch.fx.Node) -> bool:
    """Many rows and much depth, as far as that is known."""
    *rows, depth = shape(linear.args[0])
    if not all(isinstance(n, int) for n in (*rows, depth)):
        return False
    return bool(math.prod(rows) >= MANY_ROWS and depth >= DEEP)


def _merge(r: Rewriter, linears: Sequence[torch.fx.Node]) -> None:
    first = linears[0]
    with r.at(first):
        weight = _joined(r, [argument(n, 1) for n in linears])
        biases = [argument(n, 2, "bias") for n in linears]
        merged = r.call(
            aten.linear.default, first.args[0], weight, None if biases[0] is None else _joined(r, biases)
        )
    start = 0
    for node in linears:
        end = start + shape(node)[-1]
        with r.at(first):
            r.replace(node, r.call(aten.slice.Tensor, merged, len(shape(merged)) - 1, start, end))
        start = end


def _joined(r: Rewriter, constants: Sequence[torch.fx.Node]) -> torch.fx.Node:
    """The constants one after the other along dim 0, as a new one."""
    name = r.constant(constants[0])
    data = [r.tensor(c) for c in constants]
    assert name is not None
    recipe = joined([r.recipe(c) for c in constants])
    return r.new_constant(
        f"{name.fqn}:merged{len(data)}", torch.cat([d for d in data if d is not None]), recipe
    )
