"""Who hands its result to whom in a graph and in the bodies in it.

    y = cond(p, {z = sin(x)}, {z = cos(x)}, (x,))     ->    x - true_graph_0.sin, x - false_graph_0.cos, both - y, p - y

Enters: a `ModelGraph`. Leaves: edges between calls, by the names of `provenance.NodeRecord`. What a body is handed goes to the nodes that
use it, and what the body returns goes to the branch or loop, so that the whole has no cycle, whatever loops there are.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import torch.fx

from compiler.ir.graph import ModelGraph


@dataclass(frozen=True)
class GraphEdge:
    """Names of FX nodes: `source` is an argument of `target`."""

    source: str
    target: str


def find(graph: ModelGraph) -> list[GraphEdge]:
    """Each edge once, in the order of the targets."""
    return list(dict.fromkeys(_of_graph(graph, {})))


def _of_graph(graph: ModelGraph, outside: Mapping[str, str]) -> Iterator[GraphEdge]:
    """`outside`: the call around the graph that a placeholder stands for."""
    for node in graph.module.graph.nodes:
        if node.op == "call_function":
            target = graph.origin_name(node.name)
            for source in node.all_input_nodes:
                if source.op == "get_attr":
                    yield from _of_body(graph, node, graph.blocks[str(source.target)], outside)
                elif name := _name(graph, source, outside):
                    yield GraphEdge(name, target)


def _of_body(
    graph: ModelGraph, call: torch.fx.Node, body: ModelGraph, outside: Mapping[str, str]
) -> Iterator[GraphEdge]:
    operands = [o for argument in call.args if isinstance(argument, (list, tuple)) for o in argument]
    handed = {i.placeholder: _name(graph, operands[i.position], outside) for i in body.inputs}
    inside = {placeholder: name for placeholder, name in handed.items() if name}
    yield from _of_graph(body, inside)
    (output,) = (n for n in body.module.graph.nodes if n.op == "output")
    for source in output.all_input_nodes:
        if name := _name(body, source, inside):
            yield GraphEdge(name, graph.origin_name(call.name))


def _name(graph: ModelGraph, source: object, outside: Mapping[str, str]) -> str:
    """The call that gives this value; "" where it is an input or a constant of the model, or a number."""
    if not isinstance(source, torch.fx.Node):
        return ""
    return outside.get(source.name, "") if source.op == "placeholder" else graph.origin_name(source.name)
