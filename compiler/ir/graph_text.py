"""Graph IR as text, for people: signature, then one line a node with its type and origin. It is not read back: a
`.pt2` is the graph's file form.

    graph my_model
    input x -> x : float32[64, 64]
    %sin = aten.sin.default(x) : float32[64, 64]  # models/my_model.py:22 in forward
    output output = %sin
"""

from __future__ import annotations

import torch
import torch.fx

from compiler.ir.expr import Expr
from compiler.ir.graph import ModelGraph


def print_graph(graph: ModelGraph) -> str:
    """The whole graph, with a newline at the end."""
    nodes = {n.name: n for n in graph.module.graph.nodes}
    lines = [f"graph {graph.name}"]
    lines += [f"input {i.name} -> {i.placeholder} : {_type(nodes[i.placeholder])}" for i in graph.inputs]
    lines += [
        f"constant {c.placeholder} : {_type(nodes[c.placeholder])} {c.kind} {c.fqn!r}"
        for c in graph.constants
    ]
    for node in graph.module.graph.nodes:
        if node.op == "call_function":
            lines.append(_call(node))
        elif node.op == "output":
            returned = node.args[0]
            lines += [
                f"output {o.name} = {_argument(v)}" for o, v in zip(graph.outputs, returned, strict=True)
            ]
    for target, block in graph.blocks.items():
        lines.append(f"block {target}")
        lines += [f"  {line}" for line in print_graph(block).splitlines()]
    return "\n".join(lines) + "\n"


def _call(node: torch.fx.Node) -> str:
    arguments = [_argument(a) for a in node.args] + [f"{k}={_argument(v)}" for k, v in node.kwargs.items()]
    origin = node.meta["origin"].location if "origin" in node.meta else ""
    name = (
        getattr(node.target, "__name__", "")
        if not isinstance(node.target, torch._ops.OpOverload)
        else str(node.target)
    )
    return f"%{node.name} = {name}({', '.join(arguments)}) : {_type(node)}" + (
        f"  # {origin}" if origin else ""
    )


def _argument(value: object) -> str:
    if isinstance(value, torch.fx.Node):
        return value.name if value.op == "placeholder" else f"%{value.name}"
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(_argument, value))}]"
    return repr(value)


def _type(node: torch.fx.Node) -> str:
    value = node.meta.get("val")
    if isinstance(value, torch.Tensor):
        return f"{str(value.dtype).removeprefix('torch.')}{list(value.shape)}"
    return str(value) if isinstance(value, Expr) else type(value).__name__
