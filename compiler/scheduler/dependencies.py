"""Who reads what: the users of every buffer, through views, and which buffers must outlive their kernel.

Enters: a program. Leaves: `Dependencies` over node positions. A load through a view counts as a read of the view, and the view as a
read of its base, so that an order of the nodes is right for both.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Union

from compiler.ir.loop import Body, BodyOp, Node, Pointwise, Program, Reduction, Scan, Scatter, TensorRef, View
from compiler.ir.loop_bodies import loaded_buffer
from compiler.ir.loop_reads import buffers_read

LoopNode = Union[Pointwise, Reduction, Scan, Scatter]


@dataclass
class Dependencies:
    position: dict[str, int]  # of the node that defines a buffer
    users: dict[str, list[int]]  # positions of the nodes that read a buffer, ascending
    outputs: set[str]  # storages that leave the program
    kept: set[str]  # outputs, and what a mutation stores: readable after the last node
    storage: dict[str, str]  # a view's (transitive) base; other buffers: themselves


def analyse(program: Program) -> Dependencies:
    """One pass over the nodes."""
    storage = {name: name for name in program.layouts()}
    position, users = {}, {}  # type: dict[str, int], dict[str, list[int]]
    for k, node in enumerate(program.nodes):
        position[node.name] = k
        if isinstance(node, View):
            storage[node.name] = storage[node.operand.buffer]
        for buffer in buffers_read(node):
            users.setdefault(buffer, []).append(k)
    outputs = {storage[o.value.buffer] for o in program.outputs if isinstance(o.value, TensorRef)}
    kept = outputs | {storage[m.value.buffer] for m in program.mutations}
    return Dependencies(position, users, outputs, kept, storage)


def load_from_storage(program: Program) -> Program:
    """Bodies load from the storage that a view names, so that fusion sees through views (element indices are those of the storage)."""
    base: dict[str, str] = {}
    layouts = program.layouts()
    nodes: list[Node] = []
    for node in program.nodes:
        if isinstance(node, View) and node.layout.dtype == layouts[node.operand.buffer].dtype:
            base[node.name] = base.get(node.operand.buffer, node.operand.buffer)
        nodes.append(
            _redirect(node, base) if isinstance(node, (Pointwise, Reduction, Scan, Scatter)) else node
        )
    return replace(program, nodes=nodes)


def _redirect(node: LoopNode, base: Mapping[str, str]) -> LoopNode:
    def new(op: BodyOp) -> BodyOp:
        if op.opcode != "load" or loaded_buffer(op) not in base:
            return op
        return replace(op, attrs=(base[loaded_buffer(op)], *op.attrs[1:]))

    ops = tuple(new(op) for op in node.body.ops)
    return node if ops == node.body.ops else replace(node, body=Body(ops, node.body.yields))
