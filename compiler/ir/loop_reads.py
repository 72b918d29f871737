"""Which buffers a Loop IR node reads."""

from __future__ import annotations

from compiler.ir.loop import (
    Cond,
    CustomKernel,
    ExternKernel,
    Node,
    Pointwise,
    Reduction,
    Result,
    Scan,
    Scatter,
    Sort,
    TemplateKernel,
    View,
    While,
)


def buffers_read(node: Node) -> tuple[str, ...]:
    """Names of the buffers that the node reads, each once, in order of first appearance."""
    names: list[str] = []
    if isinstance(node, (Pointwise, Reduction, Scan, Scatter)):
        names += [str(op.attrs[0]) for op in node.body.loads()]
    if isinstance(node, Scatter):
        names.append(node.base.buffer)
    if isinstance(node, (Sort, View)):
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
    return tuple(dict.fromkeys(names))
