"""The FX passes in their order. Each is `run(graph, ctx) -> graph` in the file of its name.

Enters: what the frontend made. Leaves: the same model in the operators that lowering takes, smaller.
"""

from __future__ import annotations

from dataclasses import replace

from compiler.fx_passes import (
    canonicalize_attention,
    canonicalize_matmul,
    eliminate_common,
    fold_batch_norm,
    fold_constants,
    merge_linears,
    originals,
    remove_no_ops,
    resolve_as_strided,
)
from compiler.ir.graph import ModelGraph
from compiler.ir.graph_text import print_graph
from compiler.ir.graph_verify import verify
from compiler.support.options import Context, no_dump

PASSES = (
    resolve_as_strided,
    remove_no_ops,
    canonicalize_attention,
    canonicalize_matmul,
    fold_batch_norm,
    fold_constants,
    eliminate_common,
    merge_linears,
)


def run(graph: ModelGraph, ctx: Context) -> ModelGraph:
    """All passes, over the bodies of control flow first. The graph is edited in place and returned."""
    graph = _passes(graph, ctx)
    graph.canonical = True
    verify(graph)
    return graph


def _passes(graph: ModelGraph, ctx: Context) -> ModelGraph:
    for block in graph.blocks.values():
        _passes(block, replace(ctx, dump=no_dump))  # its text is part of the whole graph's
    graph.originals, graph.original_data = originals.collect(graph), dict(graph.data)
    for fx_pass in PASSES:
        graph = fx_pass.run(graph, ctx)
        if ctx.dumps:
            ctx.dump(f"fx_passes.{fx_pass.__name__.rpartition('.')[2]}", print_graph(graph))
    return graph
