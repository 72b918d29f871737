"""Inputs whose strides vary by themselves: refused, since a run learns its sizes from the sizes of its inputs.

Export makes a symbol of a stride that is no product of the sizes, such as that of `x[:, ::2]` with open sizes.

    x [s0, s1], strides (s2, s3)       refused: nothing gives s2 and s3
    x [s0, s1], strides (1, s0)        taken, and checked when the library is called
"""

from __future__ import annotations

from collections.abc import Iterator

from compiler.ir.expr import exprs
from compiler.ir.graph import ModelGraph
from compiler.support.diagnostics import Problem


def problems(graph: ModelGraph) -> Iterator[Problem]:
    values = {n.name: n.meta["val"] for n in graph.module.graph.nodes if n.op == "placeholder"}
    known = {s for i in graph.inputs for e in exprs(values[i.placeholder].shape) for s in e.symbols()}
    for i in graph.inputs:
        for dim, stride in enumerate(exprs(values[i.placeholder].stride())):
            if any(symbol not in known for symbol in stride.symbols()):
                yield Problem(
                    f"input '{i.name}': its stride along dimension {dim} varies by itself; it is no product of the sizes of the inputs",
                    i.origin,
                    "export with a contiguous example (x.contiguous()), or with fixed sizes where the strides have to be as they are",
                )
                break
