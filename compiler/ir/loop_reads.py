"""Which buffers a Loop IR node reads, and which numbers out of tensors its expressions use."""

from __future__ import annotations

from collections.abc import Iterator

from compiler.ir.expr import Expr, data_symbols
from compiler.ir.loop import (
    Cond,
    CustomKernel,
    ExternKernel,
    Layout,
    Node,
    Pointwise,
    ReadSize,
    Reduction,
    Result,
    Scan,
    Scatter,
    TemplateKernel,
    TensorRef,
    View,
    While,
    Written,
)


def buffers_read(node: Node) -> tuple[str, ...]:
    """Names of the buffers that the node reads, each once, in order of first appearance; those of `ReadSize` nodes last."""
    names: list[str] = []
    if isinstance(node, (Pointwise, Reduction, Scan, Scatter)):
        names += [str(op.attrs[0]) for op in node.body.loads()]
    if isinstance(node, Scatter):
        names.append(node.base.buffer)
    if isinstance(node, (View, ReadSize)):
        names.append(node.operand.buffer)
    if isinstance(node, TemplateKernel):
        names += [r.buffer for r in node.operands]
    if isinstance(node, (ExternKernel, CustomKernel)):
        names += [r.buffer for r in node.operands()]
    if isinstance(node, Cond):
        names.append(node.predicate.buffer)
    if isinstance(node, (Cond, While)):
        made = {node.name}.union(*(block.mutated() for block in node.blocks))
        for block in node.blocks:
            names += [i.name for i in block.inputs if i.name not in made] + [c.name for c in block.constants]
    if isinstance(node, Result):
        names.append(node.control)
    names += [str(s) for s in sizes_read(node)]
    return tuple(dict.fromkeys(names))


def sizes_read(node: Node) -> tuple[Expr, ...]:
    """Symbols of `ReadSize` nodes that the node's own expressions use (not those of its blocks)."""
    return data_symbols(_expressions(node))


def _expressions(node: Node) -> Iterator[object]:
    yield from _of_layout(node.layout)
    if isinstance(node, (Pointwise, Reduction, Scan, Scatter)):
        yield from node.ranges
        for op in node.body.ops:
            yield from op.attrs
    if isinstance(node, Reduction):
        yield from node.reduction_ranges
    elif isinstance(node, Scatter):
        yield node.index
        yield from _of_layout(node.base.layout)
    elif isinstance(node, (View, ReadSize)):
        yield from _of_layout(node.operand.layout)
    elif isinstance(node, TemplateKernel):
        yield from node.ranges
        yield from (value for _, value in node.params)
        yield from _of_arguments(node.operands)
    elif isinstance(node, (ExternKernel, CustomKernel)):
        yield from _of_arguments(node.args)
    if isinstance(node, CustomKernel):
        yield from _of_arguments(node.bases)


def _of_layout(layout: Layout) -> Iterator[Expr]:
    yield from layout.size
    yield from layout.stride
    yield layout.offset


def _of_arguments(values: tuple[object, ...]) -> Iterator[object]:
    for value in values:
        if isinstance(value, (TensorRef, Written)):
            yield from _of_layout(value.layout)
        elif isinstance(value, tuple):
            yield from _of_arguments(value)
        else:
            yield value
