"""Attention in one form: `scaled_dot_product_attention` with an additive mask.

    sdpa(q, k, v, bool mask)                                   ->  sdpa(q, k, v, where(mask, 0, -inf))      (layers then share the mask)
    matmul(softmax(matmul(q, k^T) * scale + mask, -1), v)      ->  sdpa(q, k, v, mask, scale=scale)
    masked_fill(scores, m, -inf)                               ->  where(m, -inf, 0) as the mask

A row in which every score is -inf gives zeros here, as in `scaled_dot_product_attention`; the explicit form
gives NaN.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
import torch.fx

from compiler.fx_passes.rewriter import Rewriter, argument, aten, shape, value
from compiler.fx_passes.type_rules import broadcast
from compiler.ir.graph import ModelGraph
from compiler.support.options import Context

_PRODUCTS = {"aten.matmul.default", "aten.bmm.default"}
_SOFTMAXES = {"aten.softmax.int", "aten._softmax.default"}
# A score filled with this or less has no weight, whatever is added to it.
_NO_WEIGHT = -1e30


def run(graph: ModelGraph, ctx: Context) -> ModelGraph:
    r = Rewriter(graph)
    for node in r.calls(*_PRODUCTS):
        found = _match(node)
        if found is not None:
            with r.at(node):
                r.replace(node, _write(r, found))
    for node in r.calls("aten.scaled_dot_product_attention.default"):
        _make_additive(r, node)
    return r.finish()


def _make_additive(r: Rewriter, node: torch.fx.Node) -> None:
    mask = argument(node, 3, "attn_mask")
    if not isinstance(mask, torch.fx.Node) or value(mask).dtype != torch.bool:
        return
    with r.at(node):
        additive = r.where(mask, 0.0, -math.inf, value(node).dtype)
    kwargs = {k: v for k, v in node.kwargs.items() if k != "attn_mask"}
    node.args = (*node.args[:3], additive, *node.args[4:])
    node.kwargs = kwargs


@dataclass
class _Attention:
    """What an explicit attention was made of."""

    q: torch.fx.Node
    keys: torch.fx.Node  # [..., D, Sk]
    v: torch.fx.Node
    scale: float = 1.0
    mask: torch.fx.Node | None = None
    filled: tuple[torch.fx.Node, float] | None = None


def _match(product: torch.fx.Node) -> _Attention | None:
    """The attention that ends in this product, None where it is another product."""
    weights, v = argument(product, 0), argument(product, 1)
    if (
        not isinstance(weights, torch.fx.Node)
        or not isinstance(v, torch.fx.Node)
        or str(weights.target) not in _SOFTMAXES
    ):
        return None
    rank = len(shape(weights))
    same_type = value(weights).dtype == value(weights.args[0]).dtype
    if not _only(weights) or weights.args[1] not in (-1, rank - 1) or not same_type or rank not in (3, 4):
        return None
    return _match_scores(weights.args[0], v)


def _match_scores(scores: Any, v: torch.fx.Node) -> _Attention | None:
    mask: torch.fx.Node | None = None
    filled: tuple[torch.fx.Node, float] | None = None
    scale = 1.0
    while isinstance(scores, torch.fx.Node) and _only(scores) and scores.args:
        name, first, other = str(scores.target), argument(scores, 0), argument(scores, 1)
        if name in _PRODUCTS:
            return _operands(scores, v, scale, mask, filled)
        # What comes before a scale would be scaled with it, so masks are taken only above all scales.
        number = isinstance(other, (int, float)) and not isinstance(other, bool)
        if name in ("aten.mul.Tensor", "aten.mul.Scalar") and number:
            scale *= float(other)
        elif name in ("aten.div.Tensor", "aten.div.Scalar") and number:
            scale /= float(other)
        elif (
            name == "aten.add.Tensor"
            and isinstance(other, torch.fx.Node)
            and mask is None
            and filled is None
            and scale == 1.0
        ):
            first, mask = _mask_operands(first, other)
        elif (
            name == "aten.masked_fill.Scalar"
            and argument(scores, 2) <= _NO_WEIGHT
            and filled is None
            and scale == 1.0
        ):
            filled = (other, float(argument(scores, 2)))
        else:
            return None
        scores = first
    return None


def _mask_operands(first: Any, other: torch.fx.Node) -> tuple[Any, torch.fx.Node]:
    """(scores, mask) of a sum, whichever way round it is written."""
    chain = {
        "aten.mul.Tensor",
        "aten.div.Tensor",
        "aten.masked_fill.Scalar",
        "aten.mul.Scalar",
        "aten.div.Scalar",
    } | _PRODUCTS
    if isinstance(first, torch.fx.Node) and str(first.target) not in chain and str(other.target) in chain:
        return other, first
    return first, other


def _operands(
    product: torch.fx.Node,
    v: torch.fx.Node,
    scale: float,
    mask: torch.fx.Node | None,
    filled: tuple[torch.fx.Node, float] | None,
) -> _Attention | None:
    q, keys = argument(product, 0), argument(product, 1)
    if not isinstance(q, torch.fx.Node) or not isinstance(keys, torch.fx.Node):
        return None
    lead = shape(product)[:-2]
    if any(shape(x)[:-2] != lead for x in (q, keys, v)) or any(
        len(shape(x)) != len(lead) + 2 for x in (q, keys, v)
    ):
        return None
    if len({value(x).dtype for x in (q, keys, v)}) != 1 or not value(q).dtype.is_floating_point:
        return None
    for m in (mask, filled[0] if filled else None):
        if m is not None and broadcast(shape(m), shape(product)) != shape(product):
            return None
    if mask is not None and value(mask).dtype != value(q).dtype:
        return None
    return _Attention(q, keys, v, scale, mask, filled)


def _only(node: torch.fx.Node) -> bool:
    return len(node.users) == 1


def _write(r: Rewriter, a: _Attention) -> torch.fx.Node:
    rank = len(shape(a.keys))
    k = r.call(aten.transpose.int, a.keys, rank - 2, rank - 1)
    mask = a.mask
    if a.filled is not None:
        fill = r.where(a.filled[0], -math.inf, 0.0, value(a.q).dtype)
        mask = fill if mask is None else r.call(aten.add.Tensor, mask, fill)
    return r.call(aten.scaled_dot_product_attention.default, a.q, k, a.v, mask, 0.0, False, scale=a.scale)
