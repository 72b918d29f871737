"""Graph IR as text: printer and, in `graph_parse`, its inverse.

One graph prints the same everywhere, so texts can be diffed and kept. The data of constants is not in the text.

    graph my_model
    in_spec "[1, {...}]"
    symbol s0 in [1, 512]
    guard [s0 % 2 == 0] at "models/my_model.py:21 in forward"
    input x -> %x : float32 [64, s0] stride [s0, 1] at "models/my_model.py:21 in forward"
    constant %p_w "fc.weight" parameter : float32 [3, 10] stride [10, 1]
    %linear = aten.linear.default(%x, %p_w) : float32 [64, 3] stride [3, 1] at "models/my_model.py:22 in forward"
    %true_graph_0 = block true_graph_0
    output output = %linear stride [3, 1]
    block true_graph_0                         its lines follow, indented
      graph my_model.true_graph_0
      ...

`graph my_model canonical` is one that the FX passes have been over; it also says what the model's own constants were (`original`)
and how folded ones are made of them (`recipe`). Arguments: `%name` is a node; `[...]` and `(...)` are lists and tuples; numbers, None,
True and False as in Python; strings as in JSON; `size(s0 + 1)` is an integer and `number(sqrt(float(s0)))` a float made of sizes;
`check(u0 <= 30)` is a comparison of sizes; `device("cpu")`; `operator("mylib.add_.default")`; dtypes, layouts and memory formats under
PyTorch's names. `from` says which node, and which operator, of the exported graph a call or a folded constant stands for, where these are
not its own.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

import torch
import torch.fx

from compiler.ir.expr import Expr, IntLike
from compiler.ir.expr_parse import print_range
from compiler.ir.graph import GraphConstant, GraphInput, GraphOutput, ModelGraph
from compiler.ir.guard import Guard
from compiler.ir.recipe import print_original, print_recipe
from compiler.ir.size_float import SizeFloat
from compiler.support.origins import Origin


def print_graph(graph: ModelGraph) -> str:
    """The whole graph, with a newline at the end."""
    return "\n".join([*_head(graph), *_body(graph)]) + "\n"


def target_name(node: torch.fx.Node) -> str:
    """The operator of a call as text: `aten.sin.default`, `getitem`, `cond`."""
    target = node.target
    if isinstance(target, (torch._ops.OpOverload, torch._ops.HigherOrderOperator, str)):
        return str(target)
    return getattr(target, "__name__", repr(target))


def print_type(value: object) -> str:
    """What a node gives: `float32 [2, 3] stride [3, 1]`, `size(u0)`, `(a, b)` of several, `None`."""
    if isinstance(value, torch.Tensor):
        dtype = str(value.dtype).removeprefix("torch.")
        return f"{dtype} {_sizes(value.shape)} stride {_sizes(value.stride())}"
    if isinstance(value, (list, tuple)):
        return _sequence(value, [print_type(v) for v in value])
    return print_value(value)


def print_value(value: object) -> str:
    """An argument of a call."""
    if isinstance(value, torch.fx.Node):
        return f"%{value.name}"
    if isinstance(value, (list, tuple)):
        return _sequence(value, [print_value(v) for v in value])
    if isinstance(value, str):
        return json.dumps(value)
    if isinstance(value, Expr):
        return f"size({value})"
    if isinstance(value, SizeFloat):
        return f"number({value})"
    if isinstance(value, Guard):
        return f"check({value})"
    if isinstance(value, torch._ops.OpOverload):
        return f"operator({json.dumps(str(value))})"
    if isinstance(value, torch.device):
        return f"device({json.dumps(str(value))})"
    return repr(value)


def _sequence(value: Sequence[object], parts: list[str]) -> str:
    if isinstance(value, list):
        return f"[{', '.join(parts)}]"
    return f"({', '.join(parts)}{',' if len(parts) == 1 else ''})"


def _sizes(values: Sequence[IntLike]) -> str:
    return f"[{', '.join(map(str, values))}]"


def _head(graph: ModelGraph) -> Iterator[str]:
    yield f"graph {graph.name}" + (" canonical" if graph.canonical else "")
    for key, text in (
        ("in_spec", graph.in_spec),
        ("out_spec", graph.out_spec),
        ("call_info", graph.call_info),
    ):
        if text:
            yield f"{key} {json.dumps(text)}"
    for key, text in graph.meta.items():
        yield f"meta {json.dumps(key)} {json.dumps(text)}"
    for symbol in _symbols(graph):
        yield f"symbol {symbol} in {print_range(symbol)}"
    for guard in graph.guards:
        yield f"guard [{guard}]" + _at(guard.origin)


def _body(graph: ModelGraph) -> Iterator[str]:
    nodes = {n.name: n for n in graph.module.graph.nodes}
    inputs = {i.placeholder: i for i in graph.inputs}
    constants = {c.placeholder: c for c in graph.constants}
    for name, node in nodes.items():
        if name in inputs:
            yield _input(inputs[name], node)
        elif name in constants:
            yield _constant(graph, constants[name], node)
    for original in graph.originals:
        yield f"original {print_original(original)}"
    for fqn, recipe in graph.recipes.items():
        yield f"recipe {json.dumps(fqn)} = {print_recipe(recipe)}"
    for node in graph.module.graph.nodes:
        if node.op == "call_function":
            yield _call(graph, node)
        elif node.op == "get_attr":
            yield f"%{node.name} = block {node.target}"
        elif node.op == "output":
            for output, value in zip(graph.outputs, node.args[0], strict=True):
                yield _output(output, value)
    for target, block in graph.blocks.items():
        yield f"block {target}"
        yield from (f"  {line}" for line in (*_head(block), *_body(block)))


def _input(i: GraphInput, node: torch.fx.Node) -> str:
    position = f" position {i.position}" if i.position else ""
    text = f"input {i.name} -> %{i.placeholder} : {print_type(node.meta.get('val'))}{position}"
    return text + _mutated(i.mutated) + _given_on(i.device) + _at(i.origin)


def _constant(graph: ModelGraph, c: GraphConstant, node: torch.fx.Node) -> str:
    text = f"constant %{c.placeholder} {json.dumps(c.fqn)} {c.kind} : {print_type(node.meta.get('val'))}"
    return text + _mutated(c.mutated) + _origin(graph, node)


def _output(o: GraphOutput, value: object) -> str:
    text = f"output {o.name} = {print_value(value)}"
    text += "" if o.stride is None else f" stride {_sizes(o.stride)}"
    return text + (f" mutates %{o.mutates}" if o.mutates else "") + _given_on(o.device)


def _call(graph: ModelGraph, node: torch.fx.Node) -> str:
    arguments = [print_value(a) for a in node.args] + [
        f"{k}={print_value(v)}" for k, v in node.kwargs.items()
    ]
    given = f"{target_name(node)}({', '.join(arguments)})"
    return f"%{node.name} = {given} : {print_type(node.meta.get('val'))}{_origin(graph, node)}"


def _origin(graph: ModelGraph, node: torch.fx.Node) -> str:
    origin: Origin | None = node.meta.get("origin")
    if origin is None:
        return ""
    own = (graph.origin_name(node.name), node.name if node.op == "placeholder" else target_name(node))
    text = f" from {json.dumps(origin.fx_node)} {json.dumps(origin.aten_op)}"
    return ("" if (origin.fx_node, origin.aten_op) == own else text) + _at(origin.location)


def _mutated(yes: bool) -> str:
    return " mutated" if yes else ""


def _given_on(device: str) -> str:
    return f" on {device}" if device else ""


def _at(location: str) -> str:
    return f" at {json.dumps(location)}" if location else ""


def _symbols(graph: ModelGraph) -> list[Expr]:
    """The size symbols of the graph that the text names, each once, by name. A block's are the surrounding graph's, or its own."""
    found: dict[Expr, None] = {}
    for node in graph.module.graph.nodes:
        for value in _leaves((node.meta.get("val"), node.args, node.kwargs)):
            if isinstance(value, (Expr, SizeFloat, Guard)):
                found.update(dict.fromkeys(value.symbols()))
    for stated in (*graph.guards, *(v for o in graph.outputs for v in o.stride or ())):
        if isinstance(stated, (Expr, Guard)):
            found.update(dict.fromkeys(stated.symbols()))
    return sorted(found, key=str)


def _leaves(value: object) -> Iterator[object]:
    if isinstance(value, torch.Tensor):
        yield from (*value.shape, *value.stride())
    elif isinstance(value, dict):
        yield from _leaves(tuple(value.values()))
    elif isinstance(value, (list, tuple)):
        for v in value:
            yield from _leaves(v)
    else:
        yield value
