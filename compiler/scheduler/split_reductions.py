"""Cuts a long reduction with few results in two, so that threads can share it: partial results, then their reduction.

Enters: a program. Leaves: one in which every such `Reduction` is two. Kinds that give a position stay whole.

The parts come first in the partial result, so that a reduction across contiguous memory keeps its columns.

Before/after (sum of [1048576] to one number):
    buf3 = reduction.sum [] over [1048576]     ->   buf3_parts = reduction.sum [64] over [16384];  buf3 = reduction.sum [] over [64]
"""

from __future__ import annotations

from dataclasses import replace

from compiler.ir.dtypes import DType
from compiler.ir.expr import Expr, const, mul_all
from compiler.ir.loop import Body, BodyOp, Layout, Node, Program, Reduction, loop_var, reduction_var
from compiler.ir.loop_bodies import substitute
from compiler.scheduler.cost import tasks_of
from compiler.scheduler.device_cost import CPU, DeviceCost
from compiler.scheduler.group import single

_SPLITTABLE = ("sum", "prod", "max", "min", "any", "all")


def split_reductions(program: Program, device: DeviceCost = CPU) -> Program:
    """The program with long reductions cut; the same object where there are none."""
    nodes: list[Node] = []
    for node in program.nodes:
        nodes += _split(node, device) if isinstance(node, Reduction) else [node]
    return replace(program, nodes=nodes) if len(nodes) != len(program.nodes) else program


def _split(node: Reduction, device: DeviceCost) -> list[Node]:
    results, points = mul_all(node.ranges), mul_all(node.reduction_ranges)
    tasks, total = tasks_of(single(0, node)), (points * results).lo or 0
    few = tasks < device.enough_tasks
    long = total >= device.split_points and total >= device.task_points * tasks
    if node.kind not in _SPLITTABLE or not few or not long:
        return [node]
    parts = _parts(node.reduction_ranges[0], device.max_parts)
    if parts < device.min_parts:
        return [node]
    first, rest = node.reduction_ranges[0], node.reduction_ranges[1:]
    chunk = first // parts
    mapping = {loop_var(k, e): loop_var(k + 1, e) for k, e in enumerate(node.ranges)}
    mapping[reduction_var(0, first)] = loop_var(0, parts) * chunk + reduction_var(0, chunk)
    body = substitute(node.body, mapping)
    layout = Layout.contiguous(node.acc_dtype, (const(parts), *node.ranges), node.layout.device)
    name = f"{node.name}_parts"
    partial = Reduction(name, layout, node.origins, (chunk, *rest), node.kind, node.acc_dtype, body)
    index = layout.index([reduction_var(0, parts), *(loop_var(k, e) for k, e in enumerate(node.ranges))])
    final = replace(node, reduction_ranges=(const(parts),), body=_load(name, index, node.acc_dtype))
    return [partial, final]


def _parts(extent: Expr, most: int) -> int:
    """The largest divisor that is not too large; 1 for a size that is not known."""
    if not extent.is_const:
        return 1
    return max((d for d in range(1, most + 1) if extent.value() % d == 0), default=1)


def _load(buffer: str, index: Expr, dtype: DType) -> Body:
    return Body((BodyOp("load", (), dtype, (buffer, index)),), (0,))
