"""Each rule of Graph IR's verifier catches a graph that breaks it, and the message names the graph, the node and the rule."""

from __future__ import annotations

import operator
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
import torch.fx

from compiler.ir.graph import GraphConstant, GraphInput, GraphOutput, ModelGraph
from compiler.ir.graph_verify import verify
from compiler.ir.tensor_type import tensor_type
from compiler.support.diagnostics import InternalError
from compiler.support.origins import Origin

aten = torch.ops.aten
ORIGIN = Origin("n", "aten.n.default")


def _val(node: torch.fx.Node, *size: int) -> torch.fx.Node:
    node.meta.update(val=tensor_type(torch.float32, size), origin=ORIGIN)
    return node


def _call(graph: torch.fx.Graph, name: str, target: Callable[..., object], *args: Any) -> torch.fx.Node:
    return graph.create_node("call_function", target, args, {}, name)


def _block() -> ModelGraph:
    """z -> sin(z) + v, with the weight as its own constant."""
    graph = torch.fx.Graph()
    z, v = (_val(graph.placeholder(name), 2, 3) for name in ("z", "v"))
    total = _val(_call(graph, "add", aten.add.Tensor, z, v), 2, 3)
    graph.output((total,))
    data = {"weight": torch.zeros(2, 3)}
    constants = [GraphConstant("v", "weight", "parameter")]
    module = torch.fx.GraphModule({}, graph)
    return ModelGraph("good.body", module, [GraphInput("z", "z")], constants, [GraphOutput("o")], data)


def _good() -> ModelGraph:
    """A step of a model with state and a body: steps += 1; the result is map(x + w), then its sine."""
    body = _block()
    graph = torch.fx.Graph()
    x, w = (_val(graph.placeholder(name), 2, 3) for name in ("x", "w"))
    steps = _val(graph.placeholder("steps"))
    attribute = graph.get_attr("body")
    total = _val(_call(graph, "add", aten.add.Tensor, x, w), 2, 3)
    mapped = _val(_call(graph, "mapped", torch.ops.higher_order.map_impl, attribute, [total], [w]), 2, 3)
    sine = _val(_call(graph, "sin", aten.sin.default, mapped), 2, 3)
    more = _val(_call(graph, "more", aten.add.Tensor, steps, 1))
    graph.output((more, sine))
    return ModelGraph(
        "good",
        torch.fx.GraphModule({"body": body.module}, graph),
        [GraphInput("x", "x")],
        [GraphConstant("w", "weight", "parameter"), GraphConstant("steps", "steps", "buffer", mutated=True)],
        [GraphOutput("new_steps", "steps"), GraphOutput("sine", stride=(3, 1))],
        {"weight": torch.zeros(2, 3), "steps": torch.zeros(())},
        blocks={"body": body},
    )


def _node(g: ModelGraph, name: str) -> torch.fx.Node:
    found: torch.fx.Node = next(n for n in g.module.graph.nodes if n.name == name)
    return found


def _mutates(g: ModelGraph, *names: str) -> None:
    g.outputs = [replace(o, mutates=name) for o, name in zip(g.outputs, names, strict=True)]


def _use_late(g: ModelGraph) -> None:
    _node(g, "add").args = (_node(g, "x"), _node(g, "sin"))


def _foreign(g: ModelGraph) -> None:
    _node(g, "sin").args = (next(iter(_block().module.graph.nodes)),)


def _one_value(g: ModelGraph) -> None:
    _node(g, "output").args = (_node(g, "sin"),)


def _call_method(g: ModelGraph) -> None:
    _node(g, "sin").op = "call_method"


def _rename(g: ModelGraph) -> None:
    _node(g, "sin")._rename("sinus")
    _node(g, "sinus").name = "add"


def _after_output(g: ModelGraph) -> None:
    output = _node(g, "output")
    with g.module.graph.inserting_after(output):
        _val(_call(g.module.graph, "late", aten.sin.default, _node(g, "sin")), 2, 3)


