"""How many tasks of a parallel loop one thread should take at least.

The work of a task is the bytes that it moves plus its arithmetic, counted in bytes by the rates of one core: a cheap vector operation on
one element takes as long as moving 0.8 bytes within the caches (0.033 against 0.044 cycles).
"""

from __future__ import annotations

from collections.abc import Mapping

from compiler.ir.expr import Expr, mul_all
from compiler.ir.schedule import REDUCE, ROW, KernelGroup, Member
from compiler.ir.schedule_passes import body_cost

BYTES_PER_OPERATION = 0.8


def grain_of(group: KernelGroup, members: Mapping[str, Member], tasks: Expr, grain_bytes: int) -> int:
    """At least 1. Dynamic sizes count by their lower bound."""
    sizes = {n.name: n.layout.dtype.size_bytes for n in group.nodes}
    outer, inner = _low(mul_all(group.outer)), _low(mul_all(group.inner))
    work = 0.0
    for m in members.values():
        points = outer * (1 if m.role == ROW else inner)
        moved = sum(op.dtype.size_bytes for op in m.body.loads() if str(op.attrs[0]) not in members)
        work += points * (moved + BYTES_PER_OPERATION * body_cost(m.body))
        if m.name not in group.local:
            work += (outer if m.role in (ROW, REDUCE) else points) * sizes[m.name]
    per_task = max(1.0, work / max(1, _low(tasks)))
    return max(1, int(grain_bytes / per_task))


def _low(e: Expr) -> int:
    return max(1, e.lo or 1)
