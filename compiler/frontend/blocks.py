"""The bodies of control-flow operators: sub-modules of the exported graph become graphs of their own.

Enters: a graph module with origins, and the constants of the graph around it. Leaves: a `ModelGraph` for each get_attr node that names
a body, with the constants that are handed to it under the body's own names.

    true_graph_0 = cond(pred, %true_graph_0, %false_graph_0, (x, p_weight))
      ->  blocks["true_graph_0"]: input x (operand 0), constant arg1_1 = "weight"
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
import torch.fx
from torch._ops import HigherOrderOperator

from compiler.frontend.signature import first_use
from compiler.ir.graph import GraphConstant, GraphInput, GraphOutput, ModelGraph


def cond_operands(pred: Any, then: Any, otherwise: Any, operands: Sequence[Any] = ()) -> tuple[Any, ...]:
    return tuple(operands)


def while_operands(test: Any, body: Any, carried: Sequence[Any], more: Sequence[Any] = ()) -> tuple[Any, ...]:
    return (*carried, *more)


def scan_operands(
    body: Any, init: Sequence[Any], xs: Sequence[Any], more: Sequence[Any] = ()
) -> tuple[Any, ...]:
    # What a body sees of xs is a slice, so these are never constants of the body.
    return (*init, *(None for _ in xs), *more)


def map_operands(body: Any, xs: Sequence[Any], more: Sequence[Any] = ()) -> tuple[Any, ...]:
    return (*(None for _ in xs), *more)


# Operators that have a lowering: what a body's placeholders stand for, in order.
OPERANDS: dict[str, Callable[..., tuple[Any, ...]]] = {
    "cond": cond_operands,
    "while_loop": while_operands,
    "scan": scan_operands,
    "map_impl": map_operands,
}
# Operands whose value changes from one turn to the next: no constants of the body.
CARRIED: dict[str, Callable[[Any], int]] = {
    "while_loop": lambda args: len(args[2]),
    "scan": lambda args: len(args[1]),
}


def bodies(module: torch.fx.GraphModule) -> Iterator[tuple[torch.fx.Node, str, torch.fx.GraphModule]]:
    """(call, target of the get_attr node, body) for every body of a call in this graph."""
    for node in module.graph.nodes:
        if node.op == "call_function" and isinstance(node.target, HigherOrderOperator):
            for argument in node.args:
                if isinstance(argument, torch.fx.Node) and argument.op == "get_attr":
                    body = getattr(module, str(argument.target))
                    if isinstance(body, torch.fx.GraphModule):
                        yield node, str(argument.target), body


def every_module(module: torch.fx.GraphModule) -> Iterator[torch.fx.GraphModule]:
    """The graph and all bodies in it, however deep."""
    yield module
    for _, _, body in bodies(module):
        yield from every_module(body)


def make(
    module: torch.fx.GraphModule,
    name: str,
    constants: Sequence[GraphConstant],
    data: Mapping[str, torch.Tensor],
) -> dict[str, ModelGraph]:
    """The graphs of all bodies called in `module`, by target, with theirs inside."""
    known = {c.placeholder: c for c in constants if not c.mutated}
    found: dict[str, ModelGraph] = {}
    for call, target, body in bodies(module):
        operands = OPERANDS[str(call.target)](*call.args)
        carried = CARRIED[str(call.target)](call.args) if str(call.target) in CARRIED else 0
        bound = [
            known.get(o.name) if isinstance(o, torch.fx.Node) and k >= carried else None
            for k, o in enumerate(operands)
        ]
        found[target] = _block(body, f"{name}.{target}", bound, data)
    return found


def _block(
    body: torch.fx.GraphModule,
    name: str,
    bound: Sequence[GraphConstant | None],
    data: Mapping[str, torch.Tensor],
) -> ModelGraph:
    placeholders = [n for n in body.graph.nodes if n.op == "placeholder"]
    constants = [
        replace(c, placeholder=node.name)
        for node, c in zip(placeholders, bound, strict=True)
        if c is not None
    ]
    inputs = [
        GraphInput(node.name, node.name, first_use(node), position=k)
        for k, (node, c) in enumerate(zip(placeholders, bound, strict=True))
        if c is None
    ]
    (output,) = (n for n in body.graph.nodes if n.op == "output")
    if isinstance(output.args[0], torch.fx.Node):  # the test of a while_loop
        output.args = ((output.args[0],),)
    outputs = [GraphOutput(f"output_{k}") for k in range(len(output.args[0]))]
    own = {c.fqn: data[c.fqn] for c in constants}
    return ModelGraph(name, body, inputs, constants, outputs, own, blocks=make(body, name, constants, own))
