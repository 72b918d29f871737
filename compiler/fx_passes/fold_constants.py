"""Computes at compile time what depends on constants only.

    cos(mul(inv_freq, arange(64)))   ->   a constant [64]

Not folded: views of a constant (they cost nothing as they are, and the weight keeps its name), values made of
`full`, `arange` and the like alone that are large (computing them is cheaper than reading them), and what is
much larger than the constants it comes from.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.fx

from compiler.fx_passes.constant_recipes import recipe_of
from compiler.fx_passes.rewriter import Rewriter, depends_on_sizes
from compiler.ir.graph import ModelGraph, gives_sizes
from compiler.support.options import Context

# Elements up to which a folded value may have more of them than its sources.
_SMALL = 1 << 16
_VIEWS = {
    "aten.view.default", "aten.reshape.default", "aten._unsafe_view.default", "aten.permute.default", "aten.transpose.int",
    "aten.t.default", "aten.expand.default", "aten.expand_as.default", "aten.unsqueeze.default", "aten.squeeze.default",
    "aten.squeeze.dim", "aten.squeeze.dims", "aten.slice.Tensor", "aten.select.int", "aten.alias.default", "aten.detach.default",
    "aten.numpy_T.default", "aten.unflatten.int", "aten.flatten.using_ints", "aten.broadcast_to.default", "aten.narrow.default",
}  # fmt: skip
# The copy that made a view possible may have been removed: what a view reads need not lie as export saw it.
_RESHAPES: dict[str, Any] = {
    "aten.view.default": torch.ops.aten.reshape.default,
    "aten._unsafe_view.default": torch.ops.aten.reshape.default,
}
_FACTORIES = {
    "aten.full.default", "aten.full_like.default", "aten.zeros.default", "aten.zeros_like.default", "aten.ones.default",
    "aten.ones_like.default", "aten.scalar_tensor.default", "aten.arange.default", "aten.arange.start", "aten.arange.start_step",
    "aten.new_full.default", "aten.new_zeros.default", "aten.new_ones.default", "aten.eye.default", "aten.eye.m", "prims.iota.default",
}  # fmt: skip
_UNDEFINED = {
    "aten.empty.memory_format",
    "aten.empty_like.default",
    "aten.new_empty.default",
    "aten.empty_permuted.default",
}


def run(graph: ModelGraph, ctx: Context) -> ModelGraph:
    r = Rewriter(graph)
    constant = _constant_nodes(r)
    data: dict[torch.fx.Node, Any] = {}
    for node in r.calls():
        # What a view shows is folded below the view, which would repeat elements.
        is_root = node in constant and any(u not in constant or str(u.target) in _VIEWS for u in node.users)
        if is_root and isinstance(node.meta.get("val"), torch.Tensor) and _is_worth(r, node):
            result = _compute(r, node, data)
            if isinstance(result, torch.Tensor):
                with r.at(node):
                    recipe = recipe_of(r, node)
                    r.replace(node, r.new_constant(f"folded:{node.name}", result.contiguous(), recipe))
    return r.finish()


def _constant_nodes(r: Rewriter) -> set[torch.fx.Node]:
    """Nodes whose value is the same in every run."""
    found = {n for n in r.graph.nodes if n.op == "placeholder" and r.constant(n) is not None}
    for node in r.calls():
        random = torch.Tag.nondeterministic_seeded in getattr(node.target, "tags", ())
        custom = getattr(node.target, "namespace", "aten") not in ("aten", "prims")  # no kernel here
        if (
            not random
            and not gives_sizes(node)
            and not custom
            and str(node.target) not in _UNDEFINED
            and not depends_on_sizes(node)
            and all(a in found for a in node.all_input_nodes)
        ):
            found.add(node)
    return found


def _is_worth(r: Rewriter, root: torch.fx.Node) -> bool:
    """Whether the value of this constant node should be stored."""
    computed, weights = False, 0
    todo, seen = [root], {root}
    while todo:
        node = todo.pop()
        name = str(node.target)
        if node.op == "placeholder":
            tensor = r.tensor(node)
            weights += tensor.numel() if tensor is not None else 0
        elif name not in _FACTORIES:
            computed |= name not in _VIEWS
            new = [a for a in node.all_input_nodes if a not in seen]
            seen.update(new)
            todo += new
    return (
        computed and str(root.target) not in _VIEWS and root.meta["val"].numel() <= max(_SMALL, 2 * weights)
    )


def _compute(r: Rewriter, root: torch.fx.Node, data: dict[torch.fx.Node, Any]) -> object:
    """The value, from those of its inputs; each computed once."""
    order: list[torch.fx.Node] = []
    todo = [root]
    while todo:
        node = todo.pop()
        if node not in data:
            order.append(node)
            todo += node.all_input_nodes
    with torch.no_grad():
        for node in sorted(set(order)):
            if node.op == "placeholder":
                data[node] = r.tensor(node)
            else:
                args, kwargs = torch.fx.map_arg((node.args, node.kwargs), lambda n: data[n])
                data[node] = _RESHAPES.get(str(node.target), node.target)(*args, **kwargs)
    return data[root]
