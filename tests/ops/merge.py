"""Many small graphs as one, so that one library runs them all: what makes a sweep over thousands of samples quick.

Enters: graphs of the frontend. Leaves: one graph with all inputs, constants and outputs, one after the other.

Invariant: nodes of different graphs stay independent; only names change.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch
import torch.fx

from compiler.ir.graph import GraphConstant, GraphInput, GraphOutput, ModelGraph
from compiler.ir.size_float import SizeFloat


class _Prefixed(dict[str, str]):
    """The names of the k-th graph's numbers that are read out of tensors."""

    def __init__(self, k: int) -> None:
        super().__init__()
        self.k = k

    def __missing__(self, name: str) -> str:
        return f"s{self.k}_{name}"


def _renamed(values: Any, k: int) -> Any:
    return torch.fx.node.map_aggregate(
        values, lambda v: v.named(_Prefixed(k)) if isinstance(v, SizeFloat) else v
    )


def _rename_numbers(node: torch.fx.Node, k: int) -> None:
    node.args, node.kwargs = _renamed(node.args, k), _renamed(node.kwargs, k)
    node.meta["val"] = _renamed(node.meta.get("val"), k)


def merge(graphs: Sequence[ModelGraph], name: str) -> ModelGraph:
    """The graphs side by side. The k-th graph's inputs, constants and outputs get the prefix `s<k>_`."""
    merged = torch.fx.Graph()
    inputs: list[GraphInput] = []
    constants: list[GraphConstant] = []
    outputs: list[GraphOutput] = []
    results: list[torch.fx.node.Argument] = []
    data: dict[str, torch.Tensor] = {}
    # Placeholders come first in a graph.
    maps: list[dict[torch.fx.Node, torch.fx.Node]] = []
    for k, graph in enumerate(graphs):
        copies: dict[torch.fx.Node, torch.fx.Node] = {}
        for node in graph.module.graph.find_nodes(op="placeholder"):
            copies[node] = merged.placeholder(f"s{k}_{node.name}")
            copies[node].meta = dict(node.meta)
        renamed = {node.name: copy.name for node, copy in copies.items()}
        inputs += [
            replace(i, placeholder=renamed[i.placeholder], name=f"s{k}_{i.name}") for i in graph.inputs
        ]
        constants += [
            replace(c, placeholder=renamed[c.placeholder], fqn=f"s{k}.{c.fqn}") for c in graph.constants
        ]
        data.update((f"s{k}.{fqn}", tensor) for fqn, tensor in graph.data.items())
        maps.append(copies)
    for k, (graph, copies) in enumerate(zip(graphs, maps, strict=True)):
        for node in graph.module.graph.nodes:
            if node.op not in ("placeholder", "output"):
                copies[node] = merged.node_copy(node, lambda n, copies=copies: copies[n])  # type: ignore[misc]
                _rename_numbers(copies[node], k)
        (output,) = graph.module.graph.find_nodes(op="output")
        results += _renamed(torch.fx.map_arg(output.args[0], lambda n, copies=copies: copies[n]), k)  # type: ignore[misc]
        names = {node.name: copy.name for node, copy in copies.items()}
        outputs += [
            replace(o, name=f"s{k}_{o.name}", mutates=names.get(o.mutates, "")) for o in graph.outputs
        ]
    merged.output(tuple(results))
    return ModelGraph(name, torch.fx.GraphModule({}, merged), inputs, constants, outputs, data)
