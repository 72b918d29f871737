"""How many tasks of a parallel loop one thread should take at least.

The work of a task is the bytes that it moves plus its arithmetic, counted in bytes by the rates of one core: a cheap vector operation on
one element takes as long as moving 0.8 bytes within the caches (0.033 against 0.044 cycles). Where sizes are known at run time only, the
grain is an expression over them.
"""

from __future__ import annotations

from collections.abc import Mapping

from compiler.ir.expr import Expr, IntLike, const, maximum, mul_all
from compiler.ir.schedule import REDUCE, ROW, KernelGroup, Member
from compiler.ir.schedule_passes import body_cost

BYTES_PER_OPERATION = 0.8
# Work of run-time sizes is counted in tenths of a byte.
_PER_BYTE = 10


def grain_of(group: KernelGroup, members: Mapping[str, Member], tasks: Expr, grain_bytes: int) -> IntLike:
    """At least 1."""
    sizes = {n.name: n.layout.dtype.size_bytes for n in group.nodes}
    outer, inner = mul_all(group.outer), mul_all(group.inner)
    work: list[tuple[Expr, float]] = []  # (points, bytes for each)
    for m in members.values():
        points = outer if m.role == ROW else outer * inner
        moved = sum(op.dtype.size_bytes for op in m.body.loads() if str(op.attrs[0]) not in members)
        work.append((points, moved + BYTES_PER_OPERATION * body_cost(m.body)))
        if m.name not in group.local:
            work.append((outer if m.role in (ROW, REDUCE) else points, sizes[m.name]))
    if tasks.is_const and all(points.is_const for points, _ in work):
        total = sum(max(1, points.value()) * each for points, each in work)
        return max(1, int(grain_bytes / max(1.0, total / max(1, tasks.value()))))
    dynamic = const(0)
    for points, each in work:
        dynamic = dynamic + points * round(each * _PER_BYTE)
    per_task = maximum(dynamic // tasks, 1)
    return maximum(const(grain_bytes * _PER_BYTE) // per_task, 1)
