"""Common subexpressions: equal calls on equal arguments become one.

a = view(x, [128, 384]); b = view(x, [128, 384])  ->  a
"""

from __future__ import annotations

import operator

import torch
import torch.fx
from torch._ops import HigherOrderOperator

from compiler.fx_passes.rewriter import Rewriter
from compiler.ir.graph import ModelGraph, gives_sizes
from compiler.support.options import Context


def run(graph: ModelGraph, ctx: Context) -> ModelGraph:
    r = Rewriter(graph)
    seen: dict[object, torch.fx.Node] = {}
    for node in r.calls():
        if node.target is not operator.getitem and (
            _is_random(node) or gives_sizes(node) or isinstance(node.target, HigherOrderOperator)
        ):
            continue
        known = seen.setdefault((node.target, _key(node.args), _key(node.kwargs)), node)
        if known is not node:
            r.replace(node, known)
    return r.finish()


def _is_random(node: torch.fx.Node) -> bool:
    tags = getattr(node.target, "tags", ())
    return torch.Tag.nondeterministic_seeded in tags


def _key(value: object) -> object:
    """Hashable, and different for values that compare equal but mean different things (0.0 and -0.0, 1 and True)."""
    if isinstance(value, torch.fx.Node):
        return value
    if isinstance(value, (list, tuple)):
        return tuple(_key(v) for v in value)
    if isinstance(value, dict):
        return tuple((k, _key(v)) for k, v in sorted(value.items()))
    return type(value), repr(value)
