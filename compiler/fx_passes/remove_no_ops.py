"""Removes calls that change nothing: dropout in evaluation, views to the same size, copies, casts to the same
type, multiplication by one.

dropout(x, 0.1, False) -> x        expand(x, same size) -> x        slice(x, 0, 0, 2**63 - 1) -> x
"""

from __future__ import annotations

import torch.fx

from compiler.fx_passes.rewriter import Rewriter, argument, shape, value
from compiler.ir.graph import ModelGraph
from compiler.support.options import Context

_COPIES = {
    "aten.alias.default",
    "aten.detach.default",
    "aten.detach_.default",
    "aten.lift_fresh_copy.default",
    "aten.clone.default",
    "aten.contiguous.default",
}
_DROPOUTS = {"aten.dropout.default", "aten.feature_dropout.default", "aten.alpha_dropout.default"}
_VIEWS = {
    "aten.view.default", "aten.reshape.default", "aten._unsafe_view.default", "aten.flatten.using_ints", "aten.unflatten.int",
    "aten.expand.default", "aten.expand_as.default", "aten.broadcast_to.default", "aten.slice.Tensor", "aten.narrow.default",
    "aten.squeeze.default", "aten.squeeze.dim", "aten.squeeze.dims",
}  # fmt: skip
_CASTS = {
    "aten._to_copy.default", "aten.to.dtype", "aten.to.dtype_layout", "aten.to.device", "prims.convert_element_type.default",
}  # fmt: skip


def run(graph: ModelGraph, ctx: Context) -> ModelGraph:
    r = Rewriter(graph)
    for node in r.calls():
        if node.args and isinstance(node.args[0], torch.fx.Node) and _is_no_op(node):
            r.replace(node, node.args[0])
    return r.finish()


def _is_no_op(node: torch.fx.Node) -> bool:
    name = str(node.target)
    if name in _COPIES:
        return True
    if name in _DROPOUTS:
        return not argument(node, 2) or bool(argument(node, 1) == 0)
    if name in _CASTS:
        return value(node).dtype == value(node.args[0]).dtype
    if name in _VIEWS:
        # A view to the same size is the same elements, unless it steps backwards, which a slice cannot.
        return shape(node) == shape(node.args[0])
    if name == "aten.permute.default":
        return list(argument(node, 1)) == list(range(len(shape(node))))
    if name in ("aten.mul.Tensor", "aten.div.Tensor", "aten.mul.Scalar", "aten.div.Scalar"):
        same = value(node).dtype == value(node.args[0]).dtype
        return same and isinstance(argument(node, 1), (int, float)) and bool(argument(node, 1) == 1)
    return False
