"""Writes every matrix product as one of three operators.

linear  anything times a constant [N, K] (or its transpose), with the bias where there is one
mm      two computed matrices
bmm     two computed batches of matrices, batch dims equal

addmm(bias, x, permute(w))           -> linear(x, w, bias)
matmul(x [B, S, K], w [K, N])        -> linear(x, permute(w))
matmul(x [B, H, S, D], y [H, D, S])  -> view(bmm(view(x), view(expand(y))))
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch.fx

from compiler.fx_passes.rewriter import Rewriter, argument, aten, shape, value
from compiler.fx_passes.type_rules import broadcast
from compiler.ir.expr import IntLike
from compiler.ir.graph import ModelGraph
from compiler.support.options import Context

_TRANSPOSES = ("aten.permute.default", "aten.transpose.int", "aten.t.default", "aten.numpy_T.default")


def run(graph: ModelGraph, ctx: Context) -> ModelGraph:
    r = Rewriter(graph)
    rewrite = {
        "aten.matmul.default": _matmul,
        "aten.mm.default": _mm,
        "aten.addmm.default": _addmm,
        "aten.addbmm.default": _addbmm,
        "aten.baddbmm.default": _baddbmm,
        "aten.linear.default": _linear,
    }
    for node in r.calls(*rewrite):
        with r.at(node):
            new = rewrite[str(node.target)](r, node)
        if new is not node:
            r.replace(node, new)
    return r.finish()


def _is_constant_matrix(r: Rewriter, node: torch.fx.Node) -> bool:
    """Whether the node is a constant, or the transpose of one."""
    if str(node.target) in _TRANSPOSES and isinstance(node.args[0], torch.fx.Node):
        node = node.args[0]
    return r.constant(node) is not None and len(shape(node)) == 2


def _transposed(r: Rewriter, node: torch.fx.Node) -> torch.fx.Node:
    """The transpose; of a transpose the original."""
    source: torch.fx.Node = argument(node, 0)
    if str(node.target) in _TRANSPOSES and value(node).stride() == value(source).t().stride():
        return source
    return r.call(aten.permute.default, node, [1, 0])


def _linear(r: Rewriter, node: torch.fx.Node) -> torch.fx.Node:
    x, weight, bias = argument(node, 0), argument(node, 1), argument(node, 2, "bias")
    if _is_constant_matrix(r, weight) and len(shape(weight)) == 2:
        return node
    product = _product(
        r, x, weight if len(shape(weight)) == 1 else r.call(aten.permute.default, weight, [1, 0])
    )
    return product if bias is None else r.call(aten.add.Tensor, product, bias)


def _matmul(r: Rewriter, node: torch.fx.Node) -> torch.fx.Node:
    x, y = node.args
    assert isinstance(x, torch.fx.Node) and isinstance(y, torch.fx.Node)
    return _product(r, x, y)


def _mm(r: Rewriter, node: torch.fx.Node) -> torch.fx.Node:
    x, y = node.args
    assert isinstance(x, torch.fx.Node) and isinstance(y, torch.fx.Node)
    return r.call(aten.linear.default, x, _transposed(r, y)) if _is_constant_matrix(r, y) else node


def _product(r: Rewriter, x: torch.fx.Node, y: torch.fx.Node) -> torch.fx.Node:
    """torch.matmul by ranks: vectors become matrices, a computed matrix on the right multiplies all rows at once."""
    if len(shape(x)) == 1:
        row = _product(r, r.call(aten.unsqueeze.default, x, 0), y)
        return r.call(aten.squeeze.dim, row, -1 if len(shape(y)) == 1 else -2)
    if len(shape(y)) == 1:
        return r.call(aten.squeeze.dim, _product(r, x, r.call(aten.unsqueeze.default, y, 1)), -1)
    if len(shape(y)) == 2:
        if _is_constant_matrix(r, y):
            return r.call(aten.linear.default, x, _transposed(r, y))
        rows = _view(r, x, [math.prod(shape(x)[:-1]), shape(x)[-1]])
        return _view(r, r.call(aten.mm.default, rows, y), [*shape(x)[:-1], shape(y)[1]])
    return _batched(r, x, y)


def _batched(r: Rewriter, x: torch.fx.Node, y: torch.fx.Node) -> torch.fx.Node:
    batch = broadcast(shape(x)[:-2], shape(y)[:-2])

    def flat(node: torch.fx.Node) -> torch.fx.Node:
        size = [*batch, *shape(node)[-2:]]
        shown = node if shape(node) == size else r.call(aten.expand.default, node, size)
        return (
            r.call(aten.reshape.default, shown, [math.prod(batch), *size[-2:]]) if len(size) != 3 else shown
        )

    product = r.call(aten.bmm.default, flat(x), flat(y))
    return _view(r, product, [*batch, shape(x)[-2], shape(y)[-1]])


def _view(r: Rewriter, node: torch.fx.Node, size: Sequence[IntLike]) -> torch.fx.Node:
    return node if shape(node) == list(size) else r.call(aten.reshape.default, node, list(size))


def _addmm(r: Rewriter, node: torch.fx.Node) -> torch.fx.Node:
    bias, x, y = node.args[:3]
    assert isinstance(x, torch.fx.Node) and isinstance(y, torch.fx.Node)
    plain = node.kwargs.get("alpha", 1) == 1 and node.kwargs.get("beta", 1) == 1
    if plain and _is_constant_matrix(r, y) and len(shape(bias)) == 1 and shape(bias)[0] == shape(y)[1]:
        return r.call(aten.linear.default, x, _transposed(r, y), bias)
    return _scaled_sum(r, node, _product(r, x, y))


def _baddbmm(r: Rewriter, node: torch.fx.Node) -> torch.fx.Node:
    return _scaled_sum(r, node, r.call(aten.bmm.default, *node.args[1:3]))


def _addbmm(r: Rewriter, node: torch.fx.Node) -> torch.fx.Node:
    product = r.call(aten.bmm.default, *node.args[1:3])
    dtype = product.meta["val"].dtype
    return _scaled_sum(r, node, r.call(aten.sum.dim_IntList, product, [0], dtype=dtype))


def _scaled_sum(r: Rewriter, node: torch.fx.Node, product: torch.fx.Node) -> torch.fx.Node:
    """beta * first argument + alpha * product; beta 0 ignores the argument, NaNs included. Of integers both are cut, as in eager."""
    alpha, beta = node.kwargs.get("alpha", 1), node.kwargs.get("beta", 1)
    if not product.meta["val"].is_floating_point():
        alpha, beta = (int(f) if isinstance(f, float) else f for f in (alpha, beta))
    if alpha != 1:
        product = r.call(aten.mul.Tensor, product, alpha)
    if beta == 0:
        return product
    added = node.args[0] if beta == 1 else r.call(aten.mul.Tensor, node.args[0], beta)
    return r.call(aten.add.Tensor, product, added)