BROKEN: dict[str, tuple[Callable[[ModelGraph], object], str]] = {
    "placeholder of nobody": (lambda g: g.inputs.clear(), "x: the placeholder belongs to no input and no constant"),
    "constants out of order": (lambda g: g.constants.reverse(), "constants: are not in the order of their placeholders"),
    "two owners": (lambda g: g.inputs.append(GraphInput("w", "w")), "w: the placeholder belongs to 2 inputs and constants"),
    "input without placeholder": (lambda g: g.inputs.append(GraphInput("y", "y")), "y: an input or constant .* is no placeholder"),
    "input that is a call": (lambda g: g.inputs.append(GraphInput("sin", "y")), "sin: an input or constant .* is no placeholder"),
    "constant without data": (lambda g: g.data.pop("weight"), "w: the constant 'weight' has no data"),
    "data of another shape": (lambda g: g.data.update(weight=torch.zeros(3, 2)),
                              r"w: meta 'val' is float32\[2, 3\], the data of 'weight' is float32\[3, 2\]"),
    "data of another dtype": (lambda g: g.data.update(weight=torch.zeros(2, 3).double()), r"w: .* 'weight' is float64\[2, 3\]"),
    "constant that is a number": (lambda g: _node(g, "w").meta.update(val=1), "w: meta 'val' of a constant is int, no tensor"),
    "input without val": (lambda g: _node(g, "x").meta.pop("val"), "x: has no meta 'val'"),
    "call without val": (lambda g: _node(g, "sin").meta.pop("val"), "sin: has no meta 'val'"),
    "call without origin": (lambda g: _node(g, "sin").meta.pop("origin"), "sin: has no meta 'origin'"),
    "uses a later node": (_use_late, "add: uses sin, which is not defined before it"),
    "node of another graph": (_foreign, "sin: uses z, which is not defined before it"),
    "kind of node": (_call_method, "sin: call_method is no kind of node"),
    "two of a name": (_rename, "add: another node has the same name"),
    "fewer outputs": (lambda g: g.outputs.pop(), "output: returns 2 values, the signature has 1 outputs"),
    "more outputs": (lambda g: g.outputs.append(GraphOutput("more")), "output: returns 2 values, the signature has 3 outputs"),
    "one value": (_one_value, "output: returns one value, not a flat tuple"),
    "no output": (lambda g: g.module.graph.erase_node(_node(g, "output")), "output: the graph does not end in its only output"),
    "goes on after the output": (_after_output, "output: the graph does not end in its only output"),
    "mutates nothing": (lambda g: _mutates(g, "stops", ""), "stops: an output mutates it, but it is no input or constant"),
    "mutates unmarked": (lambda g: _mutates(g, "steps", "x"), "x: an output mutates it, but it is not marked"),
    "mutates twice": (lambda g: _mutates(g, "steps", "steps"), "steps: 2 outputs mutate it"),
    "never mutated": (lambda g: _mutates(g, "", ""), "steps: it is marked as mutated, but no output"),
    "no such block": (lambda g: g.blocks.clear(), "body: names body, which is no block"),
    "another block": (lambda g: g.blocks.update(body=_block()), "body: the block is not the sub-module of that name"),
    "inside a block": (lambda g: g.blocks["body"].data.clear(), r"\.body, v: the constant 'weight' has no data"),
}  # fmt: skip


def test_a_good_graph_passes() -> None:
    verify(_good())


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_graph_is_named(case: str) -> None:
    graph = _good()
    damage, message = BROKEN[case]
    damage(graph)
    with pytest.raises(InternalError, match=f"Graph IR good.*{message}"):
        verify(graph)


def _branch(*results: tuple[torch.dtype, tuple[int, ...]]) -> ModelGraph:
    """z -> values of these types."""
    graph = torch.fx.Graph()
    z = _val(graph.placeholder("z"), 2, 3)
    made = []
    for n, (dtype, size) in enumerate(results):
        node = _call(graph, f"r{n}", aten.sin.default, z)
        node.meta.update(val=tensor_type(dtype, size), origin=ORIGIN)
        made.append(node)
    graph.output(tuple(made))
    module = torch.fx.GraphModule({}, graph)
    return ModelGraph(
        "good.branch",
        module,
        [GraphInput("z", "z")],
        [],
        [GraphOutput(f"o{n}") for n in range(len(made))],
        {},
    )


FLOATS = (torch.float32, (2, 3))


@pytest.mark.parametrize(
    ("other", "message"),
    [
        ((FLOATS,), None),
        ((), "no returns 0 values, the call 1"),
        ((FLOATS, FLOATS), "no returns 2 values, the call 1"),
        (((torch.float32, (3, 2)),), r"result 0 of no is float32\[3, 2\], that of the call float32\[2, 3\]"),
        (((torch.float32, (2, 3, 1)),), "result 0 of no is"),
        (((torch.int64, (2, 3)),), r"result 0 of no is int64\[2, 3\], that of the call float32"),
    ],
)
def test_branches_return_what_the_call_does(
    other: tuple[tuple[torch.dtype, tuple[int, ...]], ...], message: str | None
) -> None:
    yes, no = _branch(FLOATS), _branch(*other)
    graph = torch.fx.Graph()
    x = _val(graph.placeholder("x"), 2, 3)
    predicate = _call(graph, "predicate", aten.any.default, x)
    predicate.meta.update(val=tensor_type(torch.bool, ()), origin=ORIGIN)
    bodies = graph.get_attr("yes"), graph.get_attr("no")
    call = _call(graph, "chosen", torch.ops.higher_order.cond, predicate, *bodies, (x,))
    call.meta.update(val=(tensor_type(*FLOATS),), origin=ORIGIN)
    first = _val(_call(graph, "first", operator.getitem, call, 0), 2, 3)
    graph.output((first,))
    module = torch.fx.GraphModule({"yes": yes.module, "no": no.module}, graph)
    blocks = {"yes": yes, "no": no}
    whole = ModelGraph("good", module, [GraphInput("x", "x")], [], [GraphOutput("o")], {}, blocks=blocks)
    if message is None:
        verify(whole)
    else:
        with pytest.raises(InternalError, match=f"Graph IR good, chosen: {message}"):
            verify(whole)
