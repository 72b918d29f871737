"""Puts a lowered program on a device: retargeting, the last step of lowering.

Enters: a program whose layouts all say "cpu", whatever machine it was exported on: the frontend forgets devices, so that a model
exported where there is no GPU compiles for one. Leaves: the same program with every buffer on `device`: inputs, constants,
factories' results, intermediates, outputs. Nothing runs on a device for this.

    Layout(float32, [64, 64], device "cpu")  ->  Layout(float32, [64, 64], device "cuda")
"""

from __future__ import annotations

from dataclasses import replace

from compiler.ir.loop import (
    Cond,
    CustomKernel,
    ExternKernel,
    Layout,
    Node,
    Program,
    ReadSize,
    Scatter,
    TemplateKernel,
    TensorRef,
    View,
    While,
    Written,
)


def place(program: Program, device: str) -> Program:
    """The program with all its buffers on `device`; the same object where they are."""
    if device == "cpu":
        return program
    return replace(
        program,
        inputs=[replace(i, layout=_moved(i.layout, device)) for i in program.inputs],
        constants=[replace(c, layout=_moved(c.layout, device)) for c in program.constants],
        nodes=[_node(n, device) for n in program.nodes],
        outputs=[
            replace(o, value=_ref(o.value, device)) if isinstance(o.value, TensorRef) else o
            for o in program.outputs
        ],
        mutations=[replace(m, value=_ref(m.value, device)) for m in program.mutations],
    )


def _moved(layout: Layout, device: str) -> Layout:
    return replace(layout, device=device)


def _ref(ref: TensorRef, device: str) -> TensorRef:
    return TensorRef(ref.buffer, _moved(ref.layout, device))


def _node(node: Node, device: str) -> Node:
    node = replace(node, layout=_moved(node.layout, device))
    if isinstance(node, Cond):
        blocks = place(node.then, device), place(node.otherwise, device)
        return replace(node, predicate=_ref(node.predicate, device), then=blocks[0], otherwise=blocks[1])
    if isinstance(node, While):
        enter, test, body = (place(block, device) for block in node.blocks)
        return replace(node, enter=enter, test=test, body=body)
    if isinstance(node, (View, ReadSize)):
        return replace(node, operand=_ref(node.operand, device))
    if isinstance(node, Scatter):
        return replace(node, base=_ref(node.base, device))
    if isinstance(node, TemplateKernel):
        return replace(node, operands=tuple(_ref(r, device) for r in node.operands))
    if isinstance(node, ExternKernel):
        args = tuple(_ref(a, device) if isinstance(a, TensorRef) else a for a in node.args)
        return replace(node, args=args)
    if isinstance(node, CustomKernel):
        return replace(node, args=tuple(_argument(a, device) for a in node.args))
    return node


def _argument(value: object, device: str) -> object:
    if isinstance(value, tuple):
        return tuple(_argument(v, device) for v in value)
    if isinstance(value, Written):
        return replace(value, layout=_moved(value.layout, device))
    return _ref(value, device) if isinstance(value, TensorRef) else value
