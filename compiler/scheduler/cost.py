"""The cost model of fusion: bytes moved, and the limits of one kernel. Costs of operations are in `compiler.ir.schedule_passes`."""

from __future__ import annotations

from collections.abc import Iterable

from compiler.ir.expr import Expr, mul_all, typical
from compiler.ir.loop import Layout, loop_var
from compiler.ir.loop_bodies import load_index
from compiler.ir.schedule_passes import body_cost, kept_rows
from compiler.scheduler.device_cost import DeviceCost
from compiler.scheduler.group import FusionGroup

MAX_OPS = 400
MAX_ARGUMENTS = 48
# Rows of intermediate results of one thread should stay within half of a 1 MiB second-level cache.
LOCAL_LIMIT_BYTES = 1 << 19
# A row whose length is known at run time only has room for its longest in every thread's scratch up to this.
LONGEST_SIZED_ROW_BYTES = 1 << 16
# A kernel of that much work (bytes moved, or arithmetic that takes as long) should have enough tasks for the device.
PARALLEL_WORK_BYTES = 1 << 20
# What a number of rows without a bound counts as.
MANY_TASKS = 1 << 16
# Columns of one task of a reduction across contiguous memory.
COLUMNS_PER_TASK = 64
# A cheap operation on one element takes as long as moving this many bytes within the caches.
BYTES_PER_OPERATION = 0.8


def buffer_bytes(layout: Layout) -> int:
    """Bytes of the buffer, at typical sizes where these are known at run time only."""
    return typical(mul_all(layout.size)) * layout.dtype.size_bytes


def rows_in_memory(inner: Iterable[Expr]) -> bool:
    """Whether rows are so long, or of so unknown a length, that what a later pass needs of them goes to a buffer in the arena."""
    extent = mul_all(inner)
    return not extent.is_const and (extent.hi is None or 8 * extent.hi > LONGEST_SIZED_ROW_BYTES)


def local_row_bytes(group: FusionGroup, inside: set[str]) -> int:
    """Bytes of row buffers that one thread needs for values that are used in a later pass and are in no buffer of their own."""
    if rows_in_memory(group.inner):
        return 0
    return 8 * (mul_all(group.inner).hi or 0) * len(kept_rows(group.members) & inside)


def work_bytes(group: FusionGroup) -> float:
    """Bytes moved by a pointwise group, and its arithmetic in the same unit."""
    points = typical(mul_all(group.outer + group.inner))
    moved = sum(
        op.dtype.size_bytes
        for m in group.members.values()
        for op in m.body.loads()
        if str(op.attrs[0]) in group.reads
    )
    return points * (moved + BYTES_PER_OPERATION * sum(body_cost(m.body) for m in group.members.values()))


def tasks_of(group: FusionGroup) -> int:
    """How many tasks a group with reductions has: its rows, or tiles of columns where loads are contiguous across rows."""
    rows = mul_all(group.outer).hi
    if rows is None or not group.outer:
        return 1 if not group.outer else MANY_TASKS
    last = loop_var(len(group.outer) - 1, group.outer[-1])
    loads = [
        load_index(op)
        for m in group.members.values()
        for op in m.body.loads()
        if str(op.attrs[0]) in group.reads
    ]
    contiguous = sum(e.coefficient(last) == 1 for e in loads)
    return -(-rows // COLUMNS_PER_TASK) if 2 * contiguous > len(loads) else rows


def loses_threads(joined: FusionGroup, parts: Iterable[FusionGroup], device: DeviceCost) -> bool:
    """Whether a pointwise part that has tasks enough of its own would be done by few tasks in the joined loops."""
    if not joined.has_reduction or tasks_of(joined) >= device.min_tasks:
        return False
    return any(not p.has_reduction and work_bytes(p) >= PARALLEL_WORK_BYTES for p in parts)
